//! Pauses for maintenance: of the queue, of a type of jobs, or of a worker.
//!
//! A pause changes no job. Claims read the pauses in their own transactions ([`super::admission`]). Therefore, once a
//! request to pause has been answered, no job to which the pause applies can start. Jobs that are already running
//! continue.

pub(super) mod store;

use model::{Pause, PauseTarget};

use super::maskers::check_no_secret;
use super::payload::{InvalidPayload, invalid};
use super::submission::{check_key, check_reason};
use super::{Queue, QueueError, workers};
use crate::clock;

/// The maximum number of pauses. Each claim reads all of them.
const MAX_PAUSES: i64 = 100;

/// Whether a request to pause has created a new pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseChange {
    /// The pause is new.
    Created,
    /// The target was already paused, and the reason was replaced.
    Replaced,
}

impl Queue {
    /// Returns all pauses, oldest first.
    pub async fn pauses(&self) -> Result<Vec<Pause>, QueueError> {
        let mut connection = self.db.reader().await?;
        Ok(store::all(&mut connection).await?)
    }

    /// Pauses the queue, a type of jobs or a worker. If the target is already paused, replaces the reason. Returns
    /// `None` if the target is a worker that does not exist.
    pub async fn pause(
        &self,
        target: PauseTarget,
        reason: Option<String>,
        by: &str,
    ) -> Result<Option<(Pause, PauseChange)>, QueueError> {
        let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        check(&target, reason.as_deref())?;
        if let PauseTarget::Type(kind) = &target {
            check_no_secret("target", kind, &self.maskers.shared())?;
        }
        let reason = reason.map(|text| self.maskers.shared().redact(text.as_bytes()).to_text().into_owned());
        let (by, now) = (by.to_owned(), clock::now());
        let write = self.db.writer().write(move |tx| {
            Box::pin(async move {
                let connection = tx.connection();
                if let PauseTarget::Worker(id) = target
                    && workers::store::name(connection, id).await?.is_none()
                {
                    return Ok(None);
                }
                let is_new = store::of(connection, &target).await?.is_none();
                if is_new && store::count(connection).await? >= MAX_PAUSES {
                    return Err(invalid("target", format!("{MAX_PAUSES} pauses exist already; end one first")).into());
                }
                store::set(connection, &target, reason.as_deref(), &by, now).await?;
                let change = if is_new { PauseChange::Created } else { PauseChange::Replaced };
                Ok::<_, QueueError>(store::of(connection, &target).await?.map(|pause| (pause, change)))
            })
        });
        write.await
    }

    /// Ends a pause, and lets waiting claims look for jobs again. Returns whether there was such a pause.
    pub async fn resume(&self, target: PauseTarget) -> Result<bool, QueueError> {
        let write = self.db.writer().write(move |tx| {
            Box::pin(async move { Ok::<_, QueueError>(store::remove(tx.connection(), &target).await?) })
        });
        let was_paused = write.await?;
        self.signals.queued.notify_waiters();
        Ok(was_paused)
    }
}

fn check(target: &PauseTarget, reason: Option<&str>) -> Result<(), InvalidPayload> {
    if let PauseTarget::Type(kind) = target {
        check_key("target", kind)?;
    }
    reason.map_or(Ok(()), check_reason)
}

/// Returns the pause that keeps all workers from claiming jobs of a type, or `None` if there is none.
pub(super) fn of_type<'a>(pauses: &'a [Pause], kind: &str) -> Option<&'a Pause> {
    let of = |target: &PauseTarget| pauses.iter().find(|pause| pause.target == *target);
    of(&PauseTarget::Queue).or_else(|| of(&PauseTarget::Type(kind.to_owned())))
}
