//! A job in a file of YAML or JSON: read, and checked for its shape, so that a mistake is found with its line and column.
//!
//! The file holds a payload, that is what a job runs (`run` or `steps`), or a whole submission, known by its `type` or
//! `payload`. What a payload may hold is the server's own type, so that the two cannot disagree; what its values may be is
//! left to the server, whose word counts.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_saphyr::{DefaultMessageFormatter, MessageFormatter};

use crate::queue::CommandShape;

/// A file is not a job.
#[derive(Debug, thiserror::Error)]
pub(super) struct SubmissionError {
    name: String,
    /// Line and column, from 1.
    place: Option<(u64, u64)>,
    problem: String,
}

impl fmt::Display for SubmissionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.name, self.problem),
            None => write!(f, "{}: {}", self.name, self.problem),
        }
    }
}

/// A whole submission, but for its payload.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape matters: what is sent is the file's own value")]
struct Whole<P> {
    #[serde(rename = "type")]
    kind: Option<String>,
    priority: Option<i32>,
    payload: P,
    affinity_key: Option<String>,
    max_attempts: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Yaml,
}

/// Returns what is to be sent for a file's text.
pub(super) fn parse(name: &str, text: &str) -> Result<Value, SubmissionError> {
    let format = Format::of(name, text);
    let mut value: Value = format.read(name, text)?;
    let Some(fields) = value.as_object_mut() else {
        let problem = "takes fields such as `run` or `steps`, and has none".to_owned();
        return Err(SubmissionError { name: name.to_owned(), place: Some((1, 1)), problem });
    };
    if !fields.contains_key("payload") && !fields.contains_key("type") {
        let _: CommandShape = format.read(name, text)?;
        return Ok(json!({"type": "command", "payload": value}));
    }
    if fields.entry("type").or_insert_with(|| "command".into()) == "command" {
        let _: Whole<CommandShape> = format.read(name, text)?;
    } else {
        let _: Whole<Value> = format.read(name, text)?;
    }
    Ok(value)
}

impl Format {
    /// Returns the format by the name's end, else by the first character: JSON is an object here.
    fn of(name: &str, text: &str) -> Self {
        let end = name.rsplit_once('.').map_or("", |(_, end)| end);
        match end.to_ascii_lowercase().as_str() {
            "json" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            _ if text.trim_start().starts_with('{') => Self::Json,
            _ => Self::Yaml,
        }
    }

    fn read<T: DeserializeOwned>(self, name: &str, text: &str) -> Result<T, SubmissionError> {
        let error = |place, problem| SubmissionError { name: name.to_owned(), place, problem };
        match self {
            Self::Json => serde_json::from_str(text).map_err(|wrong| {
                let (line, column) = (wrong.line() as u64, wrong.column() as u64);
                let said = wrong.to_string();
                let problem = said.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&said);
                error(Some((line, column)), problem.to_owned())
            }),
            Self::Yaml => {
                // A number or `true` is no text unless it is in quotes, as in JSON: the server gets what stands there.
                let options = serde_saphyr::options! { strict_booleans: true, no_schema: true, with_snippet: false };
                serde_saphyr::from_str_with_options(text, options).map_err(|wrong| {
                    let place = wrong.location().map(|at| (at.line(), at.column()));
                    error(place, DefaultMessageFormatter.format_message(&wrong).into_owned())
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, text: &str, expected: &Value) {
        assert_eq!(&parse(name, text).expect("it is a job"), expected);
    }

    #[track_caller]
    fn check_refused(name: &str, text: &str, place: &str, words: &[&str]) {
        let refused = parse(name, text).expect_err("it is no job").to_string();
        assert!(refused.starts_with(&format!("{name}:{place}: ")), "{refused}");
        for word in words {
            assert!(refused.contains(word), "{refused} does not say {word}");
        }
    }

    #[test]
    fn a_file_holds_a_payload_or_a_whole_submission() {
        let payload = json!({"title": "T", "steps": [{"run": "a\nb\n"}, {"run": "c", "env": {"A": "1"}}]});
        let yaml = "title: T\nsteps:\n- run: |\n    a\n    b\n- run: c\n  env: {A: '1'}\n";
        let whole = json!({"type": "command", "payload": payload});
        check("job.yaml", yaml, &whole);
        check("-", yaml, &whole);
        check("job.json", &payload.to_string(), &whole);
        check("-", &whole.to_string(), &whole);
        check(
            "job.yml",
            "payload: {run: make}\nmaxAttempts: 3\n",
            &json!({"type": "command", "maxAttempts": 3, "payload": {"run": "make"}}),
        );
        check(
            "job.yml",
            "type: other\npayload: {anything: [1, 2.5, null]}\n",
            &json!({"type": "other", "payload": {"anything": [1, 2.5, null]}}),
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_column() {
        check_refused("a.yaml", "title: T\nsteps:\n- run: a\n  retries: 3\n", "4:3", &["retries", "workingDirectory"]);
        check_refused("a.yaml", "run: a\ntimeoutSeconds: soon\n", "2:17", &["u32"]);
        check_refused("a.yaml", "run: a\nenv:\n  A: 1\n", "3:6", &["1"]);
        check_refused("a.yaml", "run: a\n  title: b\n", "2:8", &[]);
        check_refused("a.yaml", "run: a\nrun: b\n", "2:1", &["run"]);
        check_refused("a.yaml", "payload: {run: a}\npriorty: 3\n", "2:1", &["priorty", "priority"]);
        check_refused("a.yaml", "- run: a\n", "1:1", &["steps"]);
        check_refused("a.json", "{\"run\": \"a\",\n \"runs\": 1}", "2:7", &["runs", "steps"]);
        check_refused("a.json", "{\"run\": \"a\",\n}", "2:1", &[]);
    }

    #[test]
    fn a_document_that_unfolds_without_end_is_refused() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let line = format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(","));
            bomb.push_str(&line);
        }
        assert!(parse("bomb.yaml", &bomb).is_err());
    }
}
