//! The examples in the documentation do what they say. Commands in blocks marked `sh` succeed, and those in blocks
//! marked `console` print exactly what follows them.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use model::Role;
use serde_json::{Value, json};

use super::pages;
use crate::harness::cli::Cli;
use crate::harness::people::Proof;
use crate::harness::process::PROGRAM;
use crate::harness::workers::RemoteWorker;
use crate::harness::{TOKEN, TestServer};

/// How a test treats a command that it cannot simply run.
enum Treatment {
    /// The command is not run. The string is the reason.
    Skipped(&'static str),
    /// The command reads its standard input from this file, so that it does not wait for input on the terminal.
    Reads(&'static str),
    /// The first script runs before the command, and the second one after it.
    Between(&'static str, &'static str),
}

use Treatment::{Between, Reads, Skipped};

/// The commands that need special treatment. An entry applies to all commands that begin with its text. If several
/// entries match, the first one applies.
const TREATMENTS: [(&str, Treatment); 16] = [
    ("make run", Skipped("it builds the program")),
    ("make test", Skipped("it runs all tests")),
    ("sudo ", Skipped("it requires root and changes the machine")),
    ("tailwater serve --data-dir /var/lib", Skipped("it changes the machine")),
    ("tailwater run --title Nightly", Skipped("it compiles a workspace")),
    ("tailwater jobs --status queued,running --watch", Skipped("it does not end")),
    ("TAILWATER_TOKEN=... tailwater worker", Skipped("it does not end")),
    ("while true", Skipped("it does not end")),
    ("npm ci", Skipped("it requires a package of Node.js")),
    ("tailwater login http://127.0.0.1:3000 <", Between("", "")),
    ("tailwater login", Reads("data/admin-token")),
    ("tailwater secret set DEPLOY_TOKEN  ", Reads("token.txt")),
    ("tailwater user add ada", Reads("password.txt")),
    ("tailwater user password", Reads("password.txt")),
    ("id=$(tailwater run --detach", Between("", "tailwater logs -f $id")),
    ("tailwater cancel $id", Between("id=$(tailwater run --detach -- sleep 600)", "id=$earlier")),
];

/// Returns the blocks of a page that are marked with this language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("```{language}\n");
    text.split(&open).skip(1).map(|rest| rest.split("\n```").next().expect("a block ends")).collect()
}

/// Returns the commands of a block. A command may extend over several lines.
fn commands(block: &str) -> Vec<String> {
    if let Some((_, rest)) = block.split_once("\nwhile true") {
        return vec![format!("while true{rest}")];
    }
    let joined = block.replace("\\\n", "");
    joined.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// Returns a script that runs the examples of a page, one after the other.
fn script(text: &str, base: &str) -> String {
    let mut script = "curl() { command curl --fail \"$@\"; }\n".to_owned();
    for command in blocks(text, "sh").into_iter().flat_map(commands) {
        let command = command.replace("target/release/", "");
        let treatment = TREATMENTS.iter().find(|(start, _)| command.starts_with(start)).map(|(_, treatment)| treatment);
        let command = command
            .replace("http://127.0.0.1:3000", base)
            .replace("session end ID", "session end $SESSION")
            .replace("token revoke ID", "token revoke $REVOCABLE");
        let written = match treatment {
            Some(Skipped(reason)) => writeln!(script, "# Skipped: {reason}."),
            Some(Reads(file)) => writeln!(script, "{{ {command}\n}} < {file}"),
            Some(Between(before, after)) => writeln!(script, "{before}\n{command}\n{after}"),
            None => writeln!(script, "{command}"),
        };
        written.expect("a string can be extended");
    }
    script
}

/// Runs the examples of a page in a directory that contains the files that the examples read. The server has the jobs,
/// the worker, the session and the token that they mention.
async fn run_examples(page: &str) {
    let text = fs::read_to_string(page).expect("the page exists");
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let file = |name: &str, content: &str| {
        let path = cli.folder().join(name);
        fs::create_dir_all(path.parent().expect("it is in the directory")).expect("the directory can be created");
        fs::write(path, content).expect("the file can be written");
    };
    file("data/admin-token", TOKEN);
    file("password.txt", "correct horse battery\n");
    file("token.txt", "a-value-to-keep\n");
    file(".kube/config", "another-value-to-keep\n");
    file("build.log", "Compiling\n");
    file("Makefile", "test:\n\t@echo tested\n");
    fs::create_dir(cli.folder().join("bin")).expect("the directory can be created");
    std::os::unix::fs::symlink(PROGRAM, cli.folder().join("bin/tailwater")).expect("the link can be created");

    let (earlier, _) = server.api.run("echo 1; echo warning >&2").await;
    let (one, _) = server.api.run("echo one").await;
    let (two, _) = server.api.run("echo two").await;
    // `tailwater rerun --failed` runs this job again. The new job fails too, but the command does not wait for it.
    server.api.run("exit 3").await;
    let worker = RemoteWorker::new(&server, "build-7").await;
    assert_eq!(worker.claim_with(json!({"allowedTypes": ["build"]})).await, Value::Null);
    server.post_form("/login", &Proof::Nothing, &[("token", TOKEN)]).await;
    let sessions = server.api.json("/sessions").await;
    let session = sessions["items"][0]["id"].as_str().expect("a session has an id");
    let by = Proof::Bearer(TOKEN.to_owned());
    let created = server.create_token(&by, json!({"name": "to revoke", "role": Role::Viewer})).await;
    let revocable = created["id"].as_str().expect("a token has an id");

    let mut command = Command::new("bash");
    command.args(["-exuo", "pipefail", "-c", &script(&text, &server.api.base)]).current_dir(cli.folder()).env_clear();
    let path = std::env::var("PATH").expect("the tests have a PATH");
    command.env("PATH", format!("{}/bin:{path}", cli.folder().display())).env("HOME", cli.folder());
    command.envs([("TAILWATER_SERVER", server.api.base.as_str()), ("TAILWATER_TOKEN", TOKEN), ("TOKEN", TOKEN)]);
    command.envs([("ID", &earlier), ("earlier", &earlier), ("one", &one), ("two", &two)]);
    command.envs([("SESSION", session), ("REVOCABLE", revocable)]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let done = Cli::run_command(command).await;
    assert_eq!(done.code, Some(0), "the last command in {page} has failed:\n{}{}", done.stdout, done.stderr);
}

/// Declares a test for each page with examples.
macro_rules! pages_with_examples {
    ($($name:ident $page:literal)*) => {
        const PAGES: &[&str] = &[$($page),*];
        $(
            #[tokio::test]
            async fn $name() {
                run_examples($page).await;
            }
        )*
    };
}

pages_with_examples! {
    the_examples_in_the_readme_succeed "README.md"
    the_examples_for_the_command_line_succeed "docs/cli.md"
    the_examples_for_the_api_succeed "docs/api.md"
    the_examples_for_people_succeed "docs/people.md"
    the_examples_for_workers_succeed "docs/workers.md"
    the_examples_for_jobs_succeed "docs/jobs.md"
}

#[test]
fn the_examples_of_every_page_are_run_or_skipped_for_a_reason() {
    let mut used = vec![false; TREATMENTS.len()];
    for (page, text) in pages() {
        let commands: Vec<String> = blocks(&text, "sh").into_iter().flat_map(commands).collect();
        let mut is_run = false;
        for command in commands.iter().map(|command| command.replace("target/release/", "")) {
            let position = TREATMENTS.iter().position(|(start, _)| command.starts_with(start));
            is_run |= !position.is_some_and(|position| matches!(TREATMENTS[position].1, Skipped(_)));
            position.inspect(|position| used[*position] = true);
        }
        let is_listed = PAGES.iter().any(|listed| page.ends_with(listed));
        assert_eq!(is_listed, is_run, "{}", page.display());
    }
    for ((start, _), used) in TREATMENTS.iter().zip(used) {
        assert!(used, "no page contains the example {start:?}");
    }
}

#[tokio::test]
async fn the_commands_in_console_examples_print_what_follows_them() {
    let server = TestServer::start().await;
    let mut compared = 0;
    for (page, text) in pages() {
        for block in blocks(&text, "console") {
            let cli = Cli::new(&server.api.base);
            for example in format!("\n{block}").split("\n$ ").skip(1) {
                let (command, expected) = example.split_once('\n').unwrap_or((example, ""));
                match command.split(' ').collect::<Vec<_>>().as_slice() {
                    ["cat", name] => fs::write(cli.folder().join(name), expected).expect("the file can be written"),
                    ["tailwater", arguments @ ..] => {
                        let done = cli.run(arguments).await;
                        let printed = format!("{}{}", done.stdout, done.stderr);
                        assert_eq!(printed.trim_end(), expected, "{}: {command}", page.display());
                        compared += 1;
                    }
                    _ => panic!("{}: only `cat` and `tailwater` are known, not {command}", page.display()),
                }
            }
        }
    }
    assert!(compared > 0, "no example was found");
}
