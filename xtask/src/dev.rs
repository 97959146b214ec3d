//! The daily loop: build both halves with light profiles, run the server, and do it again whenever a file changes.
//!
//! While a change does not compile, the last server that did keeps running.

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

/// What the two halves are made of.
const WATCHED: [&str; 8] =
    ["Cargo.lock", "Cargo.toml", "Leptos.toml", "migrations", "public", "redact", "src", "style"];

/// An editor saves several files, or one in several strokes: the build begins when nothing has changed for this long.
const QUIET: Duration = Duration::from_millis(100);

/// How long the old server may take to end; it waits for what it is running.
const PATIENCE: Duration = Duration::from_secs(5);

/// The server, as cargo builds it without further words.
const SERVER: &str = "target/debug/tailwater";

/// Builds, serves and watches, until someone presses Ctrl-C.
pub fn run(settings: &Settings, arguments: &[OsString]) -> Result<()> {
    let (sender, changes) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // The loop has ended if nobody receives.
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

/// Whether something was written; being read is no change.
fn matters(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)))
}

/// Returns after a change, when quiet has come back.
fn wait(changes: &Receiver<()>) -> Result<()> {
    changes.recv().context("failed to go on watching")?;
    while changes.recv_timeout(QUIET).is_ok() {}
    Ok(())
}

/// Builds the server first, since most mistakes show there.
fn build(settings: &Settings) -> Result<()> {
    command::run(command::cargo().args(["build", "--bin", "tailwater", "--features", "ssr"]))
        .context("failed to compile the server")?;
    site::build(settings, Profile::Dev)
}

/// The running server, if there is one, and of which build it is.
#[derive(Default)]
struct Server {
    running: Option<(Child, SystemTime)>,
}

impl Server {
    /// Restarts the server, unless this build runs already.
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

/// Asks the server to end, and makes it when it does not.
fn stop(child: &mut Child) -> Result<()> {
    if child.try_wait()?.is_none() {
        // std can only kill outright.
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
