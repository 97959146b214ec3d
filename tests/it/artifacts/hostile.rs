//! Regardless of the files in a job's workspace, only the job's own regular files are stored, and the server keeps
//! running.

use serde_json::{Value, json};

use crate::harness::{Api, TOKEN, TestServer, of_kind};

/// Runs a job that stores all files in its workspace as artifacts. Returns the names of the stored files, and the job's
/// warning about files that were not stored.
async fn stored(api: &Api, command: &str) -> (Vec<String>, String) {
    let id = api.submit(json!({"steps": [{"run": command, "shell": "bash"}], "artifacts": ["**"]})).await;
    let job = api.ended(&id).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    let events = api.events(&id).await;
    let name = |event: &&Value| event["payload"]["name"].as_str().expect("it is text").to_owned();
    let names = of_kind(&events, "artifact").iter().map(name).filter(|name| name != "logs/output.log").collect();
    let warning = of_kind(&events, "warning").first().map_or("", |event| event["message"].as_str().expect("text"));
    (names, warning.to_owned())
}

#[tokio::test]
async fn links_pipes_sockets_and_devices_are_not_followed_or_opened() {
    let server = TestServer::start().await;
    let data = server.data.path().display();
    // Only root can create devices, so the error messages of `mknod` are discarded.
    let command = format!(
        "ln -s {data}/tailwater.sqlite database; ln -s / root; ln -s .. up; ln -s ../../.. far; ln -s loop loop; \
         ln -s /proc/self/environ environ; ln -s /dev/zero endless; mkfifo pipe; \
         python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")'; \
         (mknod zero c 1 5; mknod disk b 8 0) 2>/dev/null; mkdir own; echo mine > own/file; ln own/file own/second; true"
    );
    let (names, warning) = stored(&server.api, &command).await;
    assert_eq!(names, ["own/file", "own/second"]);
    assert!(warning.contains("are not regular files"), "{warning}");
}

#[tokio::test]
async fn names_that_are_not_text_or_would_leave_the_directory_are_not_stored() {
    let server = TestServer::start().await;
    let command = "touch -- good $'line\\nbreak' $'carriage\\rreturn' $'not\\xffutf8' $'escape\\e[2J' '..\\..\\windows' \
                   'quote\"' ' ' '-rf' '%2e%2e%2fetc'; mkdir -p logs '...'; echo x > logs/output.log; touch '.../x'";
    let (names, warning) = stored(&server.api, command).await;
    assert_eq!(
        names,
        [" ", "%2e%2e%2fetc", "-rf", "...", "..\\..\\windows", "good", "quote\""]
            .iter()
            .map(|name| { if *name == "..." { ".../x".to_owned() } else { (*name).to_owned() } })
            .collect::<Vec<_>>()
    );
    assert!(warning.contains("4 have a path that"), "{warning}");
    assert!(warning.contains("1 has the name that is reserved"), "{warning}");
}

#[tokio::test]
async fn a_name_cannot_pretend_to_have_another_ending() {
    let server = TestServer::start().await;
    let command = "touch $'report\\u202efdp.exe' $'zero\\u200bwidth'";
    let id = server.api.submit(json!({"steps": [{"run": command, "shell": "bash"}], "artifacts": ["**"]})).await;
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    let page = server.api.client.get(format!("{}/tasks/queue/{id}", server.api.base)).bearer_auth(TOKEN);
    let page = page.send().await.expect("the server answers").text().await.expect("a body");
    // Ignore the data at the end of the document, which is not displayed.
    let (page, _) = page.split_once("__RESOLVED_RESOURCES").expect("a page contains its data");
    assert!(!page.contains(['\u{202e}', '\u{200b}']), "invisible characters are replaced everywhere");
    for (name, shown) in
        [("report\u{202e}fdp.exe", "report&lt;U+202E&gt;fdp.exe"), ("zero\u{200b}width", "zero&lt;U+200B&gt;width")]
    {
        assert!(page.contains(shown), "{shown}");
        let artifacts = server.api.json(&format!("/jobs/{id}/artifacts")).await;
        let artifact =
            artifacts["items"].as_array().expect("a page has items").iter().find(|item| item["name"] == name);
        let artifact =
            artifact.expect("the file is stored under its own name")["id"].as_str().expect("an id").to_owned();
        let reply = server.api.get(&format!("/jobs/{id}/artifacts/{artifact}/download")).await;
        let disposition = reply.headers()["content-disposition"].to_str().expect("the header is ASCII").to_owned();
        assert!(disposition.starts_with("attachment") && disposition.contains("%E2%80%"), "{disposition}");
    }
}

#[tokio::test]
async fn a_sparse_file_of_ten_gigabytes_is_refused_because_of_its_size() {
    let server = TestServer::start().await;
    let command = "truncate -s 10G image; echo small > small";
    let (names, warning) = stored(&server.api, command).await;
    assert_eq!(names, ["small"]);
    assert!(warning.contains("1 is larger than"), "{warning}");
}

#[tokio::test]
async fn of_a_hundred_thousand_files_only_those_within_the_limit_are_stored() {
    let server = TestServer::start().await;
    let command = "mkdir many; cd many; seq 100000 | xargs touch; mkdir -p $(printf 'd/%.0s' {1..100})";
    let (names, warning) = stored(&server.api, command).await;
    assert_eq!(names.len(), 1_000);
    assert!(warning.contains("99000 would exceed the limit of 1000 files"), "{warning}");
    assert!(warning.contains("nested too deeply"), "{warning}");
    let work = server.data.path().join("work");
    assert_eq!(std::fs::read_dir(work).expect("it exists").count(), 0, "the workspace is removed");
}
