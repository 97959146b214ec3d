//! Prepares texts from other people and programs for display: titles, names, messages and descriptions of browsers.

/// Makes text that somebody else has chosen, such as a title or a name, safe to display: characters that are invisible
/// or change the direction of text are replaced by visible ones (`<U+202E>`), so that the text cannot be mistaken for
/// other text.
#[must_use]
pub fn visible(text: &str) -> String {
    model::ansi::plain_text(text).into_owned()
}

/// Returns an error message of the search API as the beginning of a sentence, without the name of the query parameter.
#[must_use]
pub fn sentence(message: &str) -> String {
    let message = ["q: ", "notIn: "].iter().find_map(|name| message.strip_prefix(name)).unwrap_or(message);
    let mut characters = message.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

/// Returns the display name of a worker. The embedded worker gets a new name on every start, but there is only one, so
/// it is displayed as `embedded worker`.
#[must_use]
pub fn worker(name: &str) -> &str {
    if name.starts_with("embedded-") { "embedded worker" } else { name }
}

/// Returns a short description of a browser, given its `User-Agent` header: `Firefox on Linux`.
#[must_use]
pub fn browser(user_agent: &str) -> String {
    /// The parts of the header by which browsers and systems are recognised. Most browsers also send the names of their
    /// predecessors, so the order matters.
    const BROWSERS: [(&str, &str); 5] =
        [("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"), ("curl", "curl")];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(part, _)| user_agent.contains(part)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_described_in_a_few_words() {
        for (user_agent, expected) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.14.1", "curl"),
            ("", "Unknown browser"),
        ] {
            assert_eq!(browser(user_agent), expected, "{user_agent}");
        }
    }
}
