//! Where the reading of each stream stands: a colour goes on in its stream's next line, within a step.

use crate::ansi::Scanner;
use crate::live_output::line::StepKey;
use crate::model::StreamName;

/// Where the reading of each stream stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Colours([Reading; 2]);

#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    /// The attempt and the step; none before the first line.
    step: Option<(i32, StepKey)>,
    scanner: Scanner,
}

impl Colours {
    /// Returns the reading of a stream in a step; a new step begins without colour.
    pub(super) fn enter(&mut self, stream: StreamName, attempt: i32, step: StepKey) -> &mut Scanner {
        let reading = &mut self.0[match stream {
            StreamName::Stdout => 0,
            StreamName::Stderr => 1,
        }];
        if reading.step != Some((attempt, step)) {
            *reading = Reading { step: Some((attempt, step)), scanner: Scanner::default() };
        }
        &mut reading.scanner
    }
}
