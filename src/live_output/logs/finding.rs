//! Moves between the lines that the finders of all logs have found, and counts these lines. A finder asks the server to
//! search a log.

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::Timestamp;

use super::{Log, Logs};
use crate::live_output::finder::{FindDirection, Finder};
use crate::live_output::merged::screen::MergedScreen;
use crate::live_output::panel::Side;

impl Logs {
    /// Moves to the next line that the active log's finder has found. If there is no such line, moves to a line in the
    /// next log. The last log is followed by the first log.
    pub fn go(self, finder: fn(Log) -> Finder, direction: FindDirection) {
        let (logs, active) = (self.all(), self.active.get_untracked());
        let merged = self.merged.get_untracked();
        spawn_local(async move {
            if let Some(merged) = merged
                && let Some(index) = self.go_in_time(merged, finder, direction).await
            {
                return self.activate(index);
            }
            if finder(logs[active]).go(direction).await {
                return;
            }
            let count = logs.len();
            let following = (1..=count).map(|distance| match direction {
                FindDirection::Next => (active + distance) % count,
                FindDirection::Previous => (active + count - distance) % count,
            });
            for index in following {
                if finder(logs[index]).go_to_first(direction).await {
                    return self.activate(index);
                }
            }
        });
    }

    /// Moves to the next line, in the order of time, that the finder of any log has found. If no such line is loaded,
    /// moves to the next line that was found in the log whose window limits the merged list in this direction. Returns
    /// the index of the log that contains the line, or `None` if there is no line to move to.
    async fn go_in_time(
        self,
        merged: MergedScreen,
        finder: fn(Log) -> Finder,
        direction: FindDirection,
    ) -> Option<usize> {
        let (logs, from) = (self.all(), merged.current()?);
        let next = logs.iter().enumerate().filter_map(|(index, log)| {
            let key = finder(*log).next_in_time(from, index, direction)?;
            let time = log.screen().time_of(key).filter(|time| merged.covers(*time))?;
            Some((time, index, key))
        });
        let (next, side) = match direction {
            FindDirection::Next => (next.min(), Side::Later),
            FindDirection::Previous => (next.max(), Side::Earlier),
        };
        if let Some((_, index, key)) = next {
            finder(logs[index]).show(key);
            return Some(index);
        }
        let index = merged.limiting_log(side)?;
        finder(logs[index]).go(direction).await.then_some(index)
    }

    /// Returns the position of the line that the reader has moved to, among all lines that the finders have found.
    /// Returns `None` if the reader has not moved to a line, or if the position is unknown.
    pub fn rank(self, finder: fn(Log) -> Finder) -> Option<i64> {
        let active = self.active.get();
        let logs = self.all();
        let rank = finder(logs[active]).rank()?;
        let before = match self.merged.get() {
            Some(_) => self.found_earlier(finder, active)?,
            None => logs.iter().take(active).map(|log| finder(*log).total()).sum(),
        };
        Some(before + rank)
    }

    /// Returns how many found lines of the other logs precede, in the order of time, the line that the reader has moved
    /// to. Returns `None` while the lines around that time are not in memory.
    fn found_earlier(self, finder: fn(Log) -> Finder, active: usize) -> Option<i64> {
        let logs = self.all();
        // The caller is subscribed to all logs first, because the computation below may return early while lines of any
        // log are still being loaded.
        for log in &logs {
            log.screen().changes.track();
        }
        let time = logs[active].screen().time_of(finder(logs[active]).current()?)?;
        let others = logs.iter().enumerate().filter(|(index, _)| *index != active);
        let earlier = others.map(|(index, log)| {
            // Of two lines with the same time, the line of the log with the lower index comes first.
            let last = if index < active { time } else { Timestamp(time.0 - 1) };
            let end = log.screen().line_after(last)?;
            Some(finder(*log).findings.with(|findings| findings.index(end)))
        });
        earlier.sum()
    }

    /// Returns the number of lines that the finders have found.
    pub fn total(self, finder: fn(Log) -> Finder) -> i64 {
        self.all().into_iter().map(|log| finder(log).total()).sum()
    }
}
