//! Writes to standard output and standard error. By default, colours are used only on a terminal.
//!
//! A [`Guard`] filters a job's output before it is written to a terminal. Pipes and files receive the output unchanged,
//! unless colours are switched off. Names and titles are printed without escape sequences: [`plain`] removes them, as
//! the web pages do.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use model::JobStatus;
use model::ansi;

use super::guard::{Guard, Keep};

/// Specifies when colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// Only on a terminal, and not if `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never; colours in a job's output are removed too.
    Never,
}

/// A colour for text that this program prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Red,
    Green,
    Yellow,
    Blue,
    Violet,
    Grey,
}

impl Ink {
    /// Returns the colour of a status, which is the same as on the pages.
    pub(super) const fn of(status: JobStatus) -> Self {
        match status {
            JobStatus::Queued => Self::Grey,
            JobStatus::Running => Self::Blue,
            JobStatus::Succeeded => Self::Green,
            JobStatus::Failed => Self::Red,
            JobStatus::Cancelled => Self::Yellow,
            JobStatus::DeadLetter => Self::Violet,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Blue => 34,
            Self::Violet => 35,
            Self::Grey => 90,
        }
    }
}

/// Standard output or standard error.
pub(super) struct Output {
    writer: Box<dyn Write + Send>,
    terminal: bool,
    colours: bool,
    guard: Option<Guard>,
}

impl Output {
    pub(super) fn stdout(colour: Colour) -> Self {
        let stdout = io::stdout();
        Self::new(stdout.is_terminal(), Box::new(stdout), colour)
    }

    pub(super) fn stderr(colour: Colour) -> Self {
        let stderr = io::stderr();
        Self::new(stderr.is_terminal(), Box::new(stderr), colour)
    }

    fn new(terminal: bool, writer: Box<dyn Write + Send>, colour: Colour) -> Self {
        let colours = match colour {
            Colour::Auto => terminal && terminal_has_colours(),
            Colour::Always => true,
            Colour::Never => false,
        };
        let keep = match (colours, terminal) {
            (true, _) => Keep::Colours,
            (false, true) => Keep::Moves,
            (false, false) => Keep::Text,
        };
        let guard = (terminal || colour == Colour::Never).then(|| Guard::new(keep));
        Self { writer, terminal, colours, guard }
    }

    /// Returns whether this output is a terminal.
    pub(super) const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Returns the number of columns and rows of the terminal, or `None` if this output is not a terminal or if the
    /// terminal's size is unknown.
    pub(super) fn size(&self) -> Option<(u32, usize)> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok().filter(|size| self.terminal && size.ws_col > 0)?;
        Some((size.ws_col.into(), size.ws_row.into()))
    }

    /// Writes a line that is not part of a job's output.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.writer, "{text}")
    }

    /// Writes bytes unchanged, and flushes them.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)?;
        self.writer.flush()
    }

    /// Writes a job's output and flushes it, so that a prompt without a newline is visible. If this output is a
    /// terminal or if colours are switched off, the bytes are decoded as UTF-8 and filtered. Otherwise they are written
    /// unchanged.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.guard {
            Some(guard) => self.writer.write_all(guard.filter(&String::from_utf8_lossy(bytes)).as_bytes())?,
            None => self.writer.write_all(bytes)?,
        }
        self.writer.flush()
    }

    /// Writes the rest of an unfinished line, and resets the colour if the job has changed it.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if let Some(guard) = &mut self.guard {
            self.writer.write_all(guard.rest().as_bytes())?;
            if guard.has_coloured() {
                self.writer.write_all(b"\x1b[0m")?;
            }
        }
        self.writer.flush()
    }

    /// Returns the text in the given colour, or unchanged if colours are switched off.
    pub(super) fn paint(&self, ink: Ink, text: &str) -> String {
        if self.colours { format!("\u{1b}[{}m{text}\u{1b}[0m", ink.code()) } else { text.to_owned() }
    }
}

/// Returns whether the variables `NO_COLOR` (see no-color.org) and `TERM` allow colours on a terminal.
fn terminal_has_colours() -> bool {
    let unset = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
    unset("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Returns a name or title as one line, without characters that would control a terminal.
pub(super) fn plain(text: &str) -> String {
    ansi::plain_text(text).replace('\n', " ")
}

/// Prints a message that is not part of a subcommand's result to standard error. Write errors are ignored.
pub(super) fn note(text: &str) {
    let lines: Vec<String> = text.lines().map(plain).collect();
    writeln!(io::stderr(), "tailwater: {}", lines.join("\n")).ok();
}
