//! A streaming redactor: registered values never leave it, however the input was cut.
//!
//! A program's output arrives in reads that end anywhere, also in the middle of a secret. A [`RedactStream`] keeps its
//! state across them, so that what is masked is a function of the bytes alone:
//!
//! ```
//! use redact::Redactor;
//!
//! let redactor = Redactor::new(["correct horse battery"]);
//! let mut stream = redactor.stream();
//! let mut shown = stream.push(b"login: correct ho");
//! assert_eq!(shown.as_bytes(), b"login: ", "the beginning of a value waits for the rest");
//! shown.append(&stream.push(b"rse battery, welcome"));
//! shown.append(&stream.finish());
//! assert_eq!(shown.to_text(), "login: [REDACTED], welcome");
//! ```
//!
//! What comes out is [`Redacted`], which nobody else can make from arbitrary bytes. Code that takes only `Redacted`
//! cannot log a secret by mistake.
//!
//! # What is masked
//!
//! - Every occurrence of every registered value, byte for byte. Occurrences that overlap become one [`MASK`], from where the
//!   first begins to where the last ends; occurrences that only touch get one each.
//! - A value under 6 bytes (`0`, `true`) only where it stands alone: a neighbour that is an ASCII letter, a digit or
//!   `_` makes it part of another word. The beginning and the end of a stream are no neighbours.
//! - At the end of the stream, the beginning of a value that is cut off there, when it is long enough to tell: 8 bytes,
//!   or half of the value.
//!
//! # What is held back
//!
//! Only bytes that may still turn out to be part of a value: the longest beginning of one that reaches to the end of the
//! input, never more than the longest value. [`RedactStream::release`] shows what is harmless of it after a pause.
//!
//! # How it works
//!
//! One Aho-Corasick automaton over all values is driven byte by byte and keeps its state between reads. A table says for
//! each of its states how long the value that ends there is, and how long the longest beginning of one (`tail`). Ranges are
//! united as they are found and written once nothing before them can change (`masks`). While no value has begun, whole
//! stretches are jumped over without looking at each byte (`skip`). Time is linear in the input, whatever the values.

mod masks;
mod matcher;
mod name;
mod redacted;
mod redactor;
mod skip;
mod stream;
mod tail;

pub use masks::MASK;
pub use name::is_secret_name;
pub use redacted::Redacted;
pub use redactor::Redactor;
pub use stream::RedactStream;
