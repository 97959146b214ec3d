//! `/machine`: identifies the machine of the server, so that the command line knows whether both see the same files.

use axum::Json;
use serde::Serialize;

use crate::machine;

/// The response.
#[derive(Serialize)]
pub(super) struct MachineReply {
    /// A digest that every program on the same machine can compute; null if it is unknown.
    machine: Option<String>,
}

pub(super) async fn machine() -> Json<MachineReply> {
    Json(MachineReply { machine: machine::identity() })
}
