//! The development loop: builds the pages and the server with fast profiles, runs the server, and rebuilds and restarts
//! whenever a file changes.
//!
//! While a change does not compile, the previous server keeps running.

use std::{
    ffi::OsString,
    fs,
    path::Path,
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result};
use notify::{Event, EventKind, RecursiveMode, Watcher, event::ModifyKind};

use crate::{
    command,
    settings::Settings,
    site::{self, Profile},
};

/// The source files of the server and the pages.
const WATCHED: [&str; 11] = [
    "Cargo.lock",
    "Cargo.toml",
    "Leptos.toml",
    "engine",
    "migrations",
    "model",
    "public",
    "redact",
    "src",
    "style",
    "supervise",
];

/// The time that must pass without changes before a build starts. Editors save several files at once, or one file in
/// several steps.
const QUIET: Duration = Duration::from_millis(100);

/// The maximum time to wait until the old server exits. The server may take a long time, because it waits for its
/// running jobs.
const PATIENCE: Duration = Duration::from_secs(5);

/// The server that cargo builds by default.
const SERVER: &str = "target/debug/tailwater";

/// Builds, serves and watches until Ctrl-C is pressed.
pub fn run(settings: &Settings, arguments: &[OsString]) -> Result<()> {
    let (sender, changes) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Sending fails only after the receiving loop has ended.
        if event.is_ok_and(|event| matters(event.kind)) {
            let _ = sender.send(());
        }
    })?;
    for path in WATCHED.iter().map(Path::new).filter(|path| path.exists()) {
        watcher.watch(path, RecursiveMode::Recursive).with_context(|| format!("failed to watch {}", path.display()))?;
    }

    let mut server = Server::default();
    loop {
        let begun = Instant::now();
        match build(settings) {
            Ok(()) => {
                server.renew(arguments)?;
                eprintln!("dev: up to date after {:.1} s", begun.elapsed().as_secs_f32());
            }
            Err(error) => eprintln!("dev: {error:#}; waiting for the next change"),
        }
        wait(&changes)?;
    }
}

/// Returns whether an event reports a change. Reading a file is not a change.
fn matters(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)))
}

/// Waits for a change, and then until no other change has occurred for [`QUIET`].
fn wait(changes: &Receiver<()>) -> Result<()> {
    changes.recv().context("failed to continue watching")?;
    while changes.recv_timeout(QUIET).is_ok() {}
    Ok(())
}

/// Builds the server and then the pages. The server is built first because most errors are found there.
fn build(settings: &Settings) -> Result<()> {
    command::run(command::cargo().args(["build", "--bin", "tailwater", "--features", "ssr"]))
        .context("failed to compile the server")?;
    site::build(settings, Profile::Dev)
}

/// The running server, if any, and the modification time of its binary.
#[derive(Default)]
struct Server {
    running: Option<(Child, SystemTime)>,
}

impl Server {
    /// Starts or restarts the server, unless it is already running the current build.
    fn renew(&mut self, arguments: &[OsString]) -> Result<()> {
        let built = fs::metadata(SERVER)?.modified()?;
        if let Some((child, build)) = &mut self.running {
            if *build == built && child.try_wait()?.is_none() {
                return Ok(());
            }
            stop(child)?;
        }
        let child = Command::new(SERVER).arg("serve").args(arguments).spawn().context("failed to start the server")?;
        self.running = Some((child, built));
        Ok(())
    }
}

/// Sends SIGTERM to the server, and kills it if it does not exit in time.
fn stop(child: &mut Child) -> Result<()> {
    if child.try_wait()?.is_none() {
        // The standard library can only send SIGKILL.
        command::run(Command::new("kill").arg(child.id().to_string()))?;
    }
    let asked = Instant::now();
    while child.try_wait()?.is_none() {
        if asked.elapsed() > PATIENCE {
            child.kill()?;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
