//! The schemas of types whose JSON form is not derived from their fields. These schemas are part of the description of
//! the API.

use std::borrow::Cow;

use utoipa::openapi::schema::{AdditionalProperties, AnyOf, KnownFormat, OneOf, SchemaFormat};
use utoipa::openapi::{AllOf, ArrayBuilder, Object, ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::{
    ArtifactPayload, AttemptPayload, EndPayload, GapPayload, JobPayload, LogPayload, PauseTarget, Payload, RawJson,
    Role, Segment, StagePayload, StepPayload, Timestamp,
};

/// The schemas that a type refers to, with their names.
type NamedSchemas = Vec<(String, RefOr<Schema>)>;

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn object(description: &str) -> ObjectBuilder {
    let any = AdditionalProperties::FreeForm(true);
    ObjectBuilder::new().schema_type(Type::Object).description(Some(description)).additional_properties(Some(any))
}

/// The roles of users. Programs that run jobs have tokens with the role `worker`, which no user has.
const ROLES_OF_USERS: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

/// Returns the schema of the role of a new user.
pub(crate) fn role_of_user() -> Object {
    let words = ROLES_OF_USERS.map(Role::as_str);
    text("The role, which determines what the user may do.").enum_values(Some(words)).build()
}

/// Returns the schema of the new role of a user. If it is null, the role does not change.
pub(crate) fn new_role_of_user() -> RefOr<Schema> {
    OneOf::builder().item(ObjectBuilder::new().schema_type(Type::Null)).item(role_of_user()).into()
}

/// Returns the schema of the number of masks that each rule has caused.
pub(crate) fn counts_by_rule() -> Object {
    let count = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(1_u64 << 53));
    object("The number of masks that each rule for unregistered secrets has caused, by the rule's id.")
        .additional_properties(Some(count))
        .build()
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        text("A time as in RFC 3339. Responses contain microseconds and `Z`.").format(Some(format)).into()
    }
}

impl ToSchema for Timestamp {}

impl PartialSchema for RawJson {
    fn schema() -> RefOr<Schema> {
        // The schema is referred to by its name, because the type `CommandPayload` belongs to the queue and not to this
        // crate.
        AnyOf::builder()
            .item(Ref::from_schema_name("CommandPayload"))
            .item(object("The payload of a job of another type, which only its worker checks."))
            .description(Some("The payload of a job. Its members depend on the type of the job."))
            .into()
    }
}

impl ToSchema for RawJson {
    fn name() -> Cow<'static, str> {
        "PayloadObject".into()
    }
}

impl PartialSchema for PauseTarget {
    fn schema() -> RefOr<Schema> {
        text("What is paused: `queue`, `type:NAME` or `worker:ID`.").pattern(Some("^(queue|type:.+|worker:.+)$")).into()
    }
}

impl ToSchema for PauseTarget {}

impl PartialSchema for Segment {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(1_u64 << 53));
        let numbers = ArrayBuilder::new().items(number).min_items(Some(3)).max_items(Some(3));
        numbers.description(Some("The offset, the number of bytes, and the number of the first line.")).into()
    }
}

impl ToSchema for Segment {}

/// Returns the schema for the payload of this kind of event: the members of `T`, and the member `kind`.
fn of_kind<T: ToSchema>(kind: &str) -> Schema {
    let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([kind]));
    let kind = Object::builder().schema_type(Type::Object).property("kind", word).required("kind");
    AllOf::builder().item(Ref::from_schema_name(T::name())).item(kind).into()
}

/// Adds the schema of `T`, and the schemas that it refers to.
fn add<T: ToSchema>(schemas: &mut NamedSchemas) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

impl PartialSchema for Payload {
    fn schema() -> RefOr<Schema> {
        AnyOf::builder()
            .item(of_kind::<LogPayload>("log"))
            .item(of_kind::<GapPayload>("gap"))
            .item(of_kind::<AttemptPayload>("attempt"))
            .item(of_kind::<StagePayload>("stage"))
            .item(of_kind::<StepPayload>("step"))
            .item(of_kind::<JobPayload>("job"))
            .item(of_kind::<ArtifactPayload>("artifact"))
            .item(of_kind::<EndPayload>("end"))
            .item(object("Details that a worker has reported, or a kind of event that a later version adds."))
            .description(Some("The machine-readable details of an event. `kind` says which details they are."))
            .into()
    }
}

impl ToSchema for Payload {
    fn name() -> Cow<'static, str> {
        "EventPayload".into()
    }

    fn schemas(schemas: &mut NamedSchemas) {
        add::<LogPayload>(schemas);
        add::<GapPayload>(schemas);
        add::<AttemptPayload>(schemas);
        add::<StagePayload>(schemas);
        add::<StepPayload>(schemas);
        add::<JobPayload>(schemas);
        add::<ArtifactPayload>(schemas);
        add::<EndPayload>(schemas);
    }
}
