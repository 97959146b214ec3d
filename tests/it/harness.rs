//! Starts a separate server for each test, and provides a client for its API.

mod api;
pub mod cli;
pub mod credentials;
mod events;
pub mod form;
pub mod gate;
pub mod in_process;
pub mod page;
pub mod people;
pub mod process;
pub mod provider;
pub mod proxy;
mod random;
mod settings;
pub mod sse;
pub mod store;
pub mod streams;
pub mod tcp;
mod watchdog;
pub mod worker_process;
pub mod workers;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tailwater::server::{Config, Server};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use api::Api;
pub use events::{number, of_kind, restore, sha256};
pub use random::Random;
pub use settings::config;

/// The admin token of every test server.
pub const TOKEN: &str = "test-token-0123456789abcdef0123456789abcdef";

/// The maximum time that a test waits for a result before it fails. It is long, because machines are shared. A passing
/// test never waits this long.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Whether the steps of a test's jobs print to pipes or to terminals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Pipes,
    Terminals,
}

impl Mode {
    /// Returns the submission, changed so that the job runs in this mode.
    pub fn of_job(self, mut job: Value) -> Value {
        if self == Self::Terminals && job["type"] == "command" {
            job["payload"]["terminal"] = json!(true);
        }
        job
    }
}

/// Defines two tests for each named function. One calls it with [`Mode::Pipes`], the other with [`Mode::Terminals`].
macro_rules! in_both_modes {
    ($($name:ident),+ $(,)?) => {
        mod with_pipes {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::harness::Mode::Pipes).await;
            })+
        }

        mod with_terminals {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::harness::Mode::Terminals).await;
            })+
        }
    };
}

pub(crate) use in_both_modes;

/// A server that runs in the test's own process.
pub struct TestServer {
    pub api: Api,
    pub data: TempDir,
    pub login_link: String,
    shutdown: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Starts a server with default settings.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server whose settings are the defaults, modified by `change`.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_over(tempfile::tempdir().expect("a temporary folder"), change).await
    }

    /// Starts a server with an existing data directory.
    pub async fn start_over(data: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(data.path());
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let server = Server::start(config, listener).await.expect("the server starts");
        let api = Api::new(format!("http://{}", server.address()));
        let login_link = server.login_link();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(server.run(shutdown.clone()));
        Self { api, data, login_link, shutdown, running: Some(running) }
    }

    /// Makes all jobs that are submitted later run in this mode.
    pub fn in_mode(mut self, mode: Mode) -> Self {
        self.api.mode = mode;
        self
    }

    /// Stops the server, waits until it has stopped, and returns its data directory.
    pub async fn stop(mut self) -> TempDir {
        self.shutdown.cancel();
        if let Some(running) = self.running.take() {
            running.await.expect("the server ends without a panic");
        }
        std::mem::replace(&mut self.data, tempfile::tempdir().expect("a temporary folder"))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Waits until a condition is true.
pub async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is() {
        assert!(since.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a condition that is checked asynchronously is true.
pub async fn until_async(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !is().await {
        assert!(since.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
