//! The rows of the list. Only the visible rows and some adjacent ones are in the document.

use leptos::html;
use leptos::prelude::*;
use model::ansi::{self, Span};
use model::{Event, GapPayload, Payload};

use super::lifecycle_event;
use super::line::LiveLine;
use super::links;
use super::panel::{RowView, Side, Space};
use super::screen::{RULER_COLUMNS, Screen};
use super::search;
use crate::ui::Icon;
use crate::words;

/// The list of rows. Its parent element scrolls.
#[component]
pub fn Rows(screen: Screen) -> impl IntoView {
    view! {
        <div class="live-row live-ruler" aria-hidden="true">
            <span class="live-number"></span>
            <span class="live-time"></span>
            <span class="live-text">
                <span class="live-ruler-line" node_ref=screen.ruler_line></span>
                <span node_ref=screen.ruler>{"0".repeat(RULER_COLUMNS as usize)}</span>
            </span>
        </div>
        <div node_ref=screen.above></div>
        <div node_ref=screen.window>
            <For each=move || screen.rows.get() key=RowView::key children=move |view| row(screen, view) />
        </div>
        <div node_ref=screen.below></div>
    }
    .into_any()
}

fn row(screen: Screen, row: RowView) -> AnyView {
    match row {
        RowView::Line { line, offset, marked, matches } => line_row(screen, &line, offset, marked, &matches).into_any(),
        RowView::LifecycleEvent(event) => match &event.payload {
            Payload::Gap(gap) => gap_row(screen, &event, gap).into_any(),
            _ => lifecycle_row(&event).into_any(),
        },
        RowView::Space(space) => space_row(space).into_any(),
    }
}

fn line_row(
    screen: Screen,
    line: &LiveLine,
    offset: i64,
    marked: bool,
    matches: &[(u32, u32)],
) -> impl IntoView + use<> {
    let cut = line.cut.then(|| view! { <span class="live-cut">"the rest of this line is in the complete log"</span> });
    let spans = search::split(links::link_urls(ansi::spans(&line.text, line.style)), matches);
    let spans: Vec<AnyView> = spans.into_iter().map(found_span).collect();
    let key = line.key;
    view! {
        <div
            class="live-row"
            data-testid="live-row"
            data-kind="log"
            data-stream=line.stream.as_str()
            data-line=line.key.number
            data-attempt=line.key.attempt
            data-seq=line.first_seq.0
            data-level=line.level.as_str()
            data-marked=marked.to_string()
        >
            <button class="live-number" tabindex="-1" title="Link to this line" on:click=move |_| screen.name(key)>
                {line.key.number}
            </button>
            <span class="live-time">{words::offset(offset)}</span>
            <span class="live-text">{spans}{cut}</span>
        </div>
    }
}

/// Displays a styled part of a line. A part of a match is highlighted.
fn found_span((text, found): (Span, bool)) -> AnyView {
    let view = span(text);
    if found { view! { <mark class="found">{view}</mark> }.into_any() } else { view }
}

/// Displays a styled part of a line. Output is rendered as text nodes only, even if it contains HTML.
fn span(span: Span) -> AnyView {
    let mut classes = span.style.classes();
    if span.mark {
        classes.push_str(" mark");
    }
    match span.link {
        Some(link) => {
            let title = link.clone();
            view! {
                <a class=classes href=link title=title target="_blank" rel="noopener noreferrer">
                    {span.text}
                </a>
            }
            .into_any()
        }
        None if classes.is_empty() => span.text.into_any(),
        None => view! { <span class=classes>{span.text}</span> }.into_any(),
    }
}

fn lifecycle_row(event: &Event) -> impl IntoView + use<> {
    let words = lifecycle_event::words(event);
    let tone = words.tone.as_str();
    let detail = words.detail;
    let detail =
        (!detail.is_empty()).then(|| view! { <span class="live-detail" title=detail.clone()>{detail.clone()}</span> });
    view! {
        <div
            class="live-lifecycle"
            data-testid="live-row"
            data-kind=lifecycle_event::kind(event).to_owned()
            data-seq=event.seq.0
            data-level=event.level.as_str()
            data-tone=tone
        >
            <Icon name=tone />
            <span class="live-subject">{words.subject}</span>
            {detail}
        </div>
    }
}

/// Displays a note in place of output that was not sent live, with a button that loads this output.
fn gap_row(screen: Screen, event: &Event, gap: &GapPayload) -> impl IntoView + use<> {
    let (attempt, first) = (gap.attempt, gap.from_line);
    let words = lifecycle_event::words(event);
    view! {
        <div class="live-lifecycle live-gap" data-testid="live-row" data-kind="gap" data-seq=event.seq.0>
            <Icon name=words.tone.as_str() />
            <span class="live-subject">{words.subject}</span>
            <span class="live-detail">{words.detail}</span>
            <button class="link needs-scripts" data-testid="load-gap" on:click=move |_| screen.go_to(Some(attempt), first)>
                "Show these lines"
            </button>
        </div>
    }
}

/// Displays the space for lines outside the window. These lines are loaded when the space comes into view.
fn space_row(space: Space) -> impl IntoView {
    let node: NodeRef<html::Div> = NodeRef::new();
    // The height is set through the CSSOM, because the page's Content-Security-Policy forbids style attributes.
    Effect::new(move || {
        if let Some(node) = node.get() {
            let node: &web_sys::HtmlElement = &node;
            let _ = node.style().set_property("height", &format!("{}px", space.height));
        }
    });
    let side = match space.side {
        Side::Earlier => "earlier",
        Side::Later => "later",
    };
    let text = words::plural(space.lines.max(1), &format!("{side} line"));
    view! {
        <div class="live-space" data-kind=side node_ref=node>
            <span>{text}</span>
        </div>
    }
}
