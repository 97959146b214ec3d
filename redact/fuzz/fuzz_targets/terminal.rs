//! Fuzzes escape sequences and overstriking within a value.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| redact_fuzz::terminal(data));
