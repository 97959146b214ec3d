//! Builds the description of an operation: a route with its parameters, its body and its responses.
//!
//! Each body and each response is described by a value of its type, which is also shown as an example. The example is
//! serialised in the same way as the server's actual data, so it always has the right form. Errors are described by
//! values of [`ApiError`], so the described statuses and codes are those that the server sends. The required role comes
//! from the access table.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    ArrayBuilder, ContentBuilder, HttpMethod, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
    Type,
};

use super::security::{BEARER, SESSION, WORKER_TOKEN};
use crate::server::access::Requirement;
use crate::server::http::error::ApiError;
use model::{ErrorBody, Role};

/// The schemas that an operation refers to, with their names.
pub(super) type NamedSchemas = Vec<(String, RefOr<Schema>)>;

/// The description of an operation.
pub(super) struct ApiOperation {
    pub(super) method: HttpMethod,
    pub(super) path: String,
    pub(super) schemas: NamedSchemas,
    operation: OperationBuilder,
    replies: BTreeMap<u16, ResponseBuilder>,
    errors: Vec<ApiError>,
}

impl ApiOperation {
    pub(super) fn get(path: &str, id: &str, summary: &str) -> Self {
        Self::new(HttpMethod::Get, path, id, summary)
    }

    pub(super) fn post(path: &str, id: &str, summary: &str) -> Self {
        Self::new(HttpMethod::Post, path, id, summary)
    }

    pub(super) fn put(path: &str, id: &str, summary: &str) -> Self {
        Self::new(HttpMethod::Put, path, id, summary)
    }

    pub(super) fn patch(path: &str, id: &str, summary: &str) -> Self {
        Self::new(HttpMethod::Patch, path, id, summary)
    }

    pub(super) fn delete(path: &str, id: &str, summary: &str) -> Self {
        Self::new(HttpMethod::Delete, path, id, summary)
    }

    fn new(method: HttpMethod, path: &str, id: &str, summary: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            schemas: Vec::new(),
            operation: OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)),
            replies: BTreeMap::new(),
            errors: Vec::new(),
        }
    }

    /// Adds the tag of the group in which the operation is listed.
    pub(super) fn tag(mut self, tag: &str) -> Self {
        self.operation = self.operation.tag(tag);
        self
    }

    /// Adds a longer description.
    pub(super) fn about(mut self, description: &str) -> Self {
        self.operation = self.operation.description(Some(description));
        self
    }

    /// Adds a path parameter.
    pub(super) fn path(mut self, name: &str, schema: ObjectBuilder, example: &str, description: &str) -> Self {
        let parameter = parameter(name, ParameterIn::Path, description).required(Required::True).schema(Some(schema));
        self.operation = self.operation.parameter(parameter.example(Some(example.into())));
        self
    }

    /// Adds the job's id in the path.
    pub(super) fn job(self) -> Self {
        self.path("id", id(), super::examples::JOB, "The id of the job.").refuses([ApiError::JobNotFound])
    }

    /// Adds an optional query parameter, and the error for a value that is not valid.
    pub(super) fn query(mut self, name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Self {
        let parameter = parameter(name, ParameterIn::Query, description).required(Required::False);
        self.operation = self.operation.parameter(parameter.schema(Some(schema)));
        self.refuses([ApiError::InvalidQuery(format!("{name}: must be valid"))])
    }

    /// Adds an optional query parameter whose value is a list of words, separated by commas.
    pub(super) fn words(mut self, name: &str, words: impl IntoIterator<Item = &'static str>, about: &str) -> Self {
        let parameter = parameter(name, ParameterIn::Query, about).required(Required::False);
        let parameter = parameter.style(Some(ParameterStyle::Form)).explode(Some(false));
        let schema = ArrayBuilder::new().items(word(words));
        self.operation = self.operation.parameter(parameter.schema(Some(schema)));
        self.refuses([ApiError::InvalidQuery(format!("{name}: must be valid"))])
    }

    /// Adds the error with which a route that has no query parameters refuses a query.
    pub(super) fn query_refused(self) -> Self {
        self.refuses([ApiError::InvalidQuery("x is not a parameter of this path".to_owned())])
    }

    /// Adds an optional header of the request.
    pub(super) fn header(mut self, name: &str, schema: ObjectBuilder, description: &str) -> Self {
        let parameter = parameter(name, ParameterIn::Header, description).required(Required::False);
        self.operation = self.operation.parameter(parameter.schema(Some(schema)));
        self
    }

    /// Adds a JSON body, with an example.
    pub(super) fn body<T: ToSchema + Serialize>(self, example: &T) -> Self {
        self.json_body(example, Required::True)
    }

    /// Adds a JSON body that may be missing, with an example.
    pub(super) fn optional_body<T: ToSchema + Serialize>(self, example: &T) -> Self {
        self.json_body(example, Required::False)
    }

    fn json_body<T: ToSchema + Serialize>(mut self, example: &T, required: Required) -> Self {
        let content = self.content(example, without_nulls(value(example)));
        let body = RequestBodyBuilder::new().content(JSON, content.build()).required(Some(required));
        self.operation = self.operation.request_body(Some(body.build()));
        self.refuses(errors_of_bodies()).refuses([ApiError::UnsupportedMediaType(JSON)])
    }

    /// Adds `multipart/form-data` as a format of the body. If the body can also be JSON, both formats are described.
    /// Each item of `parts` contains the name of a part, whether it is required, its schema, and its description.
    pub(super) fn form(
        mut self,
        parts: Vec<(&str, Required, ObjectBuilder, &str)>,
        json: Option<(Ref, Value)>,
    ) -> Self {
        let mut schema = ObjectBuilder::new().schema_type(Type::Object);
        for (name, required, part, description) in parts {
            schema = schema.property(name, part.description(Some(description)));
            if required == Required::True {
                schema = schema.required(name);
            }
        }
        let mut body = RequestBodyBuilder::new().required(Some(Required::True));
        if let Some((json, example)) = json {
            body = body.content(JSON, ContentBuilder::new().schema(Some(json)).example(Some(example)).build());
        }
        body = body.content("multipart/form-data", ContentBuilder::new().schema(Some(schema)).build());
        self.operation = self.operation.request_body(Some(body.build()));
        self.refuses(errors_of_bodies())
    }

    /// Adds a JSON response, with an example.
    pub(super) fn reply<T: ToSchema + Serialize>(mut self, status: u16, description: &str, example: &T) -> Self {
        let content = self.content(example, value(example));
        self.with_reply(status, description, |reply| reply.content(JSON, content.build()))
    }

    /// Adds a response with a media type other than JSON.
    pub(super) fn reply_as(
        self,
        status: u16,
        description: &str,
        media_type: &str,
        schema: impl Into<RefOr<Schema>>,
        example: Value,
    ) -> Self {
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        self.with_reply(status, description, |reply| reply.content(media_type, content))
    }

    /// Adds a response without a body.
    pub(super) fn empty_reply(self, status: u16, description: &str) -> Self {
        self.with_reply(status, description, |reply| reply)
    }

    /// Adds a header of a response.
    pub(super) fn reply_header(self, status: u16, name: &str, schema: ObjectBuilder, description: &str) -> Self {
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build();
        self.with_reply(status, "", |reply| reply.header(name, header))
    }

    /// Adds a link from a response to the operation `to`. `parameter` consists of the name of a parameter of that
    /// operation and an expression for its value, which refers to the request or the response.
    pub(super) fn link(self, status: u16, to: &str, parameter: (&str, &str)) -> Self {
        let link = LinkBuilder::new().operation_id(to).parameter(parameter.0, parameter.1);
        self.with_reply(status, "", |reply| reply.link(to, link.build()))
    }

    /// Adds a link to an operation with a body. `body` may contain expressions that refer to the request or the
    /// response.
    pub(super) fn link_with_body(self, status: u16, to: &str, parameter: (&str, &str), body: Value) -> Self {
        let link = LinkBuilder::new().operation_id(to).parameter(parameter.0, parameter.1).request_body(Some(body));
        self.with_reply(status, "", |reply| reply.link(to, link.build()))
    }

    fn with_reply(
        mut self,
        status: u16,
        description: &str,
        change: impl FnOnce(ResponseBuilder) -> ResponseBuilder,
    ) -> Self {
        let reply = self.replies.remove(&status).unwrap_or_default();
        let reply = if description.is_empty() { reply } else { reply.description(description) };
        self.replies.insert(status, change(reply));
        self
    }

    /// Adds errors. An error is ignored if one with the same status and code has already been added.
    pub(super) fn refuses(mut self, errors: impl IntoIterator<Item = ApiError>) -> Self {
        for error in errors {
            if !self.errors.iter().any(|known| known.status_and_code() == error.status_and_code()) {
                self.errors.push(error);
            }
        }
        self
    }

    /// Adds the schema of `T` and all schemas that it refers to.
    pub(super) fn schema_of<T: ToSchema>(mut self) -> Self {
        self.add_schema::<T>();
        self
    }

    fn add_schema<T: ToSchema>(&mut self) {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
    }

    fn content<T: ToSchema>(&mut self, _: &T, example: Value) -> ContentBuilder {
        self.add_schema::<T>();
        ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name()))).example(Some(example))
    }

    /// Completes the description with what every route requires: the credentials, and the role from the access table.
    pub(super) fn build(mut self, requirement: Option<Requirement>) -> utoipa::openapi::path::Operation {
        let mut credentials = vec![BEARER, SESSION];
        if let Some(Requirement::AtLeast(role)) = requirement {
            let extension = ExtensionsBuilder::new().add("x-required-role", role.as_str()).build();
            self.operation = self.operation.extensions(Some(extension));
            if role == Role::Worker {
                credentials = vec![BEARER, WORKER_TOKEN];
                self = self.refuses([ApiError::WorkerNotAuthorized(Role::Viewer), ApiError::WorkerAuthFailed]);
            } else {
                self = self.refuses([ApiError::NotAuthorized(Role::Worker)]);
            }
        }
        let changes = self.method != HttpMethod::Get || self.path.ends_with("/stream");
        let origin = changes.then_some(ApiError::OriginNotAllowed);
        self = self.refuses(errors_of_all().into_iter().chain(origin));
        let mut operation = self.operation;
        for scheme in credentials {
            operation = operation.security(SecurityRequirement::new::<_, [&str; 0], &str>(scheme, []));
        }
        let mut errors: BTreeMap<u16, Vec<&ApiError>> = BTreeMap::new();
        for error in &self.errors {
            errors.entry(error.status_and_code().0.as_u16()).or_default().push(error);
        }
        for (status, reply) in self.replies {
            operation = operation.response(status.to_string(), reply.build());
        }
        for (status, errors) in errors {
            operation = operation.response(status.to_string(), described(&errors));
        }
        operation.build()
    }
}

/// The media type of JSON.
pub(super) const JSON: &str = "application/json";

/// Returns the errors that every route can return.
fn errors_of_all() -> [ApiError; 12] {
    [
        ApiError::InvalidRequest("the request has no Host header".to_owned()),
        ApiError::AuthRequired,
        ApiError::HostNotAllowed("example.com".to_owned()),
        ApiError::RequestTimeout,
        ApiError::UriTooLong(8192),
        ApiError::UnsupportedEncoding,
        ApiError::ExpectationFailed,
        ApiError::HeadersTooLarge(16384),
        ApiError::TooManyRequests,
        ApiError::StoreSilent(30),
        ApiError::TooManyConnections(4096),
        ApiError::Internal(String::new()),
    ]
}

/// Returns the errors that every route with a request body can return.
fn errors_of_bodies() -> [ApiError; 2] {
    [ApiError::PayloadTooLarge(1 << 20), ApiError::InvalidPayload("type: is missing".to_owned())]
}

/// Describes the response for several errors that have the same status.
fn described(errors: &[&ApiError]) -> Response {
    let items = errors.iter().map(|error| format!("- `{}`: {error}", error.status_and_code().1));
    let example = errors.first().map(|error| value(&error.body()));
    let schema = Ref::from_schema_name(ErrorBody::name());
    let content = ContentBuilder::new().schema(Some(schema)).example(example);
    let mut reply =
        ResponseBuilder::new().description(items.collect::<Vec<_>>().join("\n")).content(JSON, content.build());
    if errors.iter().any(|error| error.retry_after().is_some()) {
        let seconds = HeaderBuilder::new().schema(Some(integer(0..=i64::MAX)));
        let about = "The number of seconds after which to try again.";
        reply = reply.header("Retry-After", seconds.description(Some(about)).build());
    }
    reply.build()
}

fn parameter(name: &str, place: ParameterIn, description: &str) -> ParameterBuilder {
    ParameterBuilder::new().name(name).parameter_in(place).description(Some(description))
}

/// Returns the JSON of an example.
pub(super) fn value(example: &impl Serialize) -> Value {
    serde_json::to_value(example).expect("all maps in the types of the API have string keys")
}

/// Returns an object without the members that are null, which a request can omit.
pub(super) fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
        for member in members.values_mut() {
            *member = without_nulls(member.take());
        }
    }
    value
}

/// Returns the schema of a string.
pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// Returns the schema of an id.
pub(super) fn id() -> ObjectBuilder {
    let format = utoipa::openapi::KnownFormat::Uuid;
    text().format(Some(utoipa::openapi::SchemaFormat::KnownFormat(format)))
}

/// Returns the schema of a time.
pub(super) fn time() -> ObjectBuilder {
    let format = utoipa::openapi::KnownFormat::DateTime;
    text().format(Some(utoipa::openapi::SchemaFormat::KnownFormat(format)))
}

/// Returns the schema of a whole number within bounds.
pub(super) fn integer(bounds: std::ops::RangeInclusive<i64>) -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(*bounds.start()));
    // `i64::MAX` means that there is no maximum. It is not in the schema, because JavaScript cannot represent it
    // exactly.
    if *bounds.end() == i64::MAX { number } else { number.maximum(Some(*bounds.end())) }
}

/// Returns the schema of a page's size, whose default and maximum are `limit`.
pub(super) fn limit((default, maximum): (i64, i64)) -> ObjectBuilder {
    integer(1..=maximum).default(Some(json!(default)))
}

/// Returns the schema of a Boolean parameter that is `default` if it is missing.
pub(super) fn flag(default: bool) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean).default(Some(json!(default)))
}

/// Returns the schema of a string that is one of these words.
pub(super) fn word(words: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    text().enum_values(Some(words))
}
