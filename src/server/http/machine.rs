//! `/machine`: identifies the server's machine, so that the command line can determine whether it runs on the same
//! machine.

use axum::Json;

use crate::machine::{self, MachineReply};

pub(super) async fn machine() -> Json<MachineReply> {
    Json(MachineReply { machine: machine::identity() })
}
