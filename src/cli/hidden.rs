//! Asks for a secret on the terminal without showing what is typed, or reads it from standard input.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::error::CliError;

/// The maximum length of the line, in bytes. A terminal cannot deliver longer lines.
const MAX_LINE: u64 = 4096;

/// The character that is read if the user presses Ctrl-C while the terminal does not convert Ctrl-C into a signal.
const CTRL_C: char = '\u{3}';

/// Asks for a password twice on the terminal, or reads a line from standard input.
pub(super) fn new_password(question: &str) -> Result<String, CliError> {
    let password = if io::stdin().is_terminal() {
        let password = ask(question)?;
        if !password.is_empty() && ask("Repeat the password")? != password {
            return Err(CliError::Usage("the two passwords differ; nothing has changed".into()));
        }
        password
    } else {
        read_line()?
    };
    if password.is_empty() {
        return Err(CliError::Usage("no password was entered; nothing has changed".into()));
    }
    Ok(password)
}

/// Asks for a line on the terminal. Returns an empty line if the user pressed Ctrl-C.
pub(super) fn ask(question: &str) -> io::Result<String> {
    write!(io::stderr(), "{question}: ")?;
    let hidden = Hidden::begin()?;
    let line = read_line();
    drop(hidden);
    writeln!(io::stderr())?;
    line.map(|line| if line.contains(CTRL_C) { String::new() } else { line })
}

/// Reads one line from standard input, without its line break.
pub(super) fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().take(MAX_LINE).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A guard that disables the terminal's echo until it is dropped. Meanwhile, Ctrl-C is an ordinary character, because a
/// signal would kill the program and leave the echo disabled.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // An error is ignored, because the terminal may have been closed.
        tcsetattr(io::stdin(), OptionalActions::Now, &self.before).ok();
    }
}
