//! A streaming redactor. It masks registered values, and secrets that it recognises by their shape, no matter how the
//! input is split into reads.
//!
//! A program's output arrives in reads that can end anywhere, even in the middle of a secret. A [`RedactStream`] keeps
//! its state across reads, so the masked ranges depend only on the bytes, and not on how the bytes are split into
//! reads:
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
//! - A value that is shorter than 6 bytes (`0`, `true`) or a common word (`password`) is masked only in its literal
//!   form and only as a whole token: it is not masked if the byte before or after it is an ASCII letter, a digit or
//!   `_`. The beginning and the end of a stream count as token boundaries.
//! - If the stream ends in the middle of a value, the part of the value that is present is masked if it has at least 8
//!   bytes or is at least half of the value. This applies to all forms.
//!
//! # The forms of a value
//!
//! - **Parts**: the value without leading and trailing white space, and each of its lines that looks like secret
//!   material. A line without white space is masked on its own if it has 16 bytes or more with both letters and digits,
//!   or 32 bytes or more with a letter or a digit. A shorter line of 8 bytes or more is masked if it has both letters
//!   and digits and looks random (not `us-east-1`). In every line, the part after the first `:` or `=` is masked if it
//!   has 8 bytes or more and contains both letters and digits, but no white space. A line or part is not masked if it
//!   is a URL without credentials, or if its name is one whose value is not secret (`project_id`). Quotation marks and
//!   commas around a line or part are shown, and so is the `- ` before a list item. In a private key or certificate,
//!   each base64 line of 8 bytes or more is masked, even if the line ends are escaped as `\n`. Other lines, such as
//!   `apiVersion: v1`, are masked only as part of the whole value.
//! - **White space**: where the value contains white space, the output may contain different white space: CR LF,
//!   indented lines, or everything on one line.
//! - **Quotation marks**: `'` and `"` are interchangeable, and several in a row count as one.
//! - **Escapes**: JSON, percent escapes and form encoding, XML and HTML, shell quoting (`'\''`, `'"'"'`, backslashes,
//!   `$'...'`, parts with different quotation marks), the escapes of Rust, Go, Python and C. Each character may be
//!   escaped or not, and the text may be escaped several times, in any combination: JSON in JSON, JSON in HTML, a query
//!   string in JSON.
//! - **Hexadecimal text**: in lower or upper case, without separators, with spaces between the bytes, or as `\x41`,
//!   even if it is wrapped into lines.
//! - **Dumps** with offsets and a column of text, as `xxd`, `hexdump -C` and `od -tx1z` print them. The mask extends to
//!   the end of the line that contains the value's last byte, because the column of text repeats the bytes.
//! - **Base64**: standard or URL-safe, with or without padding, whatever comes before and after the value, even if it
//!   is wrapped into lines of 16 characters or more. The first or last base64 character may also depend on a byte
//!   outside the value. Such a character is shown, which reveals up to 4 bits of the value on either side of a mask.
//!   The redactor counts these bits when it decides whether the beginning of a value may be shown at a pause or at the
//!   end of the stream.
//! - **Styled text**: terminal escape sequences, CR, CR LF, and overstriking (bold `a\ba`, underlined `_\ba`), between
//!   any two bytes of the value. Escape sequences may also interrupt its escapes, hexadecimal text and base64.
//!
//! These forms apply to values of 6 bytes or more, and each form must itself have at least 6 bytes. Six bytes become 12
//! hexadecimal digits or at least 7 characters of base64, which do not occur in ordinary text by chance. Values longer
//! than 16 KiB are not searched for in hexadecimal text and base64.
//!
//! The redactor does not find a value in other encodings, or in compressed or encrypted text. It does not find a value
//! in the column of text of a dump if the column of digits is missing, a value in which a backspace erases a different
//! byte, or combinations such as overstriking within wrapped base64. If the last byte of a value is overstruck, its
//! second copy is shown.
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
//!   unless it is the last byte of an escape sequence. The byte after the token must not continue the token.
//! - Overlapping matches get one mask, which names the rule of the match that begins first. If several matches begin
//!   there, the longest one counts. Among equally long matches, the one whose rule is first in the order of
//!   [`Rules::iter`] counts. If a registered value overlaps that match or begins before it, the mask is `[REDACTED]`.
//! - Placeholders such as `${TOKEN}`, `<token>` and `********` are not masked, and neither are masks, so redacting a
//!   text again does not change it.
//! - A secret that is cut off at the end of the stream is masked if at least 8 bytes of its variable part are present.
//!   If the rule's whole match is variable, half of its minimum length is sufficient too.
//! - A private key is masked from its header to its end line, or up to the first line that cannot belong to a key. If
//!   no key follows a header, the header is shown.
//!
//! Rules are applied to the raw bytes, and to the text without terminal escape sequences. Unlike a registered value, a
//! secret that is recognised by its shape is not found in base64, in hexadecimal text, or in escapes that the rule's
//! expression does not mention.
//!
//! # What is held back
//!
//! Bytes are held back only if they may still turn out to be part of a value. This is the case if the input ends with
//! the beginning of a form of a value, or with an incomplete escape. After a pause, the caller can call
//! [`RedactStream::release`], which returns the held bytes that do not reveal a value. The redactor holds back at most
//! 16 times the length of the longest form of a value, plus 16 KiB. If a partial match spans more bytes, because of
//! endless escape sequences within it, it is abandoned. Rules hold back at most 8 KiB, not counting up to 16 KiB of
//! escape sequences, because matches are limited to this length. A secret that may be longer, such as a private key, is
//! masked as soon as it is recognised.
//!
//! A value may be interrupted by a line break, so the end of a line is sometimes held back.
//! [`RedactStream::holds_line_end`] reports whether it is.
//!
//! # How it works
//!
//! One Aho-Corasick automaton over all forms of all values searches several *views* of the stream (`view`): the raw
//! bytes, the text that a terminal shows, the decoded text, the decoded text with joined lines, and the bytes of a
//! hexadecimal dump. A view keeps its state between reads. Each character may or may not be escaped, so the number of
//! escaped forms is exponential. Therefore, the stream is decoded before it is searched, which also covers text that
//! was escaped several times. The decoder (`decode`) accepts all formats at once. Each value, and each line that is
//! masked on its own (`lines`), is passed through the same decoder, and the result is the pattern that is searched for
//! (`variants`). The base64 and hexadecimal forms of a value are few, so they are additional patterns.
//!
//! For each state of the automaton, a table contains the length of the longest pattern, and that of the longest prefix
//! of a pattern, that ends at the current byte (`tail`). The ranges to mask are mapped to positions in the raw bytes
//! and merged as they are found. Output is written as soon as later input cannot change it (`masks`).
//!
//! A view is searched separately only while it differs from the raw bytes. While no value has begun, whole sections are
//! skipped without examining each byte (`skip`), up to the next byte at which a view may begin to differ (`stop`).
//! Common escapes, colours and runs of white space do not end the skipping if no value begins near them (`pass`). The
//! running time is linear in the length of the input, regardless of the values.
//!
//! Values that are added to a redactor have an automaton of their own, which runs beside the first one (`sets`).
//! Together, the two automata find exactly the matches that a single automaton over all values would find.
//!
//! The rules use a further automaton, which finds the literals that the rules' expressions begin with. At each
//! occurrence of a literal, the automaton of the rule's own expression reads the text from the beginning of the
//! literal, until the expression has matched or failed (`rules`).

mod compiled;
mod counts;
mod decode;
mod lines;
mod masks;
mod matcher;
mod name;
mod pass;
mod pattern;
mod redacted;
mod redactor;
mod rules;
mod search;
mod sets;
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
