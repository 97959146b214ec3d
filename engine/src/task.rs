//! The errors of tasks that do not complete.

use std::io;

use tokio::task::JoinError;

/// Returns the error for a task that does not complete.
///
/// The text of a [`JoinError`] contains the message of the panic, which may contain a secret. This error does not
/// contain the message, so it can be logged. The panic itself has already been logged.
#[must_use]
pub fn task_error(error: JoinError) -> io::Error {
    io::Error::other(if error.is_panic() { "a task panicked" } else { "a task was cancelled" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_error_does_not_contain_the_message_of_the_panic() {
        let secret = String::from("hunter2hunter2");
        let task = tokio::task::spawn_blocking(move || assert!(secret.is_empty(), "no such value: {secret}"));
        let error = task.await.expect_err("it panics");
        assert!(error.to_string().contains("hunter2"), "if this fails, Tokio has changed its errors");
        let error = task_error(error);
        assert_eq!(error.to_string(), "a task panicked");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
