//! `tailwater rerun`, also called `retry`, runs finished jobs again as new jobs.

use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::cli::Cli;
use crate::harness::gate::Gate;

#[tokio::test]
async fn a_job_is_run_again_with_its_secrets_output_and_exit_code() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let run = "echo to stdout; echo to stderr >&2; [ \"$API_TOKEN\" = only-for-the-job ] && exit 7";
    let first = server.api.submit(json!({"run": run, "env": {"API_TOKEN": "only-for-the-job"}})).await;
    server.api.ended(&first).await;
    let done = cli.run(&["rerun", &first]).await;
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (Some(7), "to stdout\n", "to stderr\n"));
    let done = cli.run(&["rerun", "--detach", &first]).await;
    let second = server.api.ended(done.stdout.trim()).await;
    assert_eq!((&second["resubmittedFrom"], &second["exitCode"]), (&json!(first), &json!(7)));
    let done = cli.run(&["rerun", "01890000-0000-7000-8000-000000000000"]).await;
    assert_eq!(done.code, Some(125), "{}", done.stderr);
    assert!(done.stderr.contains("there is no such job"), "{}", done.stderr);
    assert_eq!(cli.run(&["rerun", "nonsense"]).await.code, Some(125));
}

#[tokio::test]
async fn several_jobs_are_retried_at_once_and_their_output_is_shown_one_after_the_other() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (one, _) = server.api.run("echo one; echo problem >&2; exit 3").await;
    let (two, _) = server.api.run("echo two").await;
    let (three, _) = server.api.run("echo three; exit 9").await;
    let done = cli.run(&["retry", &two, &one, &three]).await;
    assert_eq!((done.code, done.stdout.as_str()), (Some(3), "two\none\nthree\n"), "the first failure counts");
    assert!(done.stderr.contains(&format!("tailwater: {one} runs again as ")), "{}", done.stderr);
    assert!(done.stderr.contains("\nproblem\n"), "{}", done.stderr);
    let printed = cli.stdout(&["retry", "--detach", "--json", &two, &two]).await;
    let jobs: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    assert_eq!(json!([jobs[0]["resubmittedFrom"], jobs[1]["resubmittedFrom"]]), json!([two, two]));
    assert_ne!(jobs[0]["id"], jobs[1]["id"]);
    let printed = cli.stdout(&["retry", "--json", &two, &two]).await;
    let ends = printed.lines().filter(|line| line.contains("\"kind\":\"end\"")).count();
    assert_eq!(ends, 2, "the events of both jobs are printed: {printed}");
}

#[tokio::test]
async fn a_job_that_cannot_be_retried_is_reported_and_does_not_stop_the_others() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let cli = Cli::new(&server.api.base);
    let (finished, _) = server.api.run("echo again").await;
    let running = server.api.submit(json!({"run": gate.wait()})).await;
    let missing = "01890000-0000-7000-8000-000000000000";
    let done = cli.run(&["retry", &running, missing, &finished]).await;
    assert_eq!((done.code, done.stdout.as_str()), (Some(125), "again\n"), "{}", done.stderr);
    let refusal = format!("tailwater: {running} cannot be run again: it has not finished yet (");
    assert!(done.stderr.contains(&refusal), "{}", done.stderr);
    let refusal = format!("tailwater: {missing} cannot be run again: there is no such job");
    assert!(done.stderr.contains(&refusal), "{}", done.stderr);
    let done = cli.run(&["retry", "--detach", missing, &finished]).await;
    assert_eq!((done.code, done.stdout.lines().count()), (Some(125), 1), "{}", done.stderr);
    gate.open();
    server.api.ended(&running).await;
    server.api.ended(done.stdout.trim()).await;
}

#[tokio::test]
async fn ctrl_c_cancels_all_jobs_that_are_retried() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 1).await;
    let cli = Cli::new(&server.api.base);
    let (short, _) = server.api.run("true").await;
    let long = server.api.submit(json!({"run": "echo begun; exec sleep 1000"})).await;
    server.api.post(&format!("/jobs/{long}/cancel"), &json!({})).await;
    server.api.ended(&long).await;
    let mut run = cli.start(&["retry", &long, &short]);
    assert_eq!(run.line().await, "begun");
    run.interrupt();
    let done = run.ended().await;
    assert_eq!(done.code, Some(123), "{}", done.stderr);
    let jobs = server.api.json("/jobs?limit=2").await["items"].clone();
    assert_eq!(json!([jobs[0]["status"], jobs[1]["status"]]), json!(["cancelled", "cancelled"]));
    assert_eq!(jobs[0]["attempt"], 0, "the waiting job has never started");
}

/// Submits a command that fails, waits until its job has finished, and returns the job's id.
async fn failed(server: &TestServer, title: &str) -> String {
    let id = server.api.submit(json!({"run": "exit 1", "title": title})).await;
    server.api.ended(&id).await;
    id
}

/// Returns the number of jobs that are resubmissions.
async fn resubmitted(server: &TestServer) -> usize {
    let jobs = server.api.json("/jobs?limit=200").await["items"].clone();
    jobs.as_array().expect("a list").iter().filter(|job| job["resubmittedFrom"] != Value::Null).count()
}

#[tokio::test]
async fn all_failed_jobs_of_a_filter_are_run_again_and_no_others() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (succeeded, _) = server.api.run("true").await;
    let first = failed(&server, "nightly").await;
    let old = failed(&server, "nightly").await;
    let other = failed(&server, "other").await;
    server.execute(&format!("update jobs set created_at = 1 where id = x'{}'", old.replace('-', ""))).await;
    assert_eq!(cli.stdout(&["rerun", "--failed", "--type", "elsewhere"]).await, "0 failed jobs would run again\n");
    assert_eq!(cli.stdout(&["rerun", "--failed", "--dry-run"]).await, "3 failed jobs would run again\n");
    assert_eq!(resubmitted(&server).await, 0);
    let output = cli.stdout(&["rerun", "--failed", "--type", "command", "--since", "1h", "--search", "nightly"]).await;
    assert_eq!(output, "1 failed job runs again\n");
    let newest = server.api.json("/jobs?limit=1").await["items"][0].clone();
    assert_eq!(newest["resubmittedFrom"], first, "not {succeeded}, {old} or {other}");
    let id = newest["id"].as_str().expect("it has an id");
    assert_eq!(server.api.ended(id).await["status"], "failed");
    let body: Value = serde_json::from_str(&cli.stdout(&["retry", "--failed", "--json"]).await).expect("it is JSON");
    assert_eq!(json!([body["matched"], body["done"], body["unchanged"]]), json!([3, 3, []]));
    assert_eq!(body["resubmissions"], json!([{"id": first, "resubmittedAs": id}]), "it was already run again");
    assert_eq!(resubmitted(&server).await, 4);
}

#[tokio::test]
async fn a_failed_job_is_run_again_once_unless_it_is_asked_for() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let job = failed(&server, "flaky").await;
    assert_eq!(cli.stdout(&["rerun", "--failed"]).await, "1 failed job runs again\n");
    let copy = server.api.json("/jobs?limit=1").await["items"][0]["id"].as_str().expect("it has an id").to_owned();
    server.api.ended(&copy).await;
    server.execute(&format!("update jobs set status = 'cancelled' where id = x'{}'", copy.replace('-', ""))).await;
    let named = format!(
        "tailwater: {job} is skipped: it was already run again as {copy}\n\
         tailwater: --include-rerun runs skipped jobs again too\n"
    );
    let done = cli.run(&["rerun", "--failed"]).await;
    let found = (done.code, done.stdout.as_str(), done.stderr.as_str());
    assert_eq!(found, (Some(0), "0 failed jobs would run again\n", named.as_str()));
    assert_eq!(resubmitted(&server).await, 1);
    assert_eq!(cli.stdout(&["rerun", "--failed", "--include-rerun"]).await, "1 failed job runs again\n");
    let newest = server.api.json("/jobs?limit=1").await["items"][0].clone();
    assert_eq!(newest["resubmittedFrom"], job);
    let newest = newest["id"].as_str().expect("it has an id").to_owned();
    assert_eq!(server.api.ended(&newest).await["status"], "failed");
    assert_eq!(cli.stdout(&["rerun", "--failed"]).await, "1 failed job runs again\n", "the copy has failed too");
    let newest = server.api.json("/jobs?limit=1").await["items"][0].clone();
    assert_ne!(newest["resubmittedFrom"], job);
}

#[tokio::test]
async fn failed_jobs_that_cannot_be_run_again_are_named_with_the_reason() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let put = server.api.request(reqwest::Method::PUT, "/secrets/KEY").json(&json!({"value": "hunter2-hunter2"}));
    put.send().await.expect("the server answers");
    let id = server.api.submit(json!({"run": "exit 1", "secrets": ["KEY"]})).await;
    server.api.ended(&id).await;
    failed(&server, "other").await;
    server.api.request(reqwest::Method::DELETE, "/secrets/KEY").send().await.expect("the server answers");
    let done = cli.run(&["rerun", "--failed"]).await;
    assert_eq!((done.code, done.stdout.as_str()), (Some(125), "1 failed job runs again\n"), "{}", done.stderr);
    let message =
        format!("tailwater: {id} was not run again: payload.secrets: there is no secret KEY; create it with ");
    assert!(done.stderr.starts_with(&message) && done.stderr.lines().count() == 1, "{}", done.stderr);
}

#[tokio::test]
async fn many_failed_jobs_are_run_again_only_after_a_yes_on_a_terminal() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 0).await;
    let cli = Cli::new(&server.api.base);
    for _ in 0..11 {
        server.api.submit(json!({"run": "true"})).await;
    }
    server.execute("update jobs set status = 'failed', finished_at = created_at").await;
    let answer = |answer: &str| {
        let path = cli.folder().join("answer");
        std::fs::write(&path, answer).expect("the file is written");
        std::process::Stdio::from(std::fs::File::open(path).expect("the file exists"))
    };
    let mut command = cli.on_terminal(&["rerun", "--failed"]);
    command.stdin(answer("n\n"));
    let done = Cli::run_command(command).await;
    assert_eq!(done.code, Some(125), "{done:?}");
    assert!(done.stdout.contains("Run 11 failed jobs again? [y/N] "), "{done:?}");
    assert!(done.stdout.contains("tailwater: no job was run again"), "{done:?}");
    assert_eq!(resubmitted(&server).await, 0);
    let mut command = cli.on_terminal(&["rerun", "--failed"]);
    command.stdin(answer("y\n"));
    let done = Cli::run_command(command).await;
    assert!(done.code == Some(0) && done.stdout.contains("11 failed jobs run again"), "{done:?}");
    let again = ["rerun", "--failed", "--include-rerun"];
    let done = Cli::run_command(cli.on_terminal(&[&again[..], &["--yes"]].concat())).await;
    assert!(!done.stdout.contains('?') && done.stdout.contains("11 failed jobs run again"), "{done:?}");
    assert_eq!(cli.stdout(&again).await, "11 failed jobs run again\n", "a script is not asked");
    assert_eq!(resubmitted(&server).await, 33);
}

#[tokio::test]
async fn failed_jobs_are_either_selected_or_given_by_their_ids() {
    let cli = Cli::new("http://127.0.0.1:1");
    let id = "01890000-0000-7000-8000-000000000000";
    for arguments in [&["rerun"][..], &["rerun", "--failed", id], &["rerun", "--type", "command", id]] {
        let done = cli.run(arguments).await;
        assert_eq!(done.code, Some(125), "{arguments:?}: {}", done.stderr);
        assert!(done.stderr.starts_with("error: "), "{arguments:?}: {}", done.stderr);
    }
}
