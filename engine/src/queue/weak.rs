//! The warning about secrets that are masked only as whole words, because they are short or common.

use std::collections::BTreeSet;

use redact::{Redacted, Redactor};

/// Returns the warning that some secrets are masked only as whole words, or `None` if there are no such secrets.
/// `secrets` are pairs of a name and a value. The warning contains the names of the weak values.
#[must_use]
pub fn warning(secrets: impl IntoIterator<Item = (String, String)>, redactor: &Redactor) -> Option<Redacted> {
    let weak = secrets.into_iter().filter(|(_, value)| is_weak(value)).map(|(name, _)| name);
    let weak = weak.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
    if weak.is_empty() {
        return None;
    }
    let text = format!(
        "Secrets masked only as whole words: {weak}. Their values are too short or too common; use longer ones"
    );
    Some(redactor.redact(text.as_bytes()))
}

/// Returns whether a value is masked only as a whole word. White space around a value is not part of it.
#[must_use]
pub fn is_weak(value: &str) -> bool {
    let value = value.trim();
    !value.is_empty() && !redact::is_masked_everywhere(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warning_names_each_weak_secret_once() {
        let secrets = [("B", "1234"), ("A", "password"), ("B", " x\n"), ("STRONG", "hunter2-hunter2"), ("EMPTY", "")];
        let secrets = secrets.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let warning = warning(secrets, &Redactor::none()).expect("two are weak");
        assert!(warning.to_text().starts_with("Secrets masked only as whole words: A, B. "), "{warning}");
        assert!(super::warning([("A".to_owned(), "hunter2-hunter2".to_owned())], &Redactor::none()).is_none());
    }
}
