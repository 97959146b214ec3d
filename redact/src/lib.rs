//! A streaming redactor: it masks registered values in its input, however the input is split into reads.
//!
//! A program's output arrives in reads that can end anywhere, even in the middle of a secret. A [`RedactStream`] keeps
//! its state across reads, so the masked ranges depend only on the bytes and not on how they are split:
//!
//! ```
//! use redact::Redactor;
//!
//! let redactor = Redactor::new(["correct horse battery"]);
//! let mut stream = redactor.stream();
//! let mut shown = stream.push(b"login: correct ho");
//! assert_eq!(shown.as_bytes(), b"login: ", "the beginning of a value is held back");
//! shown.append(&stream.push(b"rse battery, welcome"));
//! shown.append(&stream.finish());
//! assert_eq!(shown.to_text(), "login: [REDACTED], welcome");
//! ```
//!
//! The output has the type [`Redacted`], which has no general constructor from bytes. Code that accepts only `Redacted`
//! cannot log a secret by mistake.
//!
//! # What is masked
//!
//! - Every occurrence of every registered value is masked, byte for byte. Overlapping occurrences are replaced by one
//!   [`MASK`], from the beginning of the first to the end of the last. Occurrences that are merely adjacent are
//!   replaced by one mask each.
//! - A value shorter than 6 bytes (`0`, `true`) is masked only as a whole token: it is not masked where the byte before
//!   or after it is an ASCII letter, a digit or `_`. The beginning and the end of a stream count as token boundaries.
//! - If a value is cut off at the end of the stream, its beginning is masked if it contains at least 8 bytes or at
//!   least half of the value.
//!
//! # What is held back
//!
//! Bytes are held back only if they may still turn out to be part of a value. The held bytes are the longest suffix of
//! the input that is a prefix of a value, so they are never longer than the longest value. After a pause, the caller
//! can call [`RedactStream::release`], which returns the bytes that do not reveal a value.
//!
//! # How it works
//!
//! One Aho-Corasick automaton over all values processes the input byte by byte and keeps its state between reads. For
//! each state, a table contains the lengths of the longest value and of the longest prefix of a value that end at the
//! current byte (`tail`). The ranges to mask are merged as they are found, and output is written as soon as later input
//! cannot change it (`masks`). While no value has begun, whole sections are skipped without examining each byte
//! (`skip`). The running time is linear in the length of the input, regardless of the values.

mod decode;
mod masks;
mod matcher;
mod name;
mod pattern;
mod redacted;
mod redactor;
mod skip;
mod stop;
mod stream;
mod tail;
mod variants;
mod view;

pub use masks::MASK;
pub use name::is_secret_name;
pub use redacted::Redacted;
pub use redactor::Redactor;
pub use stream::RedactStream;
