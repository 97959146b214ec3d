//! Where the reading of each stream stands: a colour goes on in its stream's next line, within a step.

use crate::ansi::Scanner;
use crate::model::{StepRef, StreamName};

/// Where the reading of each stream stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Colours([StreamReading; 2]);

#[derive(Clone, Copy, Debug, Default)]
struct StreamReading {
    /// The attempt and the step; none before the first line.
    step: Option<(i32, StepRef)>,
    scanner: Scanner,
}

impl Colours {
    /// Returns the reading of a stream in a step; a new step begins without colour.
    pub(super) fn enter(&mut self, stream: StreamName, attempt: i32, step: StepRef) -> &mut Scanner {
        let reading = &mut self.0[match stream {
            StreamName::Stdout => 0,
            StreamName::Stderr => 1,
        }];
        if reading.step != Some((attempt, step)) {
            *reading = StreamReading { step: Some((attempt, step)), scanner: Scanner::default() };
        }
        &mut reading.scanner
    }
}
