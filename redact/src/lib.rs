//! A streaming redactor: it masks registered values in its input, and secrets that nobody registered, however the input
//! is split into reads.
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
//! - Every occurrence of every registered value is masked, in all the forms below. Overlapping occurrences are replaced
//!   by one [`MASK`], from the beginning of the first to the end of the last. Occurrences that are merely adjacent are
//!   replaced by one mask each.
//! - A value shorter than 6 bytes (`0`, `true`) and a common word (`password`) is masked only in its literal form and
//!   only as a whole token: it is not masked where the byte before or after it is an ASCII letter, a digit or `_`. The
//!   beginning and the end of a stream count as token boundaries.
//! - If a value is cut off at the end of the stream, its beginning is masked if it contains at least 8 bytes or at
//!   least half of the value, whatever its form.
//!
//! # The forms of a value
//!
//! - **Parts**: the value without the white space around it, and those of its lines that look like secret material.
//!   A line without white space is masked by itself if it has 16 bytes or more and contains both letters and digits,
//!   or if it has 32 bytes or more and contains a letter or a digit. Of every line, the part after the first `:` or
//!   `=` is masked if it has 8 bytes or more and contains both letters and digits, but no white space. Quotation marks
//!   and commas around a line or part are shown, and so is the `- ` before an item of a list. Of a private key or
//!   certificate, each base64 line of 8 bytes or more is masked, also where the ends of the lines are escaped as `\n`.
//!   Other lines, such as `apiVersion: v1`, are masked only as part of the whole value.
//! - **White space**: where the value has white space, the output may have any: CR LF, indented lines, one line.
//! - **Quotation marks**: they are interchangeable, and several count as one.
//! - **Escapes**: JSON, percent escapes and forms, XML and HTML, shell quoting (`'\''`, `'"'"'`, backslashes,
//!   `$'...'`), the escapes of Rust, Go, Python and C. Each character may be escaped or not, and the text may be
//!   escaped several times, in any combination: JSON in JSON, JSON in HTML, a query string in JSON.
//! - **Hexadecimal text**: in lower or upper case, plain, with a space between two bytes, or as `\x41`; also in lines.
//! - **Base64**: standard or URL-safe, with or without padding, whatever comes before and after the value, also in
//!   lines of 16 characters or more. Up to 4 bits of the value are shown on either side of a mask, where a character
//!   also depends on the neighbouring byte.
//! - **Styled text**: escape sequences of terminals, CR, CR LF, and overstriking (bold `a\ba`, underlined `_\ba`),
//!   between any two bytes of the value.
//!
//! All of these apply to values of 6 bytes or more, counted in their form. Six bytes are 12 hexadecimal digits or at
//! least 7 characters of base64, which ordinary text does not contain by chance. Values longer than 16 KiB are not
//! searched for in hexadecimal text and base64.
//!
//! What is not found: other encodings, compressed or encrypted text, text in which offsets or other columns interrupt a
//! value (`hexdump -C`), a byte of another value that a backspace erases, and combinations such as an escape sequence
//! within wrapped base64. If the last byte of a value is overstruck, its repetition is shown.
//!
//! # Secrets that nobody registered
//!
//! [`Rules`] recognise secrets by their shape: the tokens of known services, private keys, JSON Web Tokens, credentials
//! in URLs and headers, and assignments to secret-like names. A redactor applies them if it is created by
//! [`Redactor::with_rules`]:
//!
//! ```
//! use redact::{Redactor, Rules};
//!
//! let redactor = Redactor::with_rules(["correct horse battery"], &Rules::built_in());
//! let shown = redactor.redact(b"curl -H 'X-Api-Key: 8f14e45fceea167a' https://deploy:hunter2@example.com/\n");
//! let expected = "curl -H 'X-Api-Key: [REDACTED:secret-field]' https://deploy:[REDACTED:url-password]@example.com/\n";
//! assert_eq!(shown.to_text(), expected);
//! ```
//!
//! - The mask names the rule, so that people can see why a text was masked, and disable the rule if it was wrong.
//! - A rule masks its longest match. The byte before a token must not be an ASCII letter, a digit or an underscore,
//!   unless an escape sequence ends there, and the byte after it must not continue the token.
//! - Overlapping matches get one mask. Its label is that of the match that begins first, of several the longest one,
//!   and of these the first one in the order of [`Rules::iter`]. If a registered value overlaps that match or begins
//!   first, the mask is `[REDACTED]`.
//! - Placeholders such as `${TOKEN}`, `<token>` and `********` are shown, and so are masks: a text that is redacted
//!   again does not change.
//! - A shape that is cut off at the end of the stream is masked if at least 8 bytes of its variable part are present,
//!   or half of its minimum length.
//! - A private key is masked from its header to its end line. If a line follows that belongs to no key, the key ends
//!   there. The header alone is shown.
//!
//! Rules search the bytes themselves. In contrast to a registered value, a shape is not found in base64, in hexadecimal
//! text, in escapes that its expression does not mention, or with escape sequences of terminals between its bytes.
//!
//! # What is held back
//!
//! Bytes are held back only if they may still turn out to be part of a value: from the beginning of the longest suffix
//! of the input that is a prefix of a form of a value, or from the beginning of an escape that is incomplete. After a
//! pause, the caller can call [`RedactStream::release`], which returns the bytes that do not reveal a value. What is
//! held is bounded by 16 times the length of the longest form of a value plus 16 KiB. A match that spans more bytes,
//! because of endless escape sequences between two bytes, is given up. A shape holds back at most 8 KiB: matches are
//! limited to this length, and a secret of any length, such as a private key, is masked as soon as it is certain.
//!
//! Because white space may stand between the bytes of a value, the end of a line is sometimes held back.
//! [`RedactStream::holds_line_end`] says so.
//!
//! # How it works
//!
//! One Aho-Corasick automaton over all forms of all values searches several *views* of the stream (`view`): the raw
//! bytes, the text that a terminal shows, the decoded text, and the decoded text with joined lines. A view keeps its
//! state between reads. Escapes are decoded in the stream rather than enumerated as patterns, because with a choice for
//! each character there are exponentially many, and because this also covers text that was escaped several times. The
//! decoder (`decode`) accepts all formats at once. What it makes of a value, or of a line that is masked by itself
//! (`lines`), is the pattern (`variants`). Base64 and hexadecimal text, whose forms are few, are patterns of their own.
//!
//! For each state, a table contains the lengths of the longest pattern and of the longest prefix of a pattern that end
//! at the current byte (`tail`). The ranges to mask are mapped to raw positions and merged as they are found, and
//! output is written as soon as later input cannot change it (`masks`).
//!
//! A view is searched separately only while it differs from the raw bytes. While no value has begun, whole sections are
//! skipped without examining each byte (`skip`), up to the next byte that makes a view differ (`stop`). The running
//! time is linear in the length of the input, regardless of the values.
//!
//! The rules have a second automaton, over the literals that their expressions begin with. Where one of them occurs,
//! the automaton of the rule's expression follows the text until the match is decided (`rules`).

mod counts;
mod decode;
mod lines;
mod masks;
mod matcher;
mod name;
mod pattern;
mod redacted;
mod redactor;
mod rules;
mod skip;
mod stop;
mod stream;
mod tail;
mod values;
mod variants;
mod view;

pub use counts::{MaskCounter, MaskCounts};
pub use masks::MASK;
pub use name::is_secret_name;
pub use redacted::Redacted;
pub use redactor::{Finding, Redactor, is_masked_everywhere};
pub use rules::{Rule, RuleError, Rules};
pub use stream::RedactStream;
