//! Parses a page as a browser's tokenizer does (HTML standard, section 13.2.5).

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{HtmlString, Spanned, StartTag, Token, Tokenizer};

/// A marker that every hostile text contains, and that appears nowhere else on a page.
pub const MARK: &str = "zq9hostile";

/// The attributes that may contain hostile text. All other attributes have fixed values.
const TEXT_ATTRIBUTES: [&str; 5] = ["title", "value", "href", "aria-label", "class"];

/// Elements that must not appear on any page.
const FORBIDDEN: [&str; 6] = ["base", "iframe", "object", "embed", "frame", "style"];

/// The contents of a page.
#[derive(Default)]
pub struct Page {
    /// The document's title.
    pub title: String,
    /// All other text except scripts.
    pub text: String,
    scripts: String,
    /// The name of the element in which the parser currently reads text.
    element: String,
}

impl Page {
    /// Parses a page. Panics if hostile text appears anywhere other than in text, in an allowed attribute or in a
    /// string of a script.
    #[track_caller]
    pub fn read(path: &str, html: &str) -> Self {
        let mut emitter = DefaultEmitter::<()>::default();
        emitter.naively_switch_states(true);
        let mut page = Self::default();
        for token in Tokenizer::new_with_emitter(html, emitter) {
            match token.expect("reading a string cannot fail") {
                Token::StartTag(tag) => page.begin(path, &tag),
                Token::EndTag(tag) => {
                    assert!(!text_of(&tag.name).contains(MARK), "{path}: an end tag");
                    page.element.clear();
                }
                Token::String(text) => page.add(text_of(&text)),
                Token::Comment(text) => {
                    assert!(!text_of(&text).contains(MARK), "{path}: a comment: {}", text_of(&text));
                }
                Token::Doctype(_) | Token::Error(_) => {}
            }
        }
        check_scripts(path, &page.scripts);
        page
    }

    fn begin(&mut self, path: &str, tag: &StartTag<()>) {
        let name = text_of(&tag.name);
        assert!(!name.contains(MARK) && !FORBIDDEN.contains(&name.as_str()), "{path}: an element <{name}>");
        for (attribute, value) in &tag.attributes {
            check_attribute(path, &name, &text_of(attribute), &text_of(value));
        }
        let nonce = tag.attributes.keys().any(|name| text_of(name) == "nonce");
        assert!(name != "script" || nonce, "{path}: a script without a nonce");
        self.element = name;
    }

    fn add(&mut self, text: String) {
        match self.element.as_str() {
            "title" => self.title += &text,
            "script" => self.scripts += &text,
            _ => self.text += &text,
        }
    }
}

#[track_caller]
fn check_attribute(path: &str, element: &str, name: &str, value: &str) {
    let place = format!("{path}: <{element} {name}={value:?}>");
    assert!(!name.contains(MARK) && !name.starts_with("on") && name != "http-equiv" && name != "srcdoc", "{place}");
    if value.contains(MARK) {
        assert!(TEXT_ATTRIBUTES.contains(&name) || name.starts_with("data-"), "{place}");
        let leads_elsewhere = !["/", "http://", "https://"].iter().any(|start| value.starts_with(start));
        assert!(name != "href" || !leads_elsewhere, "{place}");
    }
}

/// Checks that scripts contain hostile text only within string literals, and contain nothing that could end the script
/// element.
#[track_caller]
fn check_scripts(path: &str, scripts: &str) {
    for sign in ["<!--", "<script", "</", "\u{2028}", "\u{2029}"] {
        assert!(!scripts.contains(sign), "{path}: {sign:?} in a script");
    }
    let (mut outside, mut in_string, mut escaped) = (String::new(), false, false);
    for character in scripts.chars() {
        match (in_string, character) {
            _ if escaped => escaped = false,
            (true, '\\') => escaped = true,
            (_, '"') => in_string = !in_string,
            (false, _) => outside.push(character),
            (true, _) => {}
        }
    }
    assert!(!in_string && !outside.contains(MARK), "{path}: a script contains {outside}");
}

fn text_of(bytes: &impl AsBytes) -> String {
    String::from_utf8_lossy(bytes.bytes()).into_owned()
}

trait AsBytes {
    fn bytes(&self) -> &[u8];
}

impl AsBytes for HtmlString {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl AsBytes for Spanned<HtmlString, ()> {
    fn bytes(&self) -> &[u8] {
        &self.value
    }
}
