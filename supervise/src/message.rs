//! The messages between the server and a supervisor. An order is one byte, and a report is five bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use rustix::process::Pid;

/// The exit status of a step's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// The process exited with this code.
    Code(i32),
    /// The process was killed by this signal.
    Signal(i32),
}

/// An order from the server. In addition, closing the server's end of the socket orders the supervisor to kill all
/// remaining processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ask the step and all of its descendants to exit.
    Terminate,
    /// Kill the step and all processes in its process group.
    Kill,
}

/// A report from a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The step is running with this process id.
    Started(Pid),
    /// The step could not be started. Contains the system's error number, or 0 if there is none.
    NotStarted(i32),
    /// The restrictions on the step could not be applied, so it was not started. Contains the system's error number, or
    /// 0 if there is none.
    NotConfined(i32),
    /// The step's process has exited; its descendants may still be running.
    Ended(ExitStatus),
    /// No descendant is left.
    Done {
        /// The number of processes killed because they outlived the step.
        killed: i32,
    },
}

impl Order {
    const fn byte(self) -> u8 {
        match self {
            Self::Terminate => b't',
            Self::Kill => b'k',
        }
    }

    /// Sends the order.
    pub fn send(self, mut socket: &UnixStream) -> io::Result<()> {
        socket.write_all(&[self.byte()])
    }

    /// Waits for an order. Returns `None` if the server has closed its end of the socket.
    pub fn receive(socket: &UnixStream) -> io::Result<Option<Self>> {
        let Some([byte]) = receive(socket)? else { return Ok(None) };
        let order = [Self::Terminate, Self::Kill].into_iter().find(|order| order.byte() == byte);
        order.map(Some).ok_or_else(|| ErrorKind::InvalidData.into())
    }
}

impl Report {
    /// Sends the report.
    pub fn send(self, mut socket: &UnixStream) -> io::Result<()> {
        let (kind, number) = match self {
            Self::Started(pid) => (b's', pid.as_raw_nonzero().get()),
            Self::NotStarted(error) => (b'n', error),
            Self::NotConfined(error) => (b'r', error),
            Self::Ended(ExitStatus::Code(code)) => (b'c', code),
            Self::Ended(ExitStatus::Signal(signal)) => (b'k', signal),
            Self::Done { killed } => (b'd', killed),
        };
        let [a, b, c, d] = number.to_le_bytes();
        socket.write_all(&[kind, a, b, c, d])
    }

    /// Waits for a report. Returns `None` if the supervisor has exited.
    pub fn receive(socket: &UnixStream) -> io::Result<Option<Self>> {
        let Some([kind, number @ ..]) = receive::<5>(socket)? else { return Ok(None) };
        let number = i32::from_le_bytes(number);
        let report = match kind {
            b's' => Pid::from_raw(number).map(Self::Started),
            b'n' => Some(Self::NotStarted(number)),
            b'r' => Some(Self::NotConfined(number)),
            b'c' => Some(Self::Ended(ExitStatus::Code(number))),
            b'k' => Some(Self::Ended(ExitStatus::Signal(number))),
            b'd' => Some(Self::Done { killed: number }),
            _ => None,
        };
        report.map(Some).ok_or_else(|| ErrorKind::InvalidData.into())
    }
}

/// Sends the environment of a step to its supervisor. The supervisor itself does not run with this environment, because
/// some variables, such as `LD_PRELOAD`, would affect it.
pub fn send_environment(variables: &[(String, String)], socket: &UnixStream) -> io::Result<()> {
    let mut block = Vec::new();
    for (name, value) in variables {
        if name.contains('\0') || value.contains('\0') {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a variable contains a NUL"));
        }
        block.extend_from_slice(format!("{name}={value}\0").as_bytes());
    }
    send_block(&block, socket)
}

/// Receives the environment of a step.
pub fn receive_environment(socket: &UnixStream) -> io::Result<Vec<(String, String)>> {
    let block = String::from_utf8(receive_block(socket)?).map_err(|_| ErrorKind::InvalidData)?;
    let entries = block.split_terminator('\0').filter_map(|entry| entry.split_once('='));
    Ok(entries.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Sends bytes of any length to a supervisor.
pub fn send_block(block: &[u8], mut socket: &UnixStream) -> io::Result<()> {
    let length = u32::try_from(block.len()).map_err(|_| ErrorKind::InvalidInput)?;
    socket.write_all(&length.to_le_bytes())?;
    socket.write_all(block)
}

/// Receives bytes that were sent by [`send_block`].
pub fn receive_block(mut socket: &UnixStream) -> io::Result<Vec<u8>> {
    let Some(length) = receive(socket)? else { return Err(ErrorKind::UnexpectedEof.into()) };
    let mut block = vec![0; usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX)];
    socket.read_exact(&mut block)?;
    Ok(block)
}

/// Receives a message of `N` bytes, which is always sent as a whole. Returns `None` if the other end of the socket is
/// closed.
fn receive<const N: usize>(mut socket: &UnixStream) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match socket.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        // If a process dies with unread data in its socket, the connection is reset.
        Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_received_as_sent_and_a_closed_socket_is_detected() {
        let (here, there) = UnixStream::pair().expect("a socket pair can be created");
        let orders = [Order::Terminate, Order::Kill];
        let reports = [
            Report::Started(rustix::process::getpid()),
            Report::NotStarted(2),
            Report::NotConfined(1),
            Report::Ended(ExitStatus::Code(255)),
            Report::Ended(ExitStatus::Signal(34)),
            Report::Done { killed: 7 },
        ];
        for order in orders {
            order.send(&here).expect("the socket is open");
            assert_eq!(Order::receive(&there).expect("the socket is open"), Some(order));
        }
        for report in reports {
            report.send(&there).expect("the socket is open");
            assert_eq!(Report::receive(&here).expect("the socket is open"), Some(report));
        }
        let variables = [("A", "b=c\nd"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        send_environment(&variables, &here).expect("the socket is open");
        assert_eq!(receive_environment(&there).expect("the socket is open"), variables);
        drop(here);
        assert_eq!(Order::receive(&there).expect("a closed socket is not an error"), None);
    }
}
