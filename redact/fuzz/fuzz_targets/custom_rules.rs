//! Fuzzes custom rules with arbitrary expressions.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| redact_fuzz::custom_rules(data));
