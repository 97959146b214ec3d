//! Sends output to one client, either up to the current end of an attempt's output, or until the attempt or the job has
//! finished.
//!
//! Each block is read only after the connection has accepted the previous one. A slow client therefore occupies the
//! memory of a single block, and a disconnected client occupies none.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use engine::event_log::Watch;
use engine::output::text::{Reach, Selection, TextRead, TextReader, Times};
use engine::queue::AttemptOutput;
use model::JobId;
use tokio::time::Instant;

use super::encoding::{Encoder, Encoding};
use crate::limits::{FOLLOW_ASK_EVERY, FOLLOW_LOOK_AGAIN};
use crate::server::AppState;
use crate::server::http::error::ApiError;
use crate::server::open_streams::StreamPermit;

/// The attempts whose output is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempts {
    /// Only the requested attempt.
    One,
    /// The requested attempt and all later ones.
    FromHereOn,
}

/// The state of one response.
pub(super) struct LogResponse {
    state: AppState,
    job: JobId,
    attempt: i32,
    /// Whether all of the attempt's output had been stored before the last read.
    is_complete: bool,
    output: Option<TextReader>,
    encoder: Encoder,
    following: Option<Following>,
}

/// The additional state of a response that follows the job.
struct Following {
    watch: Watch,
    attempts: Attempts,
    wanted: (Selection, Times),
    asked: Instant,
    _permit: StreamPermit,
}

/// The next action after all available output has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Read,
    Over,
}

impl LogResponse {
    /// Creates a response that sends the output up to its current end.
    pub(super) fn once(state: &AppState, job: JobId, of: &AttemptOutput, output: TextReader, encoder: Encoder) -> Self {
        let (attempt, is_complete) = (of.attempt, of.is_complete);
        Self { state: state.clone(), job, attempt, is_complete, output: Some(output), encoder, following: None }
    }

    /// Creates a response that sends the output from the beginning of an attempt, and continues until the attempt or,
    /// with [`Attempts::FromHereOn`], the job has finished. The response is never compressed, so that output is visible
    /// immediately.
    pub(super) fn follow(
        state: &AppState,
        job: JobId,
        of: &AttemptOutput,
        attempts: Attempts,
        wanted: (Selection, Times),
        permit: StreamPermit,
    ) -> Self {
        let watch = state.events.watch(job);
        let following = Following { watch, attempts, wanted, asked: Instant::now(), _permit: permit };
        Self {
            state: state.clone(),
            job,
            attempt: of.attempt,
            // Attempt 0 means that no attempt has begun. It counts as complete, so that the response continues with the
            // first attempt.
            is_complete: of.is_complete || of.attempt == 0,
            output: None,
            encoder: Encoder::new(Encoding::Identity),
            following: Some(following),
        }
    }

    pub(super) fn into_body(self) -> Body {
        Body::from_stream(futures_util::stream::try_unfold(Some(self), async |sending| {
            let Some(mut sending) = sending else { return Ok::<_, ApiError>(None) };
            match sending.next().await {
                Ok(Some(bytes)) => Ok(Some((bytes, Some(sending)))),
                Ok(None) => {
                    let last = sending.encoder.finish().map_err(|error| internal(&error))?;
                    Ok((!last.is_empty()).then(|| (last.into(), None)))
                }
                Err(error) => {
                    // The connection is aborted, so that the client detects that output is missing.
                    tracing::warn!(job = %sending.job, %error, "a log could not be sent completely");
                    Err(error)
                }
            }
        }))
    }

    /// Returns the next bytes to send, or `None` at the end of the response.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            match self.read().await? {
                TextRead::Bytes(bytes) if bytes.is_empty() => {}
                TextRead::Bytes(bytes) => return Ok(Some(bytes.into())),
                TextRead::UnknownStep => {
                    if self.learn_steps().await? == Next::Over {
                        return Ok(None);
                    }
                }
                TextRead::End => {
                    if self.go_on().await? == Next::Over {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Reads the next block in a thread for blocking operations.
    async fn read(&mut self) -> Result<TextRead, ApiError> {
        if self.output.is_none() {
            self.output = self.open().await?;
        }
        let Some(mut output) = self.output.take() else { return Ok(TextRead::End) };
        let mut encoder = std::mem::replace(&mut self.encoder, Encoder::Identity);
        let read = tokio::task::spawn_blocking(move || {
            let read = match output.read()? {
                TextRead::Bytes(bytes) => TextRead::Bytes(encoder.push(bytes)?),
                other => other,
            };
            Ok::<_, io::Error>((read, output, encoder))
        });
        let (read, output, encoder) = read.await.map_err(ApiError::of_task)?.map_err(|error| internal(&error))?;
        (self.output, self.encoder) = (Some(output), encoder);
        Ok(read)
    }

    /// Opens the stored output of the current attempt. Returns `None` if there is none yet.
    async fn open(&self) -> Result<Option<TextReader>, ApiError> {
        let Some(Following { wanted: (selection, times), .. }) = &self.following else { return Ok(None) };
        let Some(spool) = self.state.outputs.open_growing(self.job, self.attempt).await? else { return Ok(None) };
        let output = TextReader::new(spool, selection.clone(), *times, Reach::Growing);
        output.map(Some).map_err(|error| internal(&error))
    }

    /// Loads the ids of steps that have started since the last call, and returns the next action.
    async fn learn_steps(&mut self) -> Result<Next, ApiError> {
        let Some(output) = &mut self.output else { return Ok(Next::Read) };
        let steps = Arc::new(self.state.outputs.steps(self.job, self.attempt).await?);
        if output.set_steps(steps) {
            return Ok(Next::Read);
        }
        // A step's id is stored shortly after its first output. A response that follows the job waits for the id, but a
        // response with only the current output does not.
        if self.is_complete || self.following.is_none() {
            output.skip_unknown().map_err(|error| internal(&error))?;
            return Ok(Next::Read);
        }
        self.is_complete = self.state.outputs.find(self.job, Some(self.attempt)).await?.is_complete;
        Ok(self.wait(FOLLOW_LOOK_AGAIN).await)
    }

    /// Determines the next action after all available output has been read. Waits if more output may follow.
    async fn go_on(&mut self) -> Result<Next, ApiError> {
        let Some(following) = &mut self.following else { return Ok(Next::Over) };
        let attempts = following.attempts;
        let early = FOLLOW_ASK_EVERY.saturating_sub(following.asked.elapsed());
        if !self.is_complete && !early.is_zero() {
            return Ok(self.wait(early).await);
        }
        following.asked = Instant::now();
        if !self.is_complete {
            self.is_complete = self.state.outputs.find(self.job, Some(self.attempt)).await?.is_complete;
            // The attempt may have printed more after the last read and before its end, so its stored output is read
            // again.
            return if self.is_complete { Ok(Next::Read) } else { Ok(self.wait(FOLLOW_LOOK_AGAIN).await) };
        }
        if attempts == Attempts::One {
            return Ok(Next::Over);
        }
        let job = self.state.outputs.find(self.job, None).await?;
        if job.last_attempt > self.attempt {
            (self.attempt, self.is_complete, self.output) = (self.attempt + 1, false, None);
            return Ok(Next::Read);
        }
        Ok(if job.job_has_finished { Next::Over } else { self.wait(FOLLOW_LOOK_AGAIN).await })
    }

    /// Waits until there may be more output, but not longer than `at_most`. Ends the response when the server is
    /// stopping.
    async fn wait(&mut self, at_most: Duration) -> Next {
        let Some(following) = &mut self.following else { return Next::Over };
        tokio::select! {
            () = following.watch.grown() => Next::Read,
            () = tokio::time::sleep(at_most) => Next::Read,
            () = self.state.shutdown.cancelled() => Next::Over,
        }
    }
}

fn internal(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::Internal(error.to_string())
}
