//! An output on its way to one reader: up to where it ends now, or along with the job.
//!
//! The next block is read when the connection has taken the one before, so a slow reader costs one block, and one that is
//! gone nothing.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::encoding::{Encoder, Encoding};
use crate::event_log::Watch;
use crate::limits::{FOLLOW_ASK_EVERY, FOLLOW_LOOK_AGAIN};
use crate::model::JobId;
use crate::output::text::{Reach, Selection, TextRead, TextReader, Times};
use crate::queue::AttemptOutput;
use crate::server::AppState;
use crate::server::http::error::ApiError;

/// Which attempts are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempts {
    /// The one that was asked for.
    One,
    /// It and those after it.
    FromHereOn,
}

/// What is being sent.
pub(super) struct Sending {
    state: AppState,
    job: JobId,
    attempt: i32,
    /// Whether all of the attempt's output was in the spool before the last read.
    is_complete: bool,
    output: Option<TextReader>,
    encoder: Encoder,
    following: Option<Following>,
}

/// What only a reader has that waits for more.
struct Following {
    watch: Watch,
    attempts: Attempts,
    wanted: (Selection, Times),
    asked: Instant,
    _permit: OwnedSemaphorePermit,
}

/// What becomes of a reader that has read all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Read,
    Over,
}

impl Sending {
    /// Sends a reading to its end.
    pub(super) fn once(state: &AppState, job: JobId, of: &AttemptOutput, output: TextReader, encoder: Encoder) -> Self {
        let (attempt, is_complete) = (of.attempt, of.is_complete);
        Self { state: state.clone(), job, attempt, is_complete, output: Some(output), encoder, following: None }
    }

    /// Sends all output from the beginning of an attempt until the job has finished. Never compressed: what is printed is to
    /// be seen.
    pub(super) fn follow(
        state: &AppState,
        job: JobId,
        of: &AttemptOutput,
        attempts: Attempts,
        wanted: (Selection, Times),
    ) -> Result<Self, ApiError> {
        let permit = state.streams.clone().try_acquire_owned();
        let permit = permit.map_err(|_| ApiError::TooManyStreams(state.config.streams))?;
        let watch = state.events.watch(job);
        let following = Following { watch, attempts, wanted, asked: Instant::now(), _permit: permit };
        Ok(Self {
            state: state.clone(),
            job,
            attempt: of.attempt,
            // Before the first attempt there is nothing to wait for but the next one.
            is_complete: of.is_complete || of.attempt == 0,
            output: None,
            encoder: Encoder::new(Encoding::Identity),
            following: Some(following),
        })
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
                    // The connection breaks, so that the reader sees that something is missing.
                    tracing::warn!(job = %sending.job, %error, "a log could not be sent to its end");
                    Err(error)
                }
            }
        }))
    }

    /// Returns the next bytes to send; nothing at the end.
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

    /// Reads the next block, in a thread where it may block.
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
        let (read, output, encoder) =
            read.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
        (self.output, self.encoder) = (Some(output), encoder);
        Ok(read)
    }

    /// Opens the spool of the attempt that is followed, if it is there by now.
    async fn open(&self) -> Result<Option<TextReader>, ApiError> {
        let Some(Following { wanted: (selection, times), .. }) = &self.following else { return Ok(None) };
        let Some(spool) = self.state.outputs.open_growing(self.job, self.attempt).await? else { return Ok(None) };
        let output = TextReader::new(spool, selection.clone(), *times, Reach::Growing);
        output.map(Some).map_err(|error| internal(&error))
    }

    /// Learns what the steps are called that have begun meanwhile.
    async fn learn_steps(&mut self) -> Result<Next, ApiError> {
        let Some(output) = &mut self.output else { return Ok(Next::Read) };
        let steps = Arc::new(self.state.outputs.steps(self.job, self.attempt).await?);
        if output.set_steps(steps) {
            return Ok(Next::Read);
        }
        // Its name is stored a moment after its first output: a follower waits for it; a request for the present output does not.
        if self.is_complete || self.following.is_none() {
            output.skip_unknown().map_err(|error| internal(&error))?;
            return Ok(Next::Read);
        }
        self.is_complete = self.state.outputs.find(self.job, Some(self.attempt)).await?.is_complete;
        Ok(self.wait(FOLLOW_LOOK_AGAIN).await)
    }

    /// Decides what to do when all that there is has been read; waits for more if there may be.
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
            // A job that has finished by now may have printed since the last read.
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
        Ok(if job.job_is_over { Next::Over } else { self.wait(FOLLOW_LOOK_AGAIN).await })
    }

    /// Waits until there may be more, or for so long; the server's end is the stream's.
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
