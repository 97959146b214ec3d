//! Tests the type of redacted bytes.

use redact::Redacted;

#[test]
fn only_a_value_without_bytes_is_empty() {
    assert!(Redacted::new().is_empty());
    assert!(Redacted::literal("").is_empty());
    assert!(!Redacted::literal("a").is_empty());
    assert_eq!(Redacted::number(-12).len(), 3);
}
