//! The history of a job: its attempts, with their stages and steps.

use model::{AttemptStatus, Event, Payload, Stage, StagePayload, StageStatus, StepPayload, StepStatus, Timestamp};

/// A job's attempts, oldest first, computed from its lifecycle events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The attempts.
    pub attempts: Vec<TimelineAttempt>,
}

/// One attempt to run the job, with its stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineAttempt {
    /// The attempt's number, starting at 1.
    pub number: i32,
    /// The attempt's status.
    pub status: AttemptStatus,
    /// The time at which the attempt started.
    pub started: Timestamp,
    /// The attempt's duration in milliseconds, or `None` while the attempt is running.
    pub millis: Option<i64>,
    /// The attempt's stages, in order.
    pub stages: Vec<StageRun>,
}

/// One stage of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRun {
    /// The name of the stage.
    pub stage: Stage,
    /// The stage's status.
    pub status: StageStatus,
    /// The time at which the stage started.
    pub started: Timestamp,
    /// The stage's duration in milliseconds, or `None` while the stage is running.
    pub millis: Option<i64>,
    /// The stage's steps, in order.
    pub steps: Vec<StepRun>,
}

/// One step of a stage, which runs one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRun {
    /// The step's id.
    pub id: String,
    /// The step's display name.
    pub name: String,
    /// The command that the step runs.
    pub command: String,
    /// The step's status.
    pub status: StepStatus,
    /// The step's exit code, or `None` if the step is still running or ended without an exit code.
    pub exit_code: Option<i32>,
    /// The time at which the step started.
    pub started: Timestamp,
    /// The step's duration in milliseconds, or `None` while the step is running.
    pub millis: Option<i64>,
}

impl Timeline {
    /// Builds the timeline from a job's lifecycle events, oldest first.
    #[must_use]
    pub fn new(lifecycle_events: &[Event]) -> Self {
        let mut timeline = Self::default();
        for event in lifecycle_events {
            match &event.payload {
                Payload::Attempt(payload) => {
                    let attempt = timeline.attempt(payload.attempt, event.created_at);
                    attempt.status = payload.status;
                    if payload.status != AttemptStatus::Started {
                        attempt.millis = Some(event.created_at.millis_since(attempt.started));
                    }
                }
                Payload::Stage(payload) => timeline.stage(payload, event.created_at),
                Payload::Step(payload) => timeline.step(payload, event.created_at),
                _ => {}
            }
        }
        timeline
    }

    /// Returns the step that is running now, or `None` if no step is running.
    #[must_use]
    pub fn running(&self) -> Option<&StepRun> {
        let attempt = self.attempts.last().filter(|attempt| attempt.status == AttemptStatus::Started)?;
        let stage = attempt.stages.last()?;
        stage.steps.last().filter(|step| step.status == StepStatus::Started)
    }

    fn attempt(&mut self, number: i32, at: Timestamp) -> &mut TimelineAttempt {
        let index = self.attempts.iter().position(|attempt| attempt.number == number).unwrap_or_else(|| {
            let status = AttemptStatus::Started;
            self.attempts.push(TimelineAttempt { number, status, started: at, millis: None, stages: Vec::new() });
            self.attempts.len() - 1
        });
        &mut self.attempts[index]
    }

    fn stage_of(&mut self, number: i32, stage: Stage, at: Timestamp) -> &mut StageRun {
        let stages = &mut self.attempt(number, at).stages;
        let index = stages.iter().position(|run| run.stage == stage).unwrap_or_else(|| {
            stages.push(StageRun { stage, status: StageStatus::Started, started: at, millis: None, steps: Vec::new() });
            stages.len() - 1
        });
        &mut stages[index]
    }

    fn stage(&mut self, payload: &StagePayload, at: Timestamp) {
        let run = self.stage_of(payload.attempt, payload.stage, at);
        run.status = payload.status;
        run.millis = payload.duration_ms;
    }

    fn step(&mut self, payload: &StepPayload, at: Timestamp) {
        let steps = &mut self.stage_of(payload.attempt, payload.stage, at).steps;
        let index = steps.iter().position(|step| step.id == payload.step_id).unwrap_or_else(|| {
            steps.push(StepRun {
                id: payload.step_id.clone(),
                name: payload.name.clone(),
                command: payload.command.clone(),
                status: payload.status,
                exit_code: None,
                started: at,
                millis: None,
            });
            steps.len() - 1
        });
        let step = &mut steps[index];
        step.status = payload.status;
        step.exit_code = payload.exit_code;
        step.millis = payload.duration_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live_output::simulated::event;
    use model::{AttemptPayload, Level, Seq};

    fn attempt(seq: i64, number: i32, status: AttemptStatus) -> Event {
        let payload = AttemptPayload {
            attempt: number,
            worker_id: "w".into(),
            status,
            exit_code: None,
            lines: None,
            bytes: None,
            suppressed_bytes: None,
            redactions: None,
            redactions_by_rule: None,
            log_sha256: None,
        };
        event(Seq(seq), Level::Info, "", Payload::Attempt(payload))
    }

    fn step(seq: i64, attempt: i32, id: &str, status: StepStatus) -> Event {
        let payload = StepPayload {
            stage: Stage::Execute,
            step_id: id.into(),
            step_index: 0,
            name: id.to_uppercase(),
            command: "true".into(),
            attempt,
            status,
            exit_code: None,
            signal: None,
            duration_ms: (status != StepStatus::Started).then_some(7),
            terminal_rows: None,
        };
        event(Seq(seq), Level::Info, "", Payload::Step(payload))
    }

    #[test]
    fn a_started_step_is_running_until_it_ends() {
        let mut events = vec![attempt(1, 1, AttemptStatus::Started), step(2, 1, "build", StepStatus::Started)];
        let timeline = Timeline::new(&events);
        assert_eq!(timeline.running().map(|step| step.name.as_str()), Some("BUILD"));
        events.push(step(3, 1, "build", StepStatus::Succeeded));
        let timeline = Timeline::new(&events);
        assert_eq!(timeline.running(), None);
        assert_eq!(timeline.attempts[0].stages[0].steps[0].millis, Some(7));
    }

    #[test]
    fn a_second_attempt_has_its_own_steps() {
        let timeline = Timeline::new(&[
            attempt(1, 1, AttemptStatus::Started),
            step(2, 1, "build", StepStatus::Failed),
            attempt(3_000, 1, AttemptStatus::Failed),
            attempt(4_000, 2, AttemptStatus::Started),
            step(4_001, 2, "build", StepStatus::Started),
        ]);
        assert_eq!(timeline.attempts.len(), 2);
        assert_eq!(timeline.attempts[0].millis, Some(2));
        assert_eq!(timeline.attempts[0].stages[0].steps[0].status, StepStatus::Failed);
        assert_eq!(timeline.attempts[1].stages[0].steps[0].status, StepStatus::Started);
    }
}
