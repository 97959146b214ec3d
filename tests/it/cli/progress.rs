//! The progress of uploads and downloads is shown on a terminal, and nowhere else.

use crate::harness::TestServer;
use crate::harness::cli::Cli;

/// The number of bytes that the job prints.
const SIZE: usize = 3_000_000;

/// Returns a `Cli` with a terminal type that allows the program to draw and erase a progress bar.
fn cli_of(server: &TestServer) -> Cli {
    Cli::new(&server.api.base).with("TERM", "xterm-256color")
}

/// Runs a job that prints a large output, and returns its id and the output.
async fn large_log(server: &TestServer) -> (String, Vec<u8>) {
    let (id, _) = server.api.run(&format!("yes | head -c {SIZE}")).await;
    let output = server.api.output(&id, 1).await;
    assert_eq!(output.len(), SIZE);
    (id, output)
}

#[tokio::test]
async fn a_download_shows_its_size_and_its_rate_on_a_terminal() {
    let server = TestServer::start().await;
    let cli = cli_of(&server);
    let (id, output) = large_log(&server).await;
    let get = ["artifacts", "get", &id, "logs/output.log", "-o", "whole"];
    let done = Cli::run_command(cli.on_terminal(&get)).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("tailwater: receiving output.log ["), "{done:?}");
    assert!(done.stdout.contains("% of 3.00 MB, ") && done.stdout.contains("/s, "), "{done:?}");
    let last = done.stdout.trim_end().rsplit(['\r', '\n']).next();
    assert!(last.is_some_and(|line| line.ends_with("whole  3.0 MB")), "the bar is removed: {done:?}");
    assert!(std::fs::read(cli.folder().join("whole")).expect("the file exists") == output);
    // The file is written to a pipe, and the progress bar only to the terminal.
    let to_pipe = ["artifacts", "get", &id, "logs/output.log", "-o", "-"];
    let done = Cli::run_command(cli.in_terminal("\"$0\" \"$@\" | cat > piped", &to_pipe)).await;
    assert!(done.stdout.contains("tailwater: receiving output.log ["), "{done:?}");
    assert!(std::fs::read(cli.folder().join("piped")).expect("the file exists") == output);
}

#[tokio::test]
async fn no_progress_is_shown_without_a_terminal_with_quiet_or_json_or_beside_the_file_itself() {
    let server = TestServer::start().await;
    let cli = cli_of(&server);
    let (id, _) = large_log(&server).await;
    let get = ["artifacts", "get", &id, "logs/output.log", "-o", "whole"];
    let done = cli.run(&get).await;
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("whole  3.0 MB\n", ""));
    let dumb = cli_of(&server).with("TERM", "dumb");
    for (cli, option) in [(&cli, "--quiet"), (&cli, "-q"), (&cli, "--json"), (&dumb, "--color=never")] {
        let done = Cli::run_command(cli.on_terminal(&[&get[..], &[option]].concat())).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(!done.stdout.contains("receiving") && !done.stdout.contains('\u{1b}'), "{option}: {done:?}");
    }
    let done = Cli::run_command(cli.on_terminal(&["artifacts", "get", &id, "logs/output.log", "-o", "-"])).await;
    assert!(done.stdout.replace('\r', "") == "y\n".repeat(SIZE / 2), "only the file is displayed");
}

#[tokio::test]
async fn an_upload_shows_its_progress_on_a_terminal_only() {
    let server = TestServer::start().await;
    let cli = cli_of(&server);
    std::fs::create_dir(cli.folder().join("project")).expect("it can be created");
    std::fs::write(cli.folder().join("project/zeros"), vec![0; 2_000_000]).expect("it can be written");
    std::fs::write(cli.folder().join("job.yaml"), "run: wc -c zeros\n").expect("it can be written");
    let submit = ["submit", "--send", "project", "job.yaml"];
    let done = Cli::run_command(cli.on_terminal(&submit)).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("tailwater: sending files [") && done.stdout.contains("% of 2.00 MB, "), "{done:?}");
    let done = cli.run(&submit).await;
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    server.api.ended(done.stdout.trim()).await;
    let run = ["run", "--quiet", "--send", "project", "--", "wc", "-c", "zeros"];
    let done = Cli::run_command(cli.on_terminal(&run)).await;
    assert!(done.code == Some(0) && done.stdout.contains("2000000 zeros\r\n"), "{done:?}");
    assert!(!done.stdout.contains("sending") && !done.stdout.contains("/tasks/queue/"), "{done:?}");
}
