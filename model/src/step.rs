//! References to the steps of an attempt.

use super::ansi::DEFAULT_HEIGHT;
use super::{LogPayload, Stage, StepPayload};

/// A reference to a step of an attempt, by its stage and its index in that stage.
///
/// The worker's files of output (its spool), the events and the page identify steps in this way. `stepId` is the step's
/// machine-readable name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StepRef {
    /// The step's stage.
    pub stage: Stage,
    /// The step's index in its stage, from 0.
    pub index: i32,
}

impl LogPayload {
    /// Returns the step that printed the output.
    #[must_use]
    pub const fn step(&self) -> StepRef {
        StepRef { stage: self.stage, index: self.step_index }
    }
}

impl StepPayload {
    /// Returns the step that the event reports.
    #[must_use]
    pub const fn step(&self) -> StepRef {
        StepRef { stage: self.stage, index: self.step_index }
    }

    /// Returns the height in rows of the screen on which the step's output is drawn.
    #[must_use]
    pub fn screen_height(&self) -> u16 {
        self.terminal_rows.unwrap_or(DEFAULT_HEIGHT)
    }
}
