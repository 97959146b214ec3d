//! Finds URLs in the text of lines and turns them into links.
//!
//! The visible text of a link is always its target, so it cannot mislead the reader.

use std::ops::Range;

use model::ansi::Span;

/// The maximum length of a URL in bytes.
const MAX_URL: usize = 2000;

/// Splits spans so that each URL becomes a separate span with a link to that URL. Only `http` and `https` URLs are
/// recognised. Links that the output itself contains (OSC 8) are not changed.
#[must_use]
pub fn link_urls(spans: Vec<Span>) -> Vec<Span> {
    let mut linked = Vec::with_capacity(spans.len());
    for span in spans {
        let mut rest = span.text.as_str();
        while span.link.is_none()
            && let Some(url) = next_url(rest)
        {
            if url.start > 0 {
                linked.push(Span { text: rest[..url.start].to_owned(), ..span.clone() });
            }
            let address = rest[url.clone()].to_owned();
            linked.push(Span { text: address.clone(), link: Some(address), ..span.clone() });
            rest = &rest[url.end..];
        }
        if !rest.is_empty() {
            let text = rest.to_owned();
            linked.push(Span { text, ..span });
        }
    }
    linked
}

/// Returns the position of the first URL in `text`, or `None` if `text` contains no URL.
fn next_url(text: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(at) = text[from..].find("http") {
        let start = from + at;
        let scheme = ["https://", "http://"].into_iter().find(|scheme| text[start..].starts_with(scheme));
        let is_word = text[..start].chars().next_back().is_some_and(char::is_alphanumeric);
        if let Some(scheme) = scheme.filter(|_| !is_word) {
            let end = start + url_length(&text[start..]);
            if end > start + scheme.len() && end - start <= MAX_URL {
                return Some(start..end);
            }
        }
        from = start + "http".len();
    }
    None
}

/// Returns the length of the URL at the beginning of `text`. Punctuation at the end, and a closing bracket without an
/// opening bracket, belong to the sentence around the URL.
fn url_length(text: &str) -> usize {
    let is_part = |byte: &u8| {
        matches!(byte, b'!'..=b'~') && !matches!(byte, b'<' | b'>' | b'"' | b'`' | b'\\' | b'^' | b'{' | b'}' | b'|')
    };
    let mut end = text.bytes().take_while(is_part).count();
    while let Some(last) = text[..end].bytes().next_back() {
        let count = |wanted: u8| text[..end].bytes().filter(|byte| *byte == wanted).count();
        let is_sentence = match last {
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b'\'' | b'*' => true,
            b')' => count(b')') > count(b'('),
            b']' => count(b']') > count(b'['),
            _ => false,
        };
        if !is_sentence {
            break;
        }
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use model::ansi::{self, Style};

    use super::*;

    /// Returns the targets of the links in a line.
    fn links(line: &str) -> Vec<String> {
        let before = ansi::spans(line, Style::default());
        let text: String = before.iter().map(|span| span.text.as_str()).collect();
        let after = link_urls(before);
        assert_eq!(after.iter().map(|span| span.text.as_str()).collect::<String>(), text, "no text is lost");
        after.into_iter().filter_map(|span| span.link).collect()
    }

    #[test]
    fn urls_are_links_without_the_punctuation_around_them() {
        for (line, expected) in [
            ("see https://example.com/a?b=c#d.", vec!["https://example.com/a?b=c#d"]),
            ("(http://localhost:3000/)", vec!["http://localhost:3000/"]),
            (
                "https://en.example.org/wiki/A_(b), https://x.example",
                vec!["https://en.example.org/wiki/A_(b)", "https://x.example"],
            ),
            ("<a href=\"https://example.com\">", vec!["https://example.com"]),
            ("[text](https://example.com/x)!", vec!["https://example.com/x"]),
            ("url='https://example.com/'", vec!["https://example.com/"]),
            ("https://example.com/\u{e9}", vec!["https://example.com/"]),
            ("git+https://example.com/r.git", vec!["https://example.com/r.git"]),
        ] {
            assert_eq!(links(line), expected, "{line:?}");
        }
    }

    #[test]
    fn other_texts_are_not_links() {
        for line in [
            "http://",
            "https://.",
            "xhttps://example.com",
            "ftp://example.com",
            "javascript:alert(1)",
            "http",
            "HTTP://x",
        ] {
            assert_eq!(links(line), Vec::<String>::new(), "{line:?}");
        }
        assert!(links(&format!("https://example.com/{}", "x".repeat(MAX_URL))).is_empty());
    }

    #[test]
    fn a_link_in_the_output_keeps_its_target_and_a_url_keeps_its_colour() {
        let osc =
            "\u{1b}]8;;https://a.example/\u{1b}\\https://b.example/\u{1b}]8;;\u{1b}\\ \u{1b}[31mhttps://c.example/";
        assert_eq!(links(osc), ["https://a.example/", "https://c.example/"]);
        let spans = link_urls(ansi::spans("\u{1b}[31mred https://c.example/", Style::default()));
        assert!(spans.iter().all(|span| span.style == spans[0].style), "{spans:?}");
    }
}
