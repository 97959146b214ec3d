//! Fuzzes the built-in rules with texts that contain secrets of every kind.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| redact_fuzz::rules(data));
