//! Waits for changes in the queue, which the server reports through `/jobs/stream`.

use std::time::Duration;

use reqwest::Method;
use tokio::sync::mpsc;

use crate::cli::client::ApiClient;
use crate::cli::error::CliError;
use crate::cli::output::note;
use crate::cli::sse::FrameSplitter;

/// The pause before a broken stream is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// A receiver of notifications about changes in the queue. Several unread notifications are combined into one, because
/// the whole list is fetched each time.
pub(super) struct ListChanges(mpsc::Receiver<Result<(), CliError>>);

impl ListChanges {
    /// Starts listening. The first notification is sent when the stream has been opened. A list that is fetched after
    /// this notification includes all earlier changes.
    pub(super) fn follow(client: ApiClient) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(listen(client, sender));
        Self(receiver)
    }

    /// Waits for the next notification. While the server is unavailable, the listening task retries the connection.
    pub(super) async fn next(&mut self) -> Result<(), CliError> {
        match self.0.recv().await {
            Some(change) => change,
            // The channel is closed without an error only if the task that runs `listen` has panicked.
            None => std::future::pending().await,
        }
    }
}

async fn listen(client: ApiClient, sender: mpsc::Sender<Result<(), CliError>>) {
    let mut warned = false;
    loop {
        match listen_once(&client, &sender, &mut warned).await {
            Ok(()) => {}
            Err(error) if error.is_transient() => {
                if !std::mem::replace(&mut warned, true) {
                    note(&format!("{error}; retrying"));
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

/// Sends a notification when the stream opens and for every job that changes.
async fn listen_once(
    client: &ApiClient,
    sender: &mpsc::Sender<Result<(), CliError>>,
    warned: &mut bool,
) -> Result<(), CliError> {
    let mut reply = client.send(client.request(Method::GET, "/jobs/stream")).await?;
    let (mut frames, mut begun) = (FrameSplitter::default(), false);
    while let Some(bytes) = client.chunk(&mut reply).await? {
        frames.push(bytes.as_ref());
        while let Some(frame) =
            frames.next().map_err(|_| client.not_tailwater("it sent a job description that is too long".into()))?
        {
            if frame.event == "job" || !begun {
                // If the channel is full, an unread notification already exists.
                sender.try_send(Ok(())).ok();
            }
            (begun, *warned) = (true, false);
        }
    }
    Ok(())
}
