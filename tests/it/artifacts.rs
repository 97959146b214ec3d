//! Exactly the files that a job specifies are stored as artifacts, completely and with the correct metadata.

mod hostile;
mod previews;

use serde_json::{Value, json};

use crate::harness::process::Process;
use crate::harness::{Api, TestServer, of_kind, sha256, until};

/// Returns the name, stage, content type and content of every stored artifact except the log, sorted by name.
async fn kept(api: &Api, id: &str) -> Vec<(String, String, String, String)> {
    let page = api.json(&format!("/jobs/{id}/artifacts")).await;
    let mut kept = Vec::new();
    for item in page["items"].as_array().expect("a page has items") {
        let text = |field: &str| item[field].as_str().unwrap_or_default().to_owned();
        if text("name") == "logs/output.log" {
            continue;
        }
        let reply = api.get(&format!("/jobs/{id}/artifacts/{}/download", text("id"))).await;
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["content-type"], text("contentType"));
        let bytes = reply.bytes().await.expect("the body arrives");
        assert_eq!((&item["sizeBytes"], text("digest")), (&json!(bytes.len()), format!("sha256:{}", sha256(&bytes))));
        kept.push((text("name"), text("stage"), text("contentType"), String::from_utf8_lossy(&bytes).into_owned()));
    }
    kept.sort();
    kept
}

fn rows(expected: &[[&str; 4]]) -> Vec<(String, String, String, String)> {
    expected.iter().map(|row| (row[0].into(), row[1].into(), row[2].into(), row[3].into())).collect()
}

#[tokio::test]
async fn each_matching_file_is_stored_with_an_event_even_if_the_job_fails() {
    let server = TestServer::start().await;
    let command = "mkdir -p report/x; echo '<r/>' > report/x/a.xml; echo no > b.txt; echo '{}' > c.json; exit 1";
    let id = server.api.submit(json!({"run": command, "artifacts": ["report/**", "*.json"]})).await;
    assert_eq!(server.api.ended(&id).await["status"], "failed");
    let expected =
        rows(&[["c.json", "execute", "application/json", "{}\n"], ["report/x/a.xml", "execute", "text/xml", "<r/>\n"]]);
    assert_eq!(kept(&server.api, &id).await, expected);
    let events = server.api.events(&id).await;
    let names: Vec<&Value> = of_kind(&events, "artifact").iter().map(|event| &event["payload"]["name"]).collect();
    assert_eq!(names, ["c.json", "report/x/a.xml", "logs/output.log"]);
}

#[tokio::test]
async fn files_are_available_while_later_stages_run_and_newer_versions_replace_earlier_ones() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let go = folder.path().join("go");
    let wait = format!("while [ ! -e {} ]; do sleep 0.01; done; echo second > made", go.display());
    let payload = json!({"prepare": [{"run": "echo first > made; echo same > same"}], "run": wait, "artifacts": ["*"]});
    let id = server.api.submit(payload).await;
    let complete = |events: &[Value]| of_kind(events, "artifact").len() == 2;
    server.api.events_when(&id, "contain two artifacts", complete).await;
    assert_eq!(server.api.job(&id).await["status"], "running");
    let same = ["same", "prepare", "application/octet-stream", "same\n"];
    let first = ["made", "prepare", "application/octet-stream", "first\n"];
    assert_eq!(kept(&server.api, &id).await, rows(&[first, same]));
    std::fs::write(&go, "").expect("the folder can be written");
    server.api.ended(&id).await;
    let second = ["made", "execute", "application/octet-stream", "second\n"];
    assert_eq!(kept(&server.api, &id).await, rows(&[second, same]));
    let folder = server.data.path().join("artifacts").join(&id).join("1");
    assert_eq!(std::fs::read_dir(folder).expect("the folder exists").count(), 2, "the replaced version is deleted");
}

#[tokio::test]
async fn files_outside_the_workspace_are_not_stored_and_a_warning_names_them() {
    let server = TestServer::start().await;
    let secret = server.data.path().join("admin");
    std::fs::write(&secret, "secret").expect("the folder can be written");
    let command = format!("ln -s {} link; ln -s / root; mkfifo pipe; echo real > real", secret.display());
    let id = server.api.submit(json!({"run": command, "artifacts": ["**"]})).await;
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    assert_eq!(kept(&server.api, &id).await, rows(&[["real", "execute", "application/octet-stream", "real\n"]]));
    let events = server.api.events(&id).await;
    let warning = of_kind(&events, "warning")[0]["message"].as_str().expect("the content is text").to_owned();
    assert_eq!(warning, "Some files were not stored as artifacts: 3 are not regular files (link, ...)");
}

#[tokio::test]
async fn an_oversized_file_is_not_stored_and_a_secret_in_a_file_name_is_masked() {
    let server = TestServer::start_with(|config| config.jobs.artifact_file_bytes = 10).await;
    let secret = "hunter2-correct-horse";
    let command = "echo 12345678901 > large; echo small > $NAME_TOKEN.txt; : > empty";
    let id = server.api.submit(json!({"run": command, "env": {"NAME_TOKEN": secret}, "artifacts": ["**"]})).await;
    server.api.ended(&id).await;
    let expected = rows(&[
        ["[REDACTED].txt", "execute", "text/plain", "small\n"],
        ["empty", "execute", "application/octet-stream", ""],
    ]);
    assert_eq!(kept(&server.api, &id).await, expected);
    let events = server.api.events(&id).await;
    assert!(!json!(events).to_string().contains(secret));
    assert_eq!(
        of_kind(&events, "warning")[0]["message"],
        "Some files were not stored as artifacts: 1 is larger than 10 bytes (large)"
    );
}

#[tokio::test]
async fn a_warning_says_that_the_patterns_matched_no_file() {
    let server = TestServer::start().await;
    let id = server.api.submit(json!({"run": "true", "artifacts": ["report/**"]})).await;
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    let events = server.api.events(&id).await;
    let warning = of_kind(&events, "warning")[0]["message"].as_str().expect("it is text").to_owned();
    assert_eq!(
        warning,
        "No files match these `artifacts` patterns, which are relative to the working directory: report/**"
    );
}

#[tokio::test]
async fn a_warning_names_only_the_patterns_that_match_no_file() {
    let server = TestServer::start().await;
    let run = "mkdir -p app/[id] app/i d empty; touch app/[id]/page.js app/i/page.js é.log d/f";
    let patterns = ["dist/**", "?.log", "d//f", "app/[id]/page.js", "empty", "hunter2-correct-horse/*"];
    let env = json!({"MY_TOKEN": "hunter2-correct-horse"});
    let id = server.api.submit(json!({"run": run, "env": env, "artifacts": patterns})).await;
    server.api.ended(&id).await;
    let names: Vec<String> = kept(&server.api, &id).await.into_iter().map(|row| row.0).collect();
    assert_eq!(names, ["app/[id]/page.js", "d/f", "é.log"]);
    let events = server.api.events(&id).await;
    let warnings: Vec<&Value> = of_kind(&events, "warning").iter().map(|event| &event["message"]).collect();
    assert_eq!(
        warnings,
        [
            "No files match these `artifacts` patterns, which are relative to the working directory: dist/**, empty, [REDACTED]/*"
        ],
    );
}

#[tokio::test]
async fn a_sparse_file_stays_sparse_when_it_is_stored() {
    use std::os::unix::fs::MetadataExt;
    let server = TestServer::start_with(|config| {
        config.jobs.artifact_file_bytes = 64 << 20;
        config.jobs.artifact_job_bytes = 64 << 20;
    })
    .await;
    let id =
        server.api.submit(json!({"run": "truncate -s 20M image; echo end >> image", "artifacts": ["image"]})).await;
    server.api.ended(&id).await;
    let folder = server.data.path().join("artifacts").join(&id).join("1");
    let files =
        std::fs::read_dir(folder).expect("the folder exists").map(|entry| entry.and_then(|entry| entry.metadata()));
    let files: Vec<_> = files.collect::<Result<_, _>>().expect("the metadata can be read");
    assert_eq!(files.iter().map(MetadataExt::size).collect::<Vec<_>>(), [(20 << 20) + 4]);
    assert!(files[0].blocks() * 512 < 1 << 20, "{} bytes", files[0].blocks() * 512);
}

#[tokio::test]
async fn a_crash_leaves_no_partially_collected_files() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start(data.path());
    let payload = json!({"prepare": [{"run": "echo kept > kept"}], "run": "sleep 600", "artifacts": ["kept"]});
    let id = server.api.submit(payload).await;
    let complete = |events: &[Value]| of_kind(events, "artifact").len() == 1;
    server.api.events_when(&id, "contain an artifact", complete).await;
    server.kill();
    // Simulates two crashes: one after a file was stored but before it was recorded, and another while a file was being
    // stored.
    let folder = data.path().join("artifacts").join(&id).join("1");
    for name in ["01890000-0000-7000-8000-000000000000", "01890000-0000-7000-8000-000000000001#1"] {
        std::fs::write(folder.join(name), "half").expect("the folder exists");
    }
    let server = Process::start(data.path());
    server.api.ended(&id).await;
    until("only the listed file is left", || std::fs::read_dir(&folder).is_ok_and(|files| files.count() == 1)).await;
    let expected = rows(&[["kept", "prepare", "application/octet-stream", "kept\n"]]);
    assert_eq!(kept(&server.api, &id).await, expected);
}
