//! Stores, for each stream, an ANSI scanner that tracks the current colours. Colours continue on the next line of the
//! same stream until the step ends.

use model::ansi::Scanner;
use model::{StepRef, StreamName};

/// The scanner of each stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Colours([StreamReading; 2]);

#[derive(Clone, Copy, Debug, Default)]
struct StreamReading {
    /// The current attempt and step, or `None` before the first line.
    step: Option<(i32, StepRef)>,
    scanner: Scanner,
}

impl Colours {
    /// Returns the scanner of a stream for a step. A new step starts without colours.
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
