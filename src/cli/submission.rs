//! Reads a job from a YAML or JSON file and checks its structure, so that errors are reported with line and column.
//!
//! The file contains either a payload or a whole submission. A payload specifies the commands of a job (`run` or
//! `steps`). A submission is recognised by its member `type` or `payload`. The structure is checked with the same types
//! that the server uses. The values are checked only by the server.

use std::fmt;

use engine::json::{self, Json, JsonError, Member, Node};
use engine::queue::CommandShape;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The error for a file that does not describe a valid job.
#[derive(Debug, thiserror::Error)]
pub(super) struct SubmissionError {
    name: String,
    /// The line and column of the error, starting at 1, or `None` if they are unknown.
    place: Option<(usize, usize)>,
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

/// The structure of a whole submission.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only the structure is checked, and the file's value is sent")]
struct Whole<P> {
    #[serde(rename = "type")]
    kind: Option<String>,
    priority: Option<i32>,
    payload: P,
    affinity_key: Option<String>,
    max_attempts: Option<i32>,
}

/// Returns the submission described by a file.
pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<Json, SubmissionError> {
    let refused = |place, problem| SubmissionError { name: name.to_owned(), place, problem };
    let text = json::decode(bytes).map_err(|problem| refused(None, problem))?;
    let parsed = if is_json(name, text) { json::parse(text) } else { json::parse_yaml(text) };
    parsed.and_then(submission).map_err(|error| refused(Some(error.position(text)), problem(&error)))
}

/// Returns the description of an error. If a field is invalid, the description begins with the path of this field.
fn problem(error: &JsonError) -> String {
    match error.field() {
        field if field.is_empty() => error.problem().to_owned(),
        field => format!("{field}: {}", error.problem()),
    }
}

/// Returns whether a file is JSON, according to its extension. If the extension indicates neither JSON nor YAML, the
/// file is JSON if its text begins with `{`, because a job is an object.
fn is_json(name: &str, text: &str) -> bool {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    match end.to_ascii_lowercase().as_str() {
        "json" => true,
        "yaml" | "yml" => false,
        _ => text.trim_start().starts_with('{'),
    }
}

/// Converts the content of a file into a whole submission. Returns an error if the content has an invalid structure.
fn submission(file: Json) -> Result<Json, JsonError> {
    let at = file.at;
    let Node::Object(mut members) = file.node else {
        return Err(JsonError::new(at, "expected fields such as `run` or `steps`, but there are none"));
    };
    let has = |members: &[Member], name: &str| members.iter().any(|member| member.name == name);
    let command = || member("type", Json { node: Node::String("command".to_owned()), at });
    if !has(&members, "payload") && !has(&members, "type") {
        let payload = Json { node: Node::Object(members), at };
        payload.read::<CommandShape>()?;
        return Ok(Json { node: Node::Object(vec![command(), member("payload", payload)]), at });
    }
    if !has(&members, "type") {
        members.insert(0, command());
    }
    let whole = Json { node: Node::Object(members), at };
    if whole.get("type").and_then(Json::as_str) == Some("command") {
        whole.read::<Whole<CommandShape>>()?;
    } else {
        whole.read::<Whole<IgnoredAny>>()?;
    }
    Ok(whole)
}

fn member(name: &str, value: Json) -> Member {
    Member { name: name.to_owned(), at: value.at, value }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(name: &str, text: &str, expected: &Value) {
        let job = parse(name, text.as_bytes()).expect("it is a job").to_string();
        assert_eq!(&serde_json::from_str::<Value>(&job).expect("it is JSON"), expected);
    }

    #[track_caller]
    fn check_refused(name: &str, text: &str, place: &str, words: &[&str]) {
        let refused = parse(name, text.as_bytes()).expect_err("it is not a job").to_string();
        assert!(refused.starts_with(&format!("{name}:{place}: ")), "{refused}");
        for word in words {
            assert!(refused.contains(word), "{refused} does not say {word}");
        }
    }

    #[test]
    fn a_file_contains_a_payload_or_a_whole_submission() {
        let payload = json!({"title": "T", "steps": [{"run": "a\nb\n"}, {"run": "c", "env": {"A": "1"}}]});
        let yaml = "title: T\nsteps:\n- run: |\n    a\n    b\n- run: c\n  env: {A: '1'}\n";
        let whole = json!({"type": "command", "payload": payload});
        check("job.yaml", yaml, &whole);
        let limited = json!({"run": "a", "concurrencyKey": "deploy", "concurrencyLimit": 2});
        let yaml_of_limited = "run: a\nconcurrencyKey: deploy\nconcurrencyLimit: 2\n";
        check("job.yaml", yaml_of_limited, &json!({"type": "command", "payload": limited}));
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
    fn errors_are_reported_with_their_line_and_column() {
        check_refused("a.yaml", "title: T\nsteps:\n- run: a\n  retries: 3\n", "4:3", &["retries", "workingDirectory"]);
        check_refused("a.yaml", "run: a\ntimeoutSeconds: soon\n", "2:17", &["u32"]);
        check_refused("a.yaml", "run: a\nenv:\n  A: 1\n", "3:6", &["1"]);
        check_refused("a.yaml", "run: a\n  title: b\n", "2:8", &[]);
        check_refused("a.yaml", "run: a\nrun: b\n", "2:1", &["run"]);
        check_refused("a.yaml", "payload: {run: a}\npriorty: 3\n", "2:1", &["priorty", "priority"]);
        check_refused("a.yaml", "- run: a\n", "1:1", &["steps"]);
        check_refused("a.json", "{\"run\": \"a\",\n \"runs\": 1}", "2:2", &["runs", "steps"]);
        check_refused("a.json", "{\"run\": \"a\",\n}", "2:1", &[]);
        check_refused(
            "a.json",
            "{\"run\": \"a\",\n \"env\": {\"A\": \"1\",\n  \"A\": \"2\"}}",
            "3:3",
            &["env.A: is given twice"],
        );
        check_refused("a.yaml", "run: a\nenv: {A: '1', A: '2'}\n", "2:15", &["env.A: is given twice"]);
        check_refused("a.yaml", "title: x\nrun: ! true\n", "2:6", &["tag", "quotes"]);
        check_refused("a.yaml", "run: !secret X\n", "1:6", &["!secret"]);
        check_refused("a.json", "{\"steps\": [\n[\"a\"]]}", "2:1", &["object"]);
        check_refused("a.yaml", "steps:\n- [a, n, echo]\n", "2:3", &["object"]);
    }

    #[test]
    fn errors_in_json_and_yaml_name_the_field() {
        for (json, yaml, place, says) in [
            (
                r#"{"run":"a","env":{"A":"1","A":"2"}}"#,
                "run: a\nenv:\n  A: '1'\n  A: '2'",
                "1:27",
                "env.A: is given twice",
            ),
            (r#"{"run":"a","run":"b"}"#, "run: a\nrun: b", "1:12", "run: is given twice"),
            (
                r#"{"steps":[{"run":"a"},{"run":"b","run":"c"}]}"#,
                "steps:\n- run: a\n- run: b\n  run: c",
                "1:34",
                "steps[1].run: is given twice",
            ),
            (
                r#"{"payload":{"run":"a","env":{"A":"1","A":"2"}}}"#,
                "payload:\n  run: a\n  env: {A: '1', A: '2'}",
                "1:38",
                "payload.env.A: is given twice",
            ),
            (
                r#"{"type":"other","payload":{"a":[{"b":1,"b":2}]}}"#,
                "type: other\npayload:\n  a: [{b: 1, b: 2}]",
                "1:40",
                "payload.a[0].b: is given twice",
            ),
            (r#"{"run":"a","env":{"A":1}}"#, "run: a\nenv: {A: 1}", "1:23", "env.A: invalid type"),
            (r#"{"steps":[["a"]]}"#, "steps:\n- [a]", "1:11", "steps[0]: "),
            (
                r#"{"steps":[{"run":"a","retries":3}]}"#,
                "steps:\n- run: a\n  retries: 3",
                "1:22",
                "unknown field `retries`",
            ),
            (r#"{"run":"a","timeoutSeconds":"soon"}"#, "run: a\ntimeoutSeconds: soon", "1:29", "timeoutSeconds: "),
        ] {
            check_refused("a.json", json, place, &[says]);
            let refused = parse("a.yaml", yaml.as_bytes()).expect_err("it is not a job").to_string();
            assert!(refused.contains(says), "{refused} does not say {says}");
        }
        // Text that is not JSON at all contains no field that the message could name.
        let refused = parse("a.json", b"{\"run\": \"a\",\n}").expect_err("it is not a job").to_string();
        assert!(refused.starts_with("a.json:2:1: ") && !refused.contains("run"), "{refused}");
    }

    #[test]
    fn a_document_with_exponentially_nested_aliases_is_refused() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let line = format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(","));
            bomb.push_str(&line);
        }
        assert!(parse("bomb.yaml", bomb.as_bytes()).is_err());
    }

    #[test]
    fn numbers_in_the_payload_of_an_external_worker_are_sent_unchanged() {
        let numbers = "[12345678901234567890123,0.1000000000000000055511151231257827,1e400]";
        for (name, text) in [
            ("a.json", format!("{{\"type\":\"other\",\"payload\":{{\"n\":{numbers}}}}}")),
            ("a.yaml", format!("type: other\npayload: {{n: {numbers}}}")),
        ] {
            let job = parse(name, text.as_bytes()).expect("it is a job").to_string();
            assert_eq!(job, format!("{{\"type\":\"other\",\"payload\":{{\"n\":{numbers}}}}}"));
        }
    }

    #[test]
    fn a_byte_order_mark_is_accepted_and_utf_16_is_reported() {
        let job = parse("a.json", b"\xef\xbb\xbf{\"run\":\"a\"}").expect("it is a job").to_string();
        assert_eq!(job, "{\"type\":\"command\",\"payload\":{\"run\":\"a\"}}");
        parse("a.yaml", b"\xef\xbb\xbfrun: a").expect("it is a job");
        for bytes in ["run: a".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(), b"\xfe\xff\0r".to_vec()]
        {
            let refused = parse("a.yaml", &bytes).expect_err("it is not a job").to_string();
            assert_eq!(refused, "a.yaml: is in UTF-16 or UTF-32; save it as UTF-8");
        }
    }
}
