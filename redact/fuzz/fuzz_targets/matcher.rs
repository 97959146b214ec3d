//! Fuzzes the search for registered values in all their forms, however the text is cut into reads.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| redact_fuzz::matcher(data));
