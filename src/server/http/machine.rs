//! `/machine`: identifies the server's machine, so that the command line can determine whether it runs on the same one.

use axum::Json;
use serde::Serialize;

use crate::machine;

/// The response.
#[derive(Serialize)]
pub(super) struct MachineReply {
    /// A digest that programs on the same machine can compute, or null if it is unknown.
    machine: Option<String>,
}

pub(super) async fn machine() -> Json<MachineReply> {
    Json(MachineReply { machine: machine::identity() })
}
