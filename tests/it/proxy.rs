//! A stream stays open behind Debian's nginx with default buffering and timeouts, even while a job prints nothing. It
//! can be resumed after a restart of nginx.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::harness::gate::Gate;
use crate::harness::sse::{Frame, Stream};
use crate::harness::{Api, TestServer, until};

/// The time for which the job prints nothing. It is twice nginx's timeout for reading from the server.
const SILENCE: Duration = Duration::from_mins(2);

/// The maximum delay between the printing of a line and its arrival at the client.
const LIVE: Duration = Duration::from_secs(2);

/// The path of Debian's nginx, which is not in an ordinary user's `PATH`.
const DEBIANS: &str = "/usr/sbin/nginx";

/// An unprivileged nginx in its own directory, which is stopped when the test ends.
struct Nginx {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Nginx {
    /// Starts nginx in front of a server and waits until it listens.
    async fn start(api: &Api) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = free.local_addr().expect("the listener is bound").port();
        drop(free);
        let configuration = format!(
            "daemon off; pid nginx.pid; error_log error.log; events {{}}\n\
             http {{\n access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n\
             uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
             server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {}; }} }}\n}}\n",
            api.base
        );
        fs::write(folder.path().join("nginx.conf"), configuration).expect("the folder can be written");
        let child = spawn(folder.path());
        let nginx = Self { folder, port, child };
        nginx.listens().await;
        nginx
    }

    /// Stops nginx, which closes every connection, and starts it again on the same port.
    async fn restart(&mut self) {
        self.stop();
        self.child = spawn(self.folder.path());
        self.listens().await;
    }

    async fn listens(&self) {
        let pid = self.folder.path().join("nginx.pid");
        let is_ours = || fs::read_to_string(&pid).is_ok_and(|text| text.trim() == self.child.id().to_string());
        until("nginx has started", is_ours).await;
    }

    fn stop(&mut self) {
        // SIGTERM to the master process also stops its workers. SIGKILL would leave them running.
        let sent = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill is installed");
        if sent.success() {
            self.child.wait().expect("the child can be waited for");
        }
    }

    /// Returns an API client that connects through nginx.
    fn api(&self) -> Api {
        Api::new(format!("http://127.0.0.1:{}", self.port))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(folder: &Path) -> Child {
    let program = if Path::new(DEBIANS).exists() { DEBIANS } else { "nginx" };
    let mut command = Command::new(program);
    command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "error.log"]).stderr(Stdio::null());
    command.spawn().expect("nginx is installed; `xtask/setup.sh unit` does it")
}

/// Reads until a line arrives, and appends all frames up to that line to `frames`.
async fn read_to(stream: &mut Stream, line: &str, frames: &mut Vec<Frame>) {
    loop {
        let frame = stream.next().await.expect("the stream continues");
        let found = frame.event == "queue_event" && frame.json()["message"] == line;
        frames.push(frame);
        if found {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_nginx_a_line_is_live_after_2_minutes_of_silence_and_a_restart_loses_nothing() {
    let (server, printed, again, over) = (TestServer::start().await, Gate::new(), Gate::new(), Gate::new());
    let mut nginx = Nginx::start(&server.api).await;
    let waits = [&printed, &again, &over].map(Gate::wait);
    let run = format!("echo begun; {}; echo after the silence; {}; seq 500; {}", waits[0], waits[1], waits[2]);
    let id = server.api.submit(json!({"run": run})).await;

    let mut frames = Vec::new();
    let mut stream = Stream::open(&nginx.api(), &id, "", None).await;
    read_to(&mut stream, "begun\n", &mut frames).await;
    let silent = Instant::now();
    while silent.elapsed() < SILENCE {
        let frame = stream.next().await.expect("heartbeats keep the stream open");
        frames.push(frame);
    }
    let started = Instant::now();
    printed.open();
    read_to(&mut stream, "after the silence\n", &mut frames).await;
    let took = started.elapsed();
    assert!(took < LIVE, "the line took {took:?}");

    nginx.restart().await;
    again.open();
    let last = frames.iter().rev().find_map(|frame| frame.id).expect("every frame has an id");
    let mut stream = Stream::open(&nginx.api(), &id, "", Some(last)).await;
    over.open();
    frames.extend(stream.rest().await);
    assert_eq!(frames.pop().map(|frame| frame.event).as_deref(), Some("terminal"));
    let events = frames.into_iter().filter(|frame| frame.event == "queue_event");
    let through: Vec<String> = events.map(|frame| frame.data).collect();
    assert_eq!(through, server.api.raw_items(&id, "", 500).await, "nothing is lost or repeated");
}
