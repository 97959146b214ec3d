//! Looks up the ids of an attempt's steps and the heights of their terminals. A spool contains neither, because it
//! identifies a step only by its stage and its index in that stage.

use std::collections::HashMap;

use model::ansi::DEFAULT_HEIGHT;
use model::{JobId, Payload, Seq, StepRef};

use crate::event_log::{Direction, EventLog, Filter, Kinds, PageRequest, ReadError};
use crate::spool::Source;

/// The maximum number of events to read per page.
const LIMIT: usize = 500;

/// The ids of the steps that an attempt has started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepIds(HashMap<StepRef, KnownStep>);

/// The properties of a step, which are taken from the step's event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KnownStep {
    id: String,
    /// The height of the screen on which the step's output is drawn, in rows.
    screen_height: u16,
}

impl StepIds {
    /// Reads the ids from the job's event log. The event with a step's id is queued before the step's process starts,
    /// but it may be stored after the step has printed output. Until it is stored, the step's id is missing.
    pub(super) async fn load(events: &EventLog, job: JobId, attempt: i32) -> Result<Self, ReadError> {
        let filter =
            Filter { kinds: Kinds::Only(vec!["step".to_owned()]), attempt: Some(attempt), ..Filter::default() };
        let (mut ids, mut after) = (HashMap::new(), Seq::START);
        loop {
            let request = PageRequest { direction: Direction::After(after), filter: filter.clone(), limit: LIMIT };
            let page = events.page(job, &request).await?;
            for event in page.to_model().items {
                let Payload::Step(step) = event.payload else { continue };
                let screen_height = step.screen_height();
                ids.insert(step.step(), KnownStep { screen_height, id: step.step_id });
            }
            if !page.has_more {
                return Ok(Self(ids));
            }
            after = page.next_after;
        }
    }

    /// Returns the id of the step that printed the output, or `None` if the step's event was not stored when the ids
    /// were loaded.
    #[must_use]
    pub fn get(&self, source: Source) -> Option<&String> {
        self.of(source.step)
    }

    /// Returns the id of a step, or `None` if the step's event was not stored when the ids were loaded.
    pub(super) fn of(&self, step: StepRef) -> Option<&String> {
        self.0.get(&step).map(|known| &known.id)
    }

    /// Creates the ids of a single step with a terminal of the given height.
    #[cfg(test)]
    pub(super) fn of_terminal(step: StepRef, screen_height: u16) -> Self {
        Self(HashMap::from([(step, KnownStep { id: String::new(), screen_height })]))
    }

    /// Returns the height of the screen on which a step's output is drawn, in rows.
    pub(super) fn screen_height(&self, step: StepRef) -> u16 {
        self.0.get(&step).map_or(DEFAULT_HEIGHT, |known| known.screen_height)
    }
}
