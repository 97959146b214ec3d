//! Masks the output of workers on other machines.
//!
//! A worker does not know the secrets of other jobs and the server's own values, so the server masks its output once
//! more. A secret may be divided between two events. Therefore, each stream's output is masked together with the output
//! that the worker has reported before.
//!
//! The earlier event is already stored when the rest of a secret arrives. What the end of an event may reveal is
//! therefore decided as at the end of a stream ([`Redactor::redact`]): the beginning of a secret is masked if it has at
//! least 8 bytes or is at least half of the secret. The rest is always masked.

use std::fmt;

use model::{LogPayload, StepRef, StreamName};
use redact::{Redacted, Redactor};

/// The maximum length of a stream's earlier output that is kept, in bytes. A secret of which more than this has been
/// reported before is not recognised in the next event.
const KEPT: usize = 32 << 10;

/// The end of each of a step's output streams, as the worker has reported it. It is kept only in memory, because it may
/// contain secrets.
#[derive(Clone, Debug, Default)]
pub(super) struct ReportedEnds([Option<ReportedEnd>; 2]);

/// The end of the output of a step's stream.
#[derive(Clone)]
struct ReportedEnd {
    step: StepRef,
    bytes: Vec<u8>,
}

/// Shows the number of bytes, but not the bytes.
impl fmt::Debug for ReportedEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportedEnd").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl ReportedEnds {
    /// Masks the text of the next chunk of output, whose payload is `log`. All bytes of a secret are replaced by `*`,
    /// except line breaks. The text therefore keeps its length, and its offsets and line numbers in the complete log
    /// remain correct.
    pub(super) fn mask(&mut self, log: &LogPayload, text: &[u8], redactor: &Redactor) -> Redacted {
        let step = log.step();
        let end = &mut self.0[match log.stream {
            StreamName::Stdout => 0,
            StreamName::Stderr => 1,
        }];
        let mut whole = end.take().filter(|end| end.step == step).map(|end| end.bytes).unwrap_or_default();
        let before = whole.len();
        whole.extend_from_slice(text);
        let mut shown = text.to_vec();
        for found in redactor.explain(&whole) {
            let range = found.range.start.max(before)..found.range.end;
            if !range.is_empty() {
                let masked = &mut shown[range.start - before..range.end - before];
                masked.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
            }
        }
        whole.drain(..whole.len().saturating_sub(KEPT));
        *end = Some(ReportedEnd { step, bytes: whole });
        // Every range that the redactor would replace has been overwritten.
        Redacted::from_stored(shown)
    }
}

#[cfg(test)]
mod tests {
    use model::{Stage, Timestamp};
    use redact::Rules;

    use super::*;

    fn log(stream: StreamName, index: i32) -> LogPayload {
        LogPayload {
            stream,
            stage: Stage::Execute,
            step_id: String::new(),
            step_index: index,
            attempt: 1,
            offset: 0,
            bytes: 0,
            line: 1,
            time: Timestamp(0),
            partial: false,
            segments: None,
        }
    }

    /// Masks the events of the standard output of one step.
    fn masked(redactor: &Redactor, events: &[&[u8]]) -> String {
        let mut ends = ReportedEnds::default();
        let log = log(StreamName::Stdout, 0);
        let shown = events.iter().map(|event| {
            let shown = ends.mask(&log, event, redactor).into_bytes();
            assert_eq!(shown.len(), event.len(), "a mask keeps the length");
            String::from_utf8(shown).expect("the output is text")
        });
        shown.collect()
    }

    #[test]
    fn at_most_seven_bytes_of_a_divided_secret_are_shown_and_never_half_of_it() {
        for (secret, most) in [("hunter2-of-the-server", 7), ("s3cr3t-9x", 4), ("sword1", 2)] {
            let redactor = Redactor::new([secret]);
            let output = format!("before {secret} after");
            for first in 0..=output.len() {
                for second in first..=output.len() {
                    let (one, rest) = output.as_bytes().split_at(first);
                    let (two, three) = rest.split_at(second - first);
                    let shown = masked(&redactor, &[one, two, three]);
                    let inside = &shown["before ".len()..shown.len() - " after".len()];
                    let count = inside.bytes().take_while(|byte| *byte != b'*').count();
                    assert!(count <= most, "{shown}");
                    assert!(inside.bytes().skip(count).all(|byte| byte == b'*'), "{shown}");
                    assert!(shown.starts_with("before ") && shown.ends_with(" after"), "{shown}");
                }
            }
            let bytes: Vec<&[u8]> = output.as_bytes().chunks(1).collect();
            let shown = masked(&redactor, &bytes);
            assert!(!shown.contains(&secret[most + 1..]), "{shown}");
        }
    }

    #[test]
    fn encoded_values_and_secrets_with_a_known_format_are_recognised_across_events() {
        let redactor = Redactor::with_rules(["hunter2-of-the-server"], &Rules::built_in());
        let token = format!("ghp_{}", "aB3dE5gH7jK9".repeat(3));
        let hex: String = "hunter2-of-the-server".bytes().map(|byte| format!("{byte:02x}")).collect();
        let key = format!(
            "-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----\n",
            format!("{}\n", "aB3dE5gH7jK9mN2p".repeat(4)).repeat(12)
        );
        for secret in [token, hex, key] {
            for cut in 8..secret.len() {
                let (one, two) = secret.as_bytes().split_at(cut);
                let shown = masked(&redactor, &[one, two]);
                let rest: String = shown[cut..].chars().filter(|shown| !matches!(shown, '*' | '\n')).collect();
                assert!(rest.is_empty() || rest.starts_with("-----"), "{cut}: {shown}");
            }
        }
    }

    #[test]
    fn streams_and_steps_are_masked_separately() {
        let redactor = Redactor::new(["hunter2-of-the-server"]);
        let mut ends = ReportedEnds::default();
        let mut shown =
            |stream, step, text: &str| ends.mask(&log(stream, step), text.as_bytes(), &redactor).to_text().into_owned();
        assert_eq!(shown(StreamName::Stdout, 0, "hunter2"), "hunter2");
        assert_eq!(shown(StreamName::Stderr, 0, "-of-the-server"), "-of-the-server");
        assert_eq!(shown(StreamName::Stdout, 0, "-of-the-server"), "**************");
        assert_eq!(shown(StreamName::Stdout, 0, "hunter2"), "hunter2");
        assert_eq!(shown(StreamName::Stdout, 1, "-of-the-server"), "-of-the-server");
    }

    #[test]
    fn little_of_the_earlier_output_is_kept_and_none_of_it_is_displayed() {
        let mut ends = ReportedEnds::default();
        ends.mask(&log(StreamName::Stdout, 0), &vec![b'x'; 10 * KEPT], &Redactor::none());
        let kept = ends.0[0].as_ref().expect("output was reported");
        assert_eq!(kept.bytes.len(), KEPT);
        assert!(!format!("{ends:?}").contains("120"), "{ends:?}");
    }
}
