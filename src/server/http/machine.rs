//! `/machine`: which machine the server runs on, so that the command line knows whether a folder here is one there.

use axum::Json;
use serde::Serialize;

use crate::machine;

/// The reply.
#[derive(Serialize)]
pub(super) struct MachineReply {
    /// A digest that programs on the same machine compute as well; null if the server cannot tell.
    machine: Option<String>,
}

pub(super) async fn machine() -> Json<MachineReply> {
    Json(MachineReply { machine: machine::identity() })
}
