//! `/jobs/{id}/usual`: returns the usual durations of a job's steps, so that readers can see which steps are slower
//! this time.

use axum::Json;
use axum::extract::State;
use engine::event_log::{Direction, Filter, Kinds, PageRequest};
use model::{Payload, Seq, Stage, StepStatus, UsualStep, UsualTimes};

use super::error::ApiError;
use super::jobs::JobPath;
use super::query::Query;
use crate::server::AppState;

/// The number of earlier jobs that are compared. With five jobs, even two exceptional ones do not distort the median.
const COMPARED: i64 = 5;
/// The maximum number of step events that are read for each job. Each step has two events.
const EVENTS: usize = 500;

pub(super) async fn usual(
    State(state): State<AppState>,
    JobPath(job): JobPath,
    query: Query,
) -> Result<Json<UsualTimes>, ApiError> {
    query.end()?;
    let earlier = state.queue.earlier_successes(job, COMPARED).await?;
    let filter = Filter { kinds: Kinds::Only(vec!["step".to_owned()]), ..Filter::default() };
    let request = PageRequest { direction: Direction::After(Seq::START), filter, limit: EVENTS };
    let mut steps: Vec<(Stage, String, Vec<i64>)> = Vec::new();
    for id in &earlier {
        for event in state.events.page(*id, &request).await?.to_model().items {
            let Payload::Step(step) = event.payload else { continue };
            let (StepStatus::Succeeded, Some(millis)) = (step.status, step.duration_ms) else { continue };
            match steps.iter_mut().find(|(stage, id, _)| *stage == step.stage && *id == step.step_id) {
                Some((.., durations)) => durations.push(millis),
                None => steps.push((step.stage, step.step_id, vec![millis])),
            }
        }
    }
    let steps = steps.into_iter().map(|(stage, step_id, durations)| UsualStep {
        stage,
        step_id,
        duration_ms: median(durations),
    });
    let jobs = i64::try_from(earlier.len()).unwrap_or(COMPARED);
    Ok(Json(UsualTimes { last_success: earlier.first().copied(), jobs, steps: steps.collect() }))
}

/// Returns the median of the durations or, if their number is even, the greater of the two middle values. `durations`
/// must not be empty.
fn median(mut durations: Vec<i64>) -> i64 {
    durations.sort_unstable();
    durations[durations.len() / 2]
}
