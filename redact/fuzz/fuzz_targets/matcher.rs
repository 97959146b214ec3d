//! Fuzzes the matching of registered values in all of their forms, however the text is divided into reads.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| redact_fuzz::matcher(data));
