//! Builds the text that is copied when the reader copies the chosen lines, or all rows that the filter shows. Lines
//! that are not in memory are loaded from the server.

use leptos::prelude::GetUntracked;
use model::{LinesPage, OutputLine, SearchPage, ansi};

use super::buffer::LineRange;
use super::permalink::MarkedLines;
use super::screen::{Screen, lines_path, search_path};
use crate::rest::{self, RestError};
use crate::words;

/// The number of lines that one request loads, which is the API's limit.
const PART: i64 = 2000;
/// The maximum size of the copied text, in bytes. Larger amounts make browsers and editors slow.
const MAX_COPIED: usize = 20_000_000;

/// The reason why the text cannot be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyError {
    /// The text is too large.
    TooLarge,
    /// The lines could not be loaded.
    NotLoaded,
}

impl CopyError {
    /// Returns the message to show to the reader.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::TooLarge => "Too large to copy. Download it instead.",
            Self::NotLoaded => "Could not load the lines. Try again.",
        }
    }
}

/// The form in which lines are copied, always without escape sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopiedLines {
    /// The lines as the screen shows them, after later lines have redrawn them.
    Redrawn,
    /// Each line as it was printed.
    AsPrinted,
}

/// Text of at most [`MAX_COPIED`] bytes.
#[derive(Debug, Default)]
struct CopiedText(String);

impl CopiedText {
    /// Adds a line. A line without rows is ignored, because another line's rows already show it.
    fn push(&mut self, line: &OutputLine) -> Result<(), CopyError> {
        if line.drawn_on.is_some() {
            return Ok(());
        }
        self.0.push_str(&ansi::plain_text(&line.text));
        self.0.push('\n');
        if self.0.len() > MAX_COPIED { Err(CopyError::TooLarge) } else { Ok(()) }
    }
}

/// Returns the chosen lines.
pub async fn chosen_text(screen: Screen, chosen: MarkedLines, form: CopiedLines) -> Result<String, CopyError> {
    let mut text = CopiedText::default();
    add_lines(screen, chosen, form, &mut text).await?;
    Ok(text.0)
}

/// Returns the rows that the filter shows, without escape sequences. If some of these rows are not in memory, lifecycle
/// events are omitted.
pub async fn shown_text(screen: Screen) -> Result<String, CopyError> {
    if let Some(text) = screen.complete_text() {
        return Ok(text);
    }
    let mut text = CopiedText::default();
    // The query for the selected lines is determined only once, because the reader may change the filter or leave the
    // page before everything has been loaded.
    let (selection, last_attempt) = (screen.selection(), screen.last_attempt());
    let filter = screen.filter.get_untracked();
    for attempt in (1..=last_attempt).filter(|attempt| filter.takes_attempt(*attempt)) {
        if let Some(selection) = &selection {
            add_selected(screen, attempt, selection, &mut text).await?;
        } else {
            let all = MarkedLines { attempt, first: 1, last: i64::MAX };
            add_lines(screen, all, CopiedLines::Redrawn, &mut text).await?;
        }
    }
    Ok(text.0)
}

async fn add_lines(
    screen: Screen,
    lines: MarkedLines,
    form: CopiedLines,
    text: &mut CopiedText,
) -> Result<(), CopyError> {
    let raw = if form == CopiedLines::AsPrinted { "&raw=true" } else { "" };
    let MarkedLines { attempt, mut first, last } = lines;
    while first <= last {
        let count = PART.min((last - first).saturating_add(1));
        let path = format!("{}{raw}", lines_path(screen.job(), LineRange { attempt, first, count }));
        let page = rest::get::<LinesPage>(&path).await.map_err(not_loaded)?;
        page.items.iter().try_for_each(|line| text.push(line))?;
        let Some(read) = page.items.last() else { break };
        first = read.line + 1;
    }
    Ok(())
}

async fn add_selected(screen: Screen, attempt: i32, selection: &str, text: &mut CopiedText) -> Result<(), CopyError> {
    let mut from = 1;
    loop {
        let path = search_path(screen.job(), attempt, &format!("{selection}&from={from}&limit={PART}"));
        let page = rest::get::<SearchPage>(&path).await.map_err(not_loaded)?;
        page.items.iter().try_for_each(|hit| text.push(&hit.line))?;
        match page.next {
            Some(next) if !page.done => from = next,
            _ => return Ok(()),
        }
    }
}

fn not_loaded(_: RestError) -> CopyError {
    CopyError::NotLoaded
}

/// Returns Markdown for a report. It consists of a link to the lines and a code block with the lines.
#[must_use]
pub fn markdown(title: &str, status: &str, chosen: MarkedLines, address: &str, text: &str) -> String {
    let what = if chosen.count() == 1 { "line" } else { "lines" };
    let fence = "`".repeat(longest_run_of_backticks(text).max(2) + 1);
    format!("[{}, {what} {}]({address}) ({status})\n\n{fence}text\n{text}{fence}\n", escaped(title), chosen.numbers())
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

/// Escapes characters that have a special meaning in Markdown.
fn escaped(title: &str) -> String {
    let is_special = |character: &char| "\\`*_[]<>&#|~".contains(*character);
    let escape = |character: char| is_special(&character).then_some('\\').into_iter().chain([character]);
    title.chars().flat_map(escape).collect()
}

/// Returns the message to show after lines were copied.
#[must_use]
pub fn copied(text: &str) -> String {
    format!("Copied {}", words::plural(i64::try_from(text.lines().count()).unwrap_or(i64::MAX), "line"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_quotes_lines_and_links_to_them() {
        let lines = MarkedLines { attempt: 1, first: 7, last: 8 };
        assert_eq!(
            markdown("Nightly [x]", "failed", lines, "http://host/tasks/queue/1#L7-L8", "a\nb\n"),
            "[Nightly \\[x\\], lines 7\u{2013}8](http://host/tasks/queue/1#L7-L8) (failed)\n\n```text\na\nb\n```\n"
        );
    }

    #[test]
    fn the_output_cannot_end_its_code_block() {
        let line = MarkedLines { attempt: 1, first: 7, last: 7 };
        let text = markdown("x", "failed", line, "#", "```\n````` b\n");
        assert_eq!(text, "[x, line 7](#) (failed)\n\n``````text\n```\n````` b\n``````\n");
    }
}
