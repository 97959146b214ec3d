//! Twenty secrets are passed to the server and its jobs in every possible way, and are printed in several forms. After
//! that, no file of the data directory, no response, and no line of the server's log and output contains any of them in
//! any form, even if the server panics.

mod changes;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use redact::Redactor;
use reqwest::{Method, redirect};
use serde_json::{Value, json};
use tailwater::server::all_routes;
use tokio::task::JoinHandle;

use changes::{Changes, PANIC};

use crate::harness::process::Process;
use crate::harness::{Api, TOKEN, until};

/// Secrets whose values the server knows. The name of each field states how the server learns the value.
struct Known {
    /// A variable in the server's own environment.
    of_server: String,
    /// A value in the file that `--redact-values-file` names.
    of_file: String,
    /// The password in the URL of a proxy.
    of_proxy: String,
    /// A named secret that is used as a variable.
    named: String,
    /// A named secret that is used as a file, with two lines.
    in_file: String,
    /// A variable of the job.
    of_job: String,
    /// A variable of a step.
    of_step: String,
    /// A value that the job appends to its mask file.
    appended: String,
    /// Values that the job prints in the masking commands of other CI systems.
    printed: [String; 2],
}

impl Known {
    fn new() -> Self {
        // The values differ from each other, are not words, and contain characters that have to be escaped.
        let value = |way: &str| format!("cnry/{way}+\"7f3a'&<9c&1e5b");
        Self {
            of_server: value("server"),
            of_file: value("file"),
            of_proxy: "cnry-proxy-7f3a9c1e5b".to_owned(),
            named: value("named"),
            in_file: format!("{}\n{}\n", value("line-one"), value("line-two")),
            of_job: value("job"),
            of_step: value("step"),
            appended: value("appended"),
            printed: [value("github"), value("azure")],
        }
    }

    /// Returns the secrets that the server masks everywhere, and not only in the output of a job.
    fn of_everything(&self) -> Vec<String> {
        let single = [&self.of_server, &self.of_file, &self.of_proxy, &self.named];
        single.into_iter().map(String::as_str).chain(self.in_file.lines()).map(str::to_owned).collect()
    }

    fn all(&self) -> Vec<String> {
        let Self { of_server, of_file, of_proxy, named, in_file, of_job, of_step, appended, printed } = self;
        let single = [of_server, of_file, of_proxy, named, of_job, of_step, appended, &printed[0], &printed[1]];
        single.into_iter().map(String::as_str).chain(in_file.lines()).map(str::to_owned).collect()
    }
}

/// Returns texts that contain secrets, each with the secret itself. The server does not know these secrets, but masking
/// rules recognise them by their format.
fn unknown() -> Vec<(String, String)> {
    let random = |letters: &[u8], count: usize, seed: usize| {
        let at = |index: usize| letters[(index * 7 + seed * 13 + index * index) % letters.len()];
        (0..count).map(|index| char::from(at(index))).collect::<String>()
    };
    let letters = b"aB3dE5gH7jK9mN2pQ4rS6tU8vW1xY0z";
    let upper = b"ABCDEFGHJKLMNPQRSTUVWXYZ234567";
    let digits = b"0123456789";
    let whole = |text: String| (text.clone(), text);
    let jwt = ["{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "{\"sub\":\"1234567890\",\"name\":\"canary\"}"]
        .map(|part| base64_url(part.as_bytes()))
        .join(".");
    let password = random(letters, 20, 7);
    let bearer = random(letters, 40, 8);
    let key = (0..4).map(|line| random(letters, 64, 20 + line)).collect::<Vec<_>>();
    let mut texts = vec![
        whole(format!("ghp_{}", random(letters, 36, 1))),
        whole(format!("AKIA{}", random(upper, 16, 2))),
        whole(format!("xoxb-{}-{}-{}", random(digits, 12, 3), random(digits, 12, 4), random(letters, 24, 5))),
        whole(format!("npm_{}", random(letters, 36, 6))),
        whole(format!("glpat-{}", random(letters, 20, 9))),
        whole(format!("sk_live_{}", random(letters, 24, 10))),
        whole(format!("{jwt}.{}", random(letters, 43, 11))),
        (format!("https://user:{password}@db.example/x"), password),
        (format!("Authorization: Bearer {bearer}"), bearer),
    ];
    let begin = "-----BEGIN RSA PRIVATE KEY-----";
    texts.push((format!("{begin}\n{}\n-----END RSA PRIVATE KEY-----", key.join("\n")), key[1].clone()));
    texts
}

fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, index| bits << 8 | u32::from(chunk.get(index).copied().unwrap_or(0)));
        for index in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * index)) as usize & 63]));
        }
    }
    text
}

/// A script that prints the variable `S` in several forms: on both streams, encoded and coloured, in one piece, and in
/// two pieces with a pause in between.
const PRINT: &str = r#"
printf '%s\n' "$S"; printf 'x=%s;\n' "$S" >&2
printf '%s' "$S" | base64 -w 76; printf '%s' "$S" | base64 -w 0; echo
printf '%s' "$S" | od -An -v -tx1 | tr -d ' \n'; echo
printf '%s' "$S" | sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/{"a":"&"}/'
printf '\033[1m%s\033[0m\n' "$S"
printf '%s' "$S" | sed 's/./&\x1b[32m/g'; echo
first=$(printf '%s' "$S" | cut -c1-6); printf '%s' "$first"; sleep 0.3; printf '%s\n' "$S" | cut -c7-
(set -x; : "$S")
"#;

async fn submit(api: &Api, payload: Value) -> String {
    api.submit(payload).await
}

/// Runs jobs with the known secrets. Returns their ids.
async fn run_known(api: &Api, known: &Known) -> Vec<String> {
    for (name, value) in [("NAMED", &known.named), ("IN_FILE", &known.in_file)] {
        let request = api.request(Method::PUT, &format!("/secrets/{name}")).json(&json!({"value": value}));
        assert_eq!(request.send().await.expect("the server answers").status(), 201);
    }
    let print = |variable: &str| format!("S=${{{variable}}}\n{PRINT}");
    let [github, azure] = &known.printed;
    let steps = json!([
        {"run": print("JOB_TOKEN"), "name": format!("step with {}", known.of_job)},
        {"run": print("DB_PASSWORD"), "env": {"DB_PASSWORD": known.of_step}},
        {"run": print("NAMED")},
        // Each line of a value is also masked on its own, but only in its literal form.
        {"run": "cat \"$IN_FILE\"; head -n 1 \"$IN_FILE\"; tr '\\n' ' ' < \"$IN_FILE\"; base64 \"$IN_FILE\"; od -An -v -tx1 \"$IN_FILE\""},
        {"run": print("HTTPS_PROXY")},
        // The values are assembled at run time, so that the server can learn them only from the job.
        {"run": format!("S=$(printf '%s' \"$ROTATED\" | {ROTATE})\nprintf '%s\\n' \"$S\" >> \"$TAILWATER_MASK\"\n{PRINT}"),
         "env": {"ROTATED": rotated(&known.appended)}},
        {"run": format!("S=$(printf '%s' \"$ROTATED\" | {ROTATE})\nprintf '::add-mask::%s\\n' \"$S\"\n{PRINT}"),
         "env": {"ROTATED": rotated(github)}},
        {"run": format!("S=$(printf '%s' \"$ROTATED\" | {ROTATE})\nprintf '##vso[task.setsecret]%s\\n' \"$S\"\n{PRINT}"),
         "env": {"ROTATED": rotated(azure)}},
    ]);
    let all = json!({"title": format!("all of {}", known.named), "env": {"JOB_TOKEN": known.of_job}, "secrets": ["NAMED"],
        "secretFiles": ["IN_FILE"], "steps": steps});
    let (server, file) = (&known.of_server, &known.of_file);
    let base = json!({"JOB_TOKEN": known.of_job});
    let failing = [
        json!({"env": base, "run": format!("echo '{}' >&2; exit 7", shell(server))}),
        json!({"env": base, "timeoutSeconds": 1, "run": format!("echo '{}'; sleep 60", shell(file))}),
        json!({"env": base, "steps": [{"run": "true", "shell": format!("/no/{}", known.of_job)}]}),
        json!({"env": base, "steps": [{"run": "true", "workingDirectory": format!("./{}", known.of_job.replace('/', "_"))}]}),
        json!({"env": base, "artifacts": ["**"], "run": "n=$(printf '%s' \"$JOB_TOKEN\" | tr / _); mkdir -p \"$n\"; : > \"$n/x\"; printf '%s' \"$JOB_TOKEN\" > /dev/null"}),
        json!({"env": {"JOB_TOKEN": known.of_job.replace('/', "_")}, "artifacts": ["*"], "run": ": > \"$JOB_TOKEN\""}),
        json!({"env": base, "terminal": true, "run": format!("S=$JOB_TOKEN\n{PRINT}")}),
    ];
    let mut ids = vec![submit(api, all).await];
    for payload in failing {
        ids.push(submit(api, payload).await);
    }
    ids
}

/// Rotates the letters and the digits of a value. The command [`ROTATE`] restores the value. The server does not
/// recognise a rotated value, so it learns the value only from the job.
fn rotated(value: &str) -> String {
    let rotate = |byte: u8, first: u8, count: u8| first + (byte - first + count / 2) % count;
    let rotated = value.bytes().map(|byte| match byte {
        b'a'..=b'z' => rotate(byte, b'a', 26),
        b'A'..=b'Z' => rotate(byte, b'A', 26),
        b'0'..=b'9' => rotate(byte, b'0', 10),
        other => other,
    });
    rotated.map(char::from).collect()
}

/// The command that undoes [`rotated`].
const ROTATE: &str = "tr 'A-Za-z0-9' 'N-ZA-Mn-za-m5-90-4'";

/// Escapes a value for use within single quotes in a shell.
fn shell(value: &str) -> String {
    value.replace('\'', "'\\''")
}

/// Runs jobs with secrets that the server does not know.
async fn run_unknown(api: &Api, unknown: &[(String, String)]) -> Vec<String> {
    let mut ids = Vec::new();
    for (text, secret) in unknown {
        let line = text.lines().next().unwrap_or_default();
        ids.push(
            submit(api, json!({"title": line, "run": format!("printf '%s\\n' '{text}'; printf '%s\\n' '{text}' >&2")}))
                .await,
        );
        ids.push(submit(api, json!({"steps": [{"name": line, "run": format!("echo '{line}'; exit 3")}]})).await);
        let name = secret.replace('/', "_");
        if line.contains(secret.as_str()) && text == secret {
            ids.push(submit(api, json!({"artifacts": ["*"], "run": format!(": > '{name}'")})).await);
        }
        let waiting = api.submit_job(json!({"type": "elsewhere", "payload": {"text": text}})).await;
        let reply = api.post(&format!("/jobs/{waiting}/cancel"), &json!({"reason": text})).await;
        assert_eq!(reply.status(), 200);
        ids.push(waiting);
    }
    ids
}

/// Returns the text of every response to a GET request that concerns the given jobs.
async fn responses(api: &Api, ids: &[String]) -> Vec<(String, Vec<u8>)> {
    let client = reqwest::Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
    let mut said = Vec::new();
    let mut ask = async |path: String| {
        let request = client.get(format!("{}{path}", api.base)).bearer_auth(TOKEN).timeout(Duration::from_mins(1));
        let mut reply = request.send().await.expect("the server answers");
        let head = format!("{:?}", reply.headers()).into_bytes();
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await.expect("the body arrives") {
            body.extend_from_slice(&chunk);
        }
        said.push((path.clone(), head));
        said.push((path, body));
    };
    for id in ids {
        let artifacts = api.json(&format!("/jobs/{id}/artifacts")).await;
        let artifacts: Vec<_> = artifacts["items"].as_array().expect("a page has items").clone();
        for route in all_routes().iter().filter(|route| route.method == Method::GET) {
            let path = route.path.replace("{id}", id).replace("{jobId}", id).replace("{name}", "NAMED");
            // The stream of the list does not end, and is read while the jobs run. A stream of events needs jobs.
            let is_of_all = path.ends_with("/jobs/stream") || path.ends_with("/events/stream") && !path.contains(id);
            if path.contains("{permission}") || is_of_all {
                continue;
            }
            if !path.contains("{artifact}") {
                ask(path).await;
                continue;
            }
            for artifact in &artifacts {
                ask(path.replace("{artifact}", artifact["id"].as_str().expect("an artifact has an id"))).await;
            }
        }
        for path in [
            "events?format=text&limit=500",
            "events?limit=500",
            "lines?from=1",
            "log/search?q=x",
            "log?timestamps=true",
        ] {
            ask(format!("/api/queue/jobs/{id}/{path}")).await;
        }
        ask(format!("/tasks/queue/new?from={id}")).await;
        ask(format!("/api/queue/events/stream?jobs={id}:0")).await;
    }
    ask("/api/queue/jobs?limit=200".to_owned()).await;
    said
}

/// Reads the stream of changes to all jobs until the server ends.
fn read_list_stream(api: &Api) -> JoinHandle<Vec<u8>> {
    let request = api.request(Method::GET, "/jobs/stream");
    tokio::spawn(async move {
        let (mut reply, mut body) = (request.send().await.expect("the server answers"), Vec::new());
        while let Ok(Some(chunk)) = reply.chunk().await {
            body.extend_from_slice(&chunk);
        }
        body
    })
}

/// Reads a file. The complete log of a finished job is decompressed.
fn read(path: &Path) -> Vec<u8> {
    if path.extension().is_none_or(|extension| extension != "zst") {
        return fs::read(path).expect("the file can be read");
    }
    let text = Command::new("zstd").arg("-dcq").arg(path).output().expect("zstd is installed");
    assert!(text.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&text.stderr));
    text.stdout
}

/// Returns all files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("the directory exists") {
        let path = entry.expect("reading succeeds").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn no_file_and_no_response_contains_any_of_twenty_secrets_in_any_form() {
    let (known, unknown) = (Known::new(), unknown());
    let data = tempfile::tempdir().expect("a temporary folder");
    let outside = tempfile::tempdir().expect("a temporary folder");
    let values = outside.path().join("values");
    fs::write(&values, &known.of_file).expect("the folder can be written");
    let start = || {
        Process::start_by(data.path(), |mut program| {
            program.env("SERVER_TOKEN", &known.of_server).env("TAILWATER_REDACT_VALUES_FILE", &values);
            program.env("HTTPS_PROXY", format!("http://user:{}@proxy.example:3128", known.of_proxy));
            program.env("TAILWATER_LOG", "trace").env("TAILWATER_PANIC_ON", PANIC);
            program
        })
    };
    let mut server = start();
    let list = read_list_stream(&server.api);
    let mut ids = run_known(&server.api, &known).await;
    ids.extend(run_unknown(&server.api, &unknown).await);
    for id in &ids {
        server.api.ended(id).await;
    }
    // Names and keys must be one line.
    let lines = unknown.iter().map(|(text, _)| text.clone()).filter(|text| !text.contains('\n'));
    let masked: Vec<String> = known.of_everything().into_iter().chain(lines).collect();
    let mut changes = Changes::new(&server.api, &masked);
    ids.extend(changes.valid().await);
    changes.invalid().await;
    for text in [&known.of_job, &known.named, &masked[8]] {
        changes.panics(text).await;
    }
    let mut searched = changes.replies;
    let panicking =
        json!({"env": {"JOB_TOKEN": known.of_job}, "run": format!("echo {PANIC} '{}'", shell(&known.of_job))});
    let panicking = server.api.submit(panicking).await;
    let log = data.path().join("server.log");
    until("the attempt's thread panics", || {
        fs::read_to_string(&log).expect("it exists").contains("the attempt's thread panicked")
    })
    .await;
    // A server that is killed while a job prints a secret leaves a spool and a workspace, which the next server
    // repairs.
    let interrupted = json!({"env": {"JOB_TOKEN": known.of_job}, "run": "while :; do printf '%s\\n' \"$JOB_TOKEN\"; sleep 0.01; done"});
    let interrupted = server.api.submit(interrupted).await;
    server.api.events_when(&interrupted, "has output", |events| events.len() > 6).await;
    searched.push(("the standard output".to_owned(), server.kill_and_read()));
    let list = list.await.expect("it does not panic");
    assert!(list.len() > 100_000, "the stream of the list reported only {} bytes", list.len());
    searched.push(("the stream of the list".to_owned(), list));
    server = start();
    for id in [interrupted, panicking] {
        server.api.ended(&id).await;
        ids.push(id);
    }

    searched.extend(responses(&server.api, &ids).await);
    server.terminate();
    server.exited().await;
    searched.push(("the standard output".to_owned(), server.rest_of_output()));
    let panics = fs::read_to_string(&log).expect("it exists").matches("panicked").count();
    assert!(panics > 10, "there were only {panics} messages about panics");
    searched.extend(files(data.path()).iter().map(|path| (path.display().to_string(), read(path))));
    // Some logs may have been compressed already.
    let is_log = |(place, _): &&(String, Vec<u8>)| place.contains("/output.log");
    let logs: usize = searched.iter().filter(is_log).map(|(_, log)| log.len()).sum();
    assert!(logs > 1_000, "only {logs} bytes were found in complete logs");
    let secrets: Vec<String> = known.all().into_iter().chain(unknown.into_iter().map(|(_, secret)| secret)).collect();
    assert_eq!(secrets.len(), 21, "one of the twenty secrets has two lines");
    let redactor = Redactor::new(&secrets);
    let mut hits = Vec::new();
    for (place, bytes) in &searched {
        for found in redactor.explain(bytes) {
            let around = &bytes[found.range.start.saturating_sub(60)..(found.range.end + 20).min(bytes.len())];
            hits.push(format!("{place}: {}", String::from_utf8_lossy(around)));
        }
    }
    assert!(searched.len() > 5_000, "only {} texts were searched", searched.len());
    assert!(hits.is_empty(), "{} secrets were found:\n{}", hits.len(), hits[..hits.len().min(20)].join("\n----\n"));
}
