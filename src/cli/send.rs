//! Submits a job, together with the files of a directory if `--send DIR` is given.
//!
//! The archive is created while it is being sent ([`pack`]), so that it is never in memory as a whole. The job starts
//! after the server has received the whole archive. An interrupted upload does not create a job.

mod pack;

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;

use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde::Serialize;
use tokio::sync::mpsc;

use super::client::ApiClient;
use super::error::CliError;
use super::output::note;
use super::progress::{ProgressBars, TransferBar};
use pack::{Folder, PackingProgress};

/// The maximum number of blocks of the archive waiting to be sent.
const WAITING: usize = 4;

/// The maximum number of omitted files whose names are printed.
const MAX_NAMED: usize = 3;

/// Posts a submission, with the files of `folder` if one is given, and returns the response's body. `bars` states
/// whether the progress of sending the files is shown.
pub(super) async fn submit(
    client: &ApiClient,
    submission: &(impl Serialize + Display),
    folder: Option<&Path>,
    bars: ProgressBars,
) -> Result<String, CliError> {
    let Some(folder) = folder else { return client.post("/jobs", submission).await };
    let name = folder.to_owned();
    let listed = tokio::task::spawn_blocking(move || Folder::list(&name)).await.map_err(io::Error::other)?;
    let folder = listed.map_err(|source| CliError::File { what: format!("read {}", folder.display()), source })?;
    report_skipped(&folder);
    let bar = TransferBar::new(bars, "sending files", folder.bytes());
    let progress = Arc::new(PackingProgress::new(bar.counter()));
    let (sender, receiver) = mpsc::channel(WAITING);
    let packing = {
        let progress = Arc::clone(&progress);
        tokio::task::spawn_blocking(move || folder.pack(sender, &progress))
    };
    let blocks = futures_util::stream::unfold(receiver, async |mut receiver| {
        let block: io::Result<Vec<u8>> = receiver.recv().await?;
        Some((block, receiver))
    });
    let job = Part::text(submission.to_string()).mime_str("application/json").expect("it is a media type");
    let input = Part::stream(Body::wrap_stream(blocks)).file_name("input.tar.zst");
    let input = input.mime_str("application/zstd").expect("it is a media type");
    let request = client.request(Method::POST, "/jobs").multipart(Form::new().part("job", job).part("input", input));
    let reply = client.upload(request, &progress.packed).await;
    let packed = packing.await.map_err(io::Error::other)?;
    // The bar is removed before anything else is printed.
    drop(bar);
    match (reply, packed) {
        // The upload failed because a file could not be read, so the error for that file is reported.
        (Err(CliError::Unreachable { .. }), Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::File { what: "send the files".into(), source: error })
        }
        (reply, _) => client.text(reply?).await,
    }
}

fn report_skipped(folder: &Folder) {
    let skipped = folder.skipped();
    if skipped.is_empty() {
        return;
    }
    let named: Vec<String> = skipped.iter().take(MAX_NAMED).map(|path| path.display().to_string()).collect();
    let more = skipped.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    note(&format!("not sent (special files, or links that point outside the directory): {}{more}", named.join(", ")));
}
