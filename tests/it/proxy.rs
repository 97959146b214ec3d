//! Behind Debian's nginx with its default buffering and time-outs: streams stay live through silence, and outlive the proxy.

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

/// How long nothing is printed: twice what nginx waits for a reply to go on before it cuts the connection.
const SILENCE: Duration = Duration::from_mins(2);

/// In what time a line has to be there after it was printed.
const LIVE: Duration = Duration::from_secs(2);

/// Where Debian puts it, which is on nobody's path but root's.
const DEBIANS: &str = "/usr/sbin/nginx";

/// nginx in a folder of its own, as any user; it dies with the test.
struct Nginx {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Nginx {
    /// Starts it in front of a server and waits until it listens.
    async fn start(api: &Api) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = free.local_addr().expect("it is bound").port();
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

    /// Ends it, and with it every connection, and starts it again on the same port.
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
        // SIGTERM to the master ends its workers; SIGKILL would leave them.
        let sent = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill is there");
        if sent.success() {
            self.child.wait().expect("it is our child");
        }
    }

    /// Returns a client that speaks to it.
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

/// Reads until a line is there; returns it and what came with it.
async fn read_to(stream: &mut Stream, line: &str, frames: &mut Vec<Frame>) {
    loop {
        let frame = stream.next().await.expect("the stream goes on");
        let found = frame.event == "queue_event" && frame.json()["message"] == line;
        frames.push(frame);
        if found {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_nginx_a_line_is_live_after_2_minutes_of_silence_and_nothing_is_lost_when_it_restarts() {
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
        let frame = stream.next().await.expect("the heartbeats keep it open");
        frames.push(frame);
    }
    let told = Instant::now();
    printed.open();
    read_to(&mut stream, "after the silence\n", &mut frames).await;
    let took = told.elapsed();
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
    assert_eq!(through, server.api.raw_items(&id, "", 500).await, "nothing is lost and nothing comes twice");
}
