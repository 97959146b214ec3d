//! The pipes or the terminals through which the output of a step is read.
//!
//! Many programs print in large blocks, without colours and without progress if their output is not a terminal. A step
//! with `terminal` therefore gets two pseudo-terminals, one for each stream. They do not process the output: bytes are
//! read exactly as they were written.
//!
//! There is no user at these terminals, so no program should wait for a key. The terminals are not the controlling
//! terminal of any process, so `/dev/tty` cannot be opened, and the step's standard input is empty. A program that
//! reads from a terminal gets the end of the input. A pager, however, reads from its standard error, or opens the
//! terminal by its name, which root can always do. It also changes the settings of the terminal so that reading waits
//! for a key. If a terminal has such settings and has been silent for a while, this module presses the key `q`, which
//! ends every common pager.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use model::backoff::Backoff;
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

use crate::queue::TerminalSize;

/// The maximum size of one read, in bytes. Pipes are created with the same capacity, so that one read can empty a pipe.
pub(super) const READ: usize = 256 << 10;

/// The maximum number of bytes that the kernel's line discipline returns at once: its buffer has the size of a page,
/// and one byte stays unused to distinguish a full buffer from an empty one.
const TERMINAL_READ: usize = 4095;

/// The pause before each key press. It is measured from the terminal's last output or from the previous key press. It
/// doubles with each press, and new output resets it. A pager prints a page just before it waits for a key, so the
/// pager ends after one second, unless it discards the first key.
const SILENCE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

/// The end of a pipe or of a terminal from which one output stream of a step is read. Reading does not block.
#[derive(Debug)]
pub(super) struct OutputReader {
    file: File,
    /// Schedules key presses on a terminal. `None` for a pipe.
    keyboard: Option<Keyboard>,
}

/// Schedules the simulated key presses of a terminal.
#[derive(Debug)]
struct Keyboard {
    pauses: Backoff,
    next: Instant,
}

impl Keyboard {
    /// Creates the keyboard of a terminal that was opened or last used at `now`.
    fn after_output(now: Instant) -> Self {
        let mut pauses = SILENCE;
        let next = now + pauses.next_wait();
        Self { pauses, next }
    }

    /// Returns whether a key should be pressed now. If so, schedules the next key press.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.next <= now;
        if is_due {
            self.next = now + self.pauses.next_wait();
        }
        is_due
    }
}

impl OutputReader {
    /// Opens a terminal of the given size, or a pipe if there is no size. Returns the reader, and the end that the step
    /// inherits.
    pub(super) fn open(terminal: Option<TerminalSize>, now: Instant) -> io::Result<(Self, OwnedFd)> {
        let failed = |error: Errno| {
            let error = io::Error::from(error);
            io::Error::new(error.kind(), format!("failed to open a terminal for its output: {error}"))
        };
        let (reader, writer) = match terminal {
            None => pipe()?,
            Some(size) => pseudo_terminal(size).map_err(failed)?,
        };
        rustix::io::ioctl_fionbio(&reader, true)?;
        let keyboard = terminal.map(|_| Keyboard::after_output(now));
        Ok((Self { file: reader.into(), keyboard }, writer))
    }

    /// Reads output that is available. Returns 0 if the step's processes have closed the stream.
    pub(super) fn read(&mut self, buffer: &mut [u8], now: Instant) -> io::Result<usize> {
        if self.keyboard.is_none() {
            return self.file.read(buffer);
        }
        let read = self.read_terminal(buffer)?;
        self.keyboard = Some(Keyboard::after_output(now));
        Ok(read)
    }

    /// Returns the time at which [`Self::tick`] must be called next, or `None` if it need not be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.keyboard.as_ref().map(|keyboard| keyboard.next)
    }

    /// Presses a key if the terminal has been silent for long enough and a program may be waiting for a key.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.keyboard.as_mut().is_some_and(|keyboard| keyboard.is_due(now))
            && let Some(key) = tcgetattr(&self.file).ok().and_then(|settings| key(&settings))
        {
            // Writing fails if thousands of keys have been pressed and no program has read them.
            self.file.write_all(&[key]).ok();
        }
    }

    /// Reads from a terminal repeatedly, until no output is left or the buffer is full. A single read returns at most
    /// one page of memory, and storing each page separately would take longer than reading it.
    fn read_terminal(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read(&mut buffer[filled..]) {
                Ok(read) => {
                    filled += read;
                    if read < TERMINAL_READ {
                        break;
                    }
                }
                // The next call returns the error again.
                Err(_) if filled > 0 => break,
                // Linux returns this error if no process has the terminal open and everything has been read.
                Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => return Ok(0),
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl AsFd for OutputReader {
    /// Returns a descriptor that becomes readable when there is output or the stream has been closed.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Returns the key that ends a program that is waiting for input from a terminal with these settings. Returns `None` if
/// a program that reads from such a terminal does not wait, or if the key would appear in the output.
fn key(settings: &Termios) -> Option<u8> {
    if settings.local_modes.contains(LocalModes::ICANON) {
        // A program that reads lines gets the end of the input.
        return Some(settings.special_codes[SpecialCodeIndex::VEOF]);
    }
    let waits = settings.special_codes[SpecialCodeIndex::VMIN] > 0;
    (waits && !settings.local_modes.contains(LocalModes::ECHO)).then_some(b'q')
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    // With a larger pipe, a fast child can continue to write while earlier output is being stored. If the kernel
    // refuses this size, the default size works too.
    rustix::pipe::fcntl_setpipe_size(&writer, READ).ok();
    Ok((reader.into(), writer.into()))
}

/// Opens a pseudo-terminal. Returns the end that this process reads, and the end that the step inherits.
fn pseudo_terminal(size: TerminalSize) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    // Without `NOCTTY`, the terminal would become the controlling terminal of a server that was started without one.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let reader = openpt(flags)?;
    unlockpt(&reader)?;
    let writer = ioctl_tiocgptpeer(&reader, flags)?;
    let mut settings = tcgetattr(&writer)?;
    settings.make_raw();
    // A program that reads from the terminal then gets the end of the input instead of waiting for a key.
    settings.special_codes[SpecialCodeIndex::VMIN] = 0;
    tcsetattr(&writer, OptionalActions::Now, &settings)?;
    tcsetwinsize(&writer, Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 })?;
    Ok((reader, writer))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: TerminalSize = TerminalSize { columns: 90, rows: 30 };

    /// Opens a terminal and returns its reader and the end that a step would inherit.
    fn terminal() -> (OutputReader, File) {
        let (reader, writer) = OutputReader::open(Some(SIZE), Instant::now()).expect("a terminal can be opened");
        (reader, writer.into())
    }

    /// Reads until the stream has been closed.
    fn read_to_end(reader: &mut OutputReader) -> Vec<u8> {
        let (mut output, mut buffer) = (Vec::new(), vec![0; READ]);
        loop {
            match reader.read(&mut buffer, Instant::now()) {
                Ok(0) => return output,
                Ok(read) => output.extend_from_slice(&buffer[..read]),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
    }

    #[test]
    fn a_terminal_has_the_given_size_and_returns_every_byte_unchanged() {
        let (mut reader, mut writer) = terminal();
        let size = rustix::termios::tcgetwinsize(&writer).expect("it is a terminal");
        assert_eq!((size.ws_col, size.ws_row), (SIZE.columns, SIZE.rows));
        let all: Vec<u8> = (0..=255).chain(*b"\n\r\n\t\x03\x04\x1a").collect();
        writer.write_all(&all).expect("the terminal is open");
        drop(writer);
        assert!(read_to_end(&mut reader) == all);
    }

    #[test]
    fn output_that_was_written_before_a_terminal_was_closed_is_read_to_its_end() {
        let (mut reader, mut writer) = terminal();
        let text: Vec<u8> = (0..100_000_u32).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
        let expected = text.clone();
        let thread = std::thread::spawn(move || writer.write_all(&text));
        assert!(read_to_end(&mut reader) == expected);
        thread.join().expect("the thread ends").expect("the terminal is open");
    }

    #[test]
    fn a_key_is_pressed_after_a_silence_and_then_less_and_less_often_until_the_next_output() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut keyboard = Keyboard::after_output(start);
        let pressed: Vec<u64> = (0..=190).filter(|second| keyboard.is_due(at(*second))).collect();
        assert_eq!(pressed, [1, 3, 7, 15, 31, 63, 123, 183]);
        let mut keyboard = Keyboard::after_output(at(190));
        assert!(!keyboard.is_due(at(190)) && keyboard.is_due(at(191)));
    }

    /// Presses a key of a terminal whose settings a program has changed, and returns what the program reads.
    fn read_with_settings(change: impl FnOnce(&mut Termios)) -> Vec<u8> {
        let (mut reader, mut writer) = terminal();
        let mut settings = tcgetattr(&writer).expect("it is a terminal");
        change(&mut settings);
        tcsetattr(&writer, OptionalActions::Now, &settings).expect("it is a terminal");
        reader.tick(reader.deadline().expect("a terminal has a keyboard"));
        let mut keys = vec![0; 10];
        let read = writer.read(&mut keys).expect("the terminal is open");
        keys.truncate(read);
        keys
    }

    #[test]
    fn a_program_that_waits_for_a_key_gets_one_and_others_get_the_end_of_the_input() {
        assert_eq!(read_with_settings(|_| {}), b"");
        assert_eq!(read_with_settings(Termios::make_raw), b"q");
        let lines = |settings: &mut Termios| settings.local_modes |= LocalModes::ICANON | LocalModes::ECHO;
        assert_eq!(read_with_settings(lines), b"");
    }

    #[test]
    fn no_key_appears_in_the_output() {
        for modes in [LocalModes::ECHO, LocalModes::ECHO | LocalModes::ICANON | LocalModes::ECHOCTL] {
            let (mut reader, mut writer) = terminal();
            let mut settings = tcgetattr(&writer).expect("it is a terminal");
            settings.make_raw();
            settings.local_modes |= modes;
            tcsetattr(&writer, OptionalActions::Now, &settings).expect("it is a terminal");
            reader.tick(reader.deadline().expect("a terminal has a keyboard"));
            writer.write_all(b"end").expect("the terminal is open");
            drop(writer);
            assert_eq!(read_to_end(&mut reader), b"end");
        }
    }
}
