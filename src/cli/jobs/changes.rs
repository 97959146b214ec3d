//! When to look at the queue again: the server says so over `/jobs/stream`.

use std::time::Duration;

use reqwest::Method;
use tokio::sync::mpsc;

use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::output::note;
use crate::cli::sse::Frames;

/// How long to wait before a cut stream is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// The queue's changes. Several that come before somebody asks are one: what changed is read anew each time.
pub(super) struct Changes(mpsc::Receiver<Result<(), CliError>>);

impl Changes {
    /// Begins to listen. The first change is the beginning itself: a list that is read after it misses nothing.
    pub(super) fn follow(client: Client) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(listen(client, sender));
        Self(receiver)
    }

    /// Waits for the next change; a server that is away is waited for.
    pub(super) async fn next(&mut self) -> Result<(), CliError> {
        match self.0.recv().await {
            Some(change) => change,
            // Only a panic ends the listening without an error.
            None => std::future::pending().await,
        }
    }
}

async fn listen(client: Client, sender: mpsc::Sender<Result<(), CliError>>) {
    let mut told = false;
    loop {
        match listen_once(&client, &sender, &mut told).await {
            Ok(()) => {}
            Err(error) if error.is_transient() => {
                if !std::mem::replace(&mut told, true) {
                    note(&format!("{error}; trying again"));
                }
            }
            Err(error) => {
                sender.send(Err(error)).await.ok();
                return;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Hands on what one connection brings: its first frame, and every job that changes.
async fn listen_once(
    client: &Client,
    sender: &mpsc::Sender<Result<(), CliError>>,
    told: &mut bool,
) -> Result<(), CliError> {
    let mut reply = client.send(client.request(Method::GET, "/jobs/stream")).await?;
    let (mut frames, mut begun) = (Frames::default(), false);
    while let Some(bytes) = client.chunk(&mut reply).await? {
        frames.push(bytes.as_ref());
        while let Some(frame) = frames.next().map_err(|_| client.not_tailwater("a job without an end".into()))? {
            if frame.event == "job" || !begun {
                // One that waits already says the same.
                sender.try_send(Ok(())).ok();
            }
            (begun, *told) = (true, false);
        }
    }
    Ok(())
}
