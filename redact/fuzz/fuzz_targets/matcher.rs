//! Fuzzes values in any form, cuts and pauses.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| redact_fuzz::matcher(data));
