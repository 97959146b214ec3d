//! The operations on secrets and redaction, and those about the server itself.

use model::{
    DiskStatus, NewSecretValue, RedactionResult, RedactionRules, RedactionTest, SecretsPage, ServerStatus, WorkerCounts,
};
use serde_json::{Value, json};
use utoipa::openapi::{ObjectBuilder, Type};

use super::examples::{self, example};
use super::operation::{ApiOperation, JSON, text};
use crate::machine::MachineReply;
use crate::server::http::error::ApiError;

/// The tag that groups the operations on secrets.
pub(super) const SECRETS: &str = "secrets";

/// The tag that groups the operations about the server.
pub(super) const SERVER: &str = "server";

/// Returns the operations on secrets and redaction, and those about the server.
pub(super) fn operations() -> Vec<ApiOperation> {
    let secrets = secrets().into_iter().chain(redaction()).map(|operation| operation.tag(SECRETS));
    secrets.chain(server().map(|operation| operation.tag(SERVER))).collect()
}

fn named(operation: ApiOperation) -> ApiOperation {
    let name = text().pattern(Some("^[A-Za-z_][A-Za-z0-9_]{0,99}$"));
    operation.path("name", name, "DEPLOY_KEY", "The name of the secret.").refuses([ApiError::SecretNotFound])
}

fn secrets() -> [ApiOperation; 4] {
    let value = NewSecretValue { value: "a long random value".to_owned() };
    [
        ApiOperation::get("/secrets", "listSecrets", "Lists the named secrets, sorted by name.").query_refused().reply(
            200,
            "All secrets, without their values.",
            &SecretsPage { items: vec![examples::secret()] },
        ),
        named(ApiOperation::get("/secrets/{name}", "getSecret", "Returns a secret, without its value.")).reply(
            200,
            "The secret.",
            &examples::secret(),
        ),
        named(ApiOperation::put("/secrets/{name}", "setSecret", "Sets the value of a secret."))
            .about("A value has up to 16 KiB, and all values together have up to 32 KiB.")
            .body(&value)
            .reply(201, "The secret is new.", &examples::secret())
            .reply(200, "The value has been replaced.", &examples::secret())
            .link(201, "getSecret", ("name", "$response.body#/name"))
            .link(201, "removeSecret", ("name", "$response.body#/name")),
        named(ApiOperation::delete("/secrets/{name}", "removeSecret", "Removes a secret. Its value remains masked."))
            .empty_reply(204, "The secret has been removed."),
    ]
}

fn redaction() -> [ApiOperation; 2] {
    let test = RedactionTest { text: "token=abcdefghijklmnopqrstuvwxyz".to_owned() };
    let result: RedactionResult = example(json!({
        "text": "token=[REDACTED]", "findings": [{"line": 1, "column": 7, "bytes": 26, "rule": "assignment"}],
    }));
    let rules: RedactionRules = example(json!({
        "items": [{"id": "private-key", "reason": "a private key", "expression": "-----BEGIN .*PRIVATE KEY-----"}],
    }));
    [
        ApiOperation::post("/redact", "testRedaction", "Tests what would be masked in a text, which is not stored.")
            .body(&test)
            .query_refused()
            .reply(200, "The masked text, and the positions of what is masked.", &result),
        ApiOperation::get("/redact/rules", "listRedactionRules", "Lists the rules that recognise secrets.")
            .query_refused()
            .reply(200, "All rules.", &rules),
    ]
}

fn server() -> [ApiOperation; 3] {
    let machine: MachineReply = example(json!({"machine": "5f8d", "capability": "machine:5f8d"}));
    let status = ServerStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: examples::job().created_at,
        jobs: examples::counts(),
        workers: WorkerCounts { active: 1, draining: 0, paused: 0, offline: 0 },
        pauses: vec![examples::pause()],
        disk: DiskStatus { free_bytes: 10_000_000_000, is_low: false },
    };
    let about = "Identifies the server's machine, for programs that run on the same one.";
    let any = ObjectBuilder::new().schema_type(Type::Object);
    let document: Value = json!({"openapi": "3.1.0"});
    [
        ApiOperation::get("/machine", "getMachine", about).reply(200, "Null if they are not known.", &machine),
        ApiOperation::get("/status", "getStatus", "Returns an overview of the server.").query_refused().reply(
            200,
            "The overview.",
            &status,
        ),
        ApiOperation::get("/api/openapi.json", "getDescription", "Returns this description of the API.").reply_as(
            200,
            "An OpenAPI 3.1 document.",
            JSON,
            any,
            document,
        ),
    ]
}
