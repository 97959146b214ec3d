//! Renders the descriptions in the document, which use a small part of Markdown: code between backticks, and lists.

use leptos::prelude::*;

/// Renders a description. Its lines that begin with `- ` become a list.
pub(super) fn prose(text: &str) -> AnyView {
    let (items, sentences): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("- "));
    let items: Vec<AnyView> =
        items.into_iter().map(|item| view! { <li>{inline(item.trim_start_matches("- "))}</li> }.into_any()).collect();
    let list = (!items.is_empty()).then(|| view! { <ul>{items}</ul> });
    let sentences = sentences.join(" ");
    let sentences = (!sentences.is_empty()).then(|| view! { <p>{inline(&sentences)}</p> });
    view! {
        {sentences}
        {list}
    }
    .into_any()
}

/// Renders text. Pieces between backticks are rendered as code.
pub(super) fn inline(text: &str) -> AnyView {
    let piece = |(index, piece): (usize, &str)| {
        let piece = piece.to_owned();
        if index % 2 == 1 { view! { <code>{piece}</code> }.into_any() } else { piece.into_any() }
    };
    text.split('`').enumerate().map(piece).collect_view().into_any()
}
