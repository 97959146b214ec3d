//! Checks whether standard input has data. Jobs cannot read standard input, and `tailwater run` must not silently
//! ignore data in it.
//!
//! The command runs if standard input is a terminal, `/dev/null` or already at its end, as in cron and in most build
//! systems. The command is refused if data is available. If the input is an open pipe without data, its writer may be
//! slow, or may never write anything. In this case, the command runs, and afterwards a note says that it had no
//! standard input. The check never reads from the input, because other programs may share it, such as a shell that
//! reads its script from standard input.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat, major, minor, tell};
use rustix::io::ioctl_fionread;

/// The state of standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// There is no data, and there will not be any.
    Nothing,
    /// Data is available.
    Data,
    /// There is no data yet, but the input is still open.
    Open,
}

/// The error message that is printed if data is available.
pub(super) const REFUSED: &str = "standard input has data, but jobs cannot read standard input; \
    redirect it from /dev/null, or pass the data as a file with --send";

/// The note that is printed if the input remained open.
pub(super) const UNREAD: &str =
    "the command ran without standard input, because `tailwater run` does not forward its standard input to the job";

impl Input {
    /// Checks this program's standard input. If the check fails, the input is treated as unreadable and therefore
    /// empty.
    pub(super) fn of_this_program() -> Self {
        let stdin = io::stdin();
        if stdin.is_terminal() { Self::Nothing } else { Self::of(&stdin).unwrap_or(Self::Nothing) }
    }

    fn of(file: &impl AsFd) -> rustix::io::Result<Self> {
        let about = fstat(file)?;
        Ok(match FileType::from_raw_mode(about.st_mode) {
            FileType::RegularFile if u64::try_from(about.st_size).unwrap_or(0) > tell(file)? => Self::Data,
            FileType::CharacterDevice if !is_null(about.st_rdev) && is_readable(file)?.contains(PollFlags::IN) => {
                Self::Data
            }
            FileType::Fifo | FileType::Socket if ioctl_fionread(file)? > 0 => Self::Data,
            FileType::Fifo | FileType::Socket => {
                let ended = PollFlags::HUP | PollFlags::RDHUP | PollFlags::ERR;
                if is_readable(file)?.intersects(ended) { Self::Nothing } else { Self::Open }
            }
            _ => Self::Nothing,
        })
    }
}

/// Returns whether a device number is that of `/dev/null`; see null(4).
fn is_null(device: u64) -> bool {
    major(device) == 1 && minor(device) == 3
}

fn is_readable(file: &impl AsFd) -> rustix::io::Result<PollFlags> {
    let mut polled = [PollFd::new(file, PollFlags::IN | PollFlags::RDHUP)];
    poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    Ok(polled[0].revents())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek, Write};
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[track_caller]
    fn check(file: &impl AsFd, expected: Input) {
        assert_eq!(Input::of(file).expect("it can be checked"), expected);
    }

    #[test]
    fn data_end_of_input_and_silence_are_distinguished() {
        let (mut reader, mut writer) = io::pipe().expect("a pipe can be created");
        check(&reader, Input::Open);
        writer.write_all(b"x").expect("the writer is open");
        check(&reader, Input::Data);
        drop(writer);
        check(&reader, Input::Data);
        reader.read_to_end(&mut Vec::new()).expect("it can be read");
        check(&reader, Input::Nothing);
        let (mut reader, mut writer) = UnixStream::pair().expect("sockets can be created");
        check(&reader, Input::Open);
        writer.write_all(b"x").expect("the writer is open");
        check(&reader, Input::Data);
        writer.shutdown(Shutdown::Write).expect("the writer is open");
        reader.read_to_end(&mut Vec::new()).expect("it can be read");
        check(&reader, Input::Nothing);
    }

    #[test]
    fn a_file_has_data_if_its_position_is_before_its_end() {
        let mut file = tempfile::tempfile().expect("a temporary file");
        check(&file, Input::Nothing);
        file.write_all(b"x").expect("it can be written");
        check(&file, Input::Nothing);
        file.rewind().expect("it is a file");
        check(&file, Input::Data);
    }

    #[test]
    fn only_the_null_device_has_no_data() {
        check(&File::open("/dev/null").expect("the file exists"), Input::Nothing);
        check(&File::open("/dev/zero").expect("the file exists"), Input::Data);
    }
}
