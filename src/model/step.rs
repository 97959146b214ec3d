//! Which step of an attempt something belongs to.

use super::{LogPayload, Stage, StepPayload};

/// A step of an attempt: its stage, and its position there.
///
/// It identifies a step in the spool, in the events and on the page; `stepId` is its name for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StepRef {
    /// The step's stage.
    pub stage: Stage,
    /// Its position there, from 0.
    pub index: i32,
}

impl LogPayload {
    /// Returns the step that printed it.
    #[must_use]
    pub const fn step(&self) -> StepRef {
        StepRef { stage: self.stage, index: self.step_index }
    }
}

impl StepPayload {
    /// Returns the step that began or ended.
    #[must_use]
    pub const fn step(&self) -> StepRef {
        StepRef { stage: self.stage, index: self.step_index }
    }
}
