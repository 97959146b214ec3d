//! Reads and writes line references in the page's address: `#L120`, or `#A2-L120` for a line of an attempt that is not
//! the last one.

use leptos::prelude::*;

use super::line::LineKey;

/// Returns the fragment for a line. `last` is the number of the last attempt.
#[must_use]
pub fn fragment(key: LineKey, last: i32) -> String {
    match key {
        LineKey { attempt, number } if attempt == last => format!("#L{number}"),
        LineKey { attempt, number } => format!("#A{attempt}-L{number}"),
    }
}

/// Parses a fragment into the attempt, if the fragment contains one, and the line number. Returns `None` if the
/// fragment does not refer to a line.
#[must_use]
pub fn parse(fragment: &str) -> Option<(Option<i32>, i64)> {
    let name = fragment.strip_prefix('#')?;
    let (attempt, line) = match name.strip_prefix('A') {
        Some(rest) => {
            let (attempt, line) = rest.split_once('-')?;
            (Some(attempt.parse().ok().filter(|attempt| *attempt > 0)?), line)
        }
        None => (None, name),
    };
    let number = line.strip_prefix('L')?.parse().ok().filter(|number| *number > 0)?;
    Some((attempt, number))
}

/// Returns the attempt and the line number in the page's address, or `None` if the address does not refer to a line.
pub fn in_address() -> Option<(Option<i32>, i64)> {
    parse(&window().location().hash().ok()?)
}

/// Changes the page's address to refer to a line, without adding a history entry.
pub fn put_into_address(key: LineKey, last: i32) {
    let history = window().history();
    // A browser may refuse the call, for example if it is repeated too often. The address then remains unchanged.
    let _ = history
        .map(|history| history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&fragment(key, last))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_refers_to_a_line() {
        for (attempt, number, name) in [(3, 120, "#L120"), (1, 7, "#A1-L7")] {
            let key = LineKey { attempt, number };
            assert_eq!(fragment(key, 3), name);
            assert_eq!(parse(name), Some(((attempt != 3).then_some(attempt), number)), "{name}");
        }
    }

    #[test]
    fn a_fragment_without_a_line_is_ignored() {
        for name in ["", "#", "L1", "#L", "#L0", "#L-1", "#A-L1", "#A0-L1", "#A1L1", "#L1x", "#output"] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
