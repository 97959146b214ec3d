//! The functions that are fuzzed, and the properties that must always hold.
//!
//! Each function interprets the bytes of its argument as values, a text, the positions at which the text is cut into
//! reads, and pauses between the reads. It redacts the text, and panics if the result violates a property that the
//! documentation of the `redact` crate states. The fuzz targets call these functions with bytes that libFuzzer
//! generates. The `corpus` test of the `redact` crate includes this module and calls the functions with the inputs in
//! `corpus/`, so that `make test-long` repeats what fuzzing has found.

mod custom_rules;
mod encoded;
#[path = "../../tests/encoded/encoders.rs"]
mod encoders;
#[path = "../../tests/encoded/formats.rs"]
mod formats;
mod input;
mod matcher;
#[path = "../../tests/random/oracle.rs"]
mod oracle;
#[path = "../../tests/rules/pieces.rs"]
mod pieces;
mod rules;
mod streams;
mod terminal;

pub use custom_rules::custom_rules;
pub use matcher::matcher;
pub use rules::rules;
pub use terminal::terminal;
