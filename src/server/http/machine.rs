//! `/machine`: identifies the server's machine, so that the command line can determine whether it runs on the same
//! machine.

use axum::Json;
use axum::extract::State;

use crate::machine::{self, MachineReply};
use crate::server::AppState;

pub(super) async fn machine(State(state): State<AppState>) -> Json<MachineReply> {
    if state.config.jobs.concurrency == 0 {
        return Json(MachineReply { machine: None, capability: None });
    }
    Json(MachineReply { machine: machine::identity(), capability: machine::capability() })
}
