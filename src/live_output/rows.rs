//! The rows: what is on screen of the list, and nothing else, stands in the document.

use leptos::prelude::*;

use super::line::Line;
use super::milestone;
use super::panel::RowView;
use super::screen::{RULER_COLUMNS, Screen};
use crate::ansi::{self, Span};
use crate::model::Event;
use crate::pages::Icon;
use crate::words;

/// The list. Its parent scrolls.
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
            <For each=move || screen.rows.get() key=RowView::key children=row />
        </div>
        <div node_ref=screen.below></div>
    }
    .into_any()
}

fn row(row: RowView) -> AnyView {
    match row {
        RowView::Line(line, offset) => line_row(&line, offset).into_any(),
        RowView::Milestone(event) => milestone_row(&event).into_any(),
        RowView::Earlier(lines) => note_row(lines, "earlier").into_any(),
        RowView::Later(lines) => note_row(lines, "later").into_any(),
    }
}

fn line_row(line: &Line, offset: i64) -> impl IntoView + use<> {
    let cut = (line.cut > 0).then(|| {
        let text = format!("{} more of this line are in the download", words::bytes(i64::from(line.cut)));
        view! { <span class="live-cut">{text}</span> }
    });
    let spans: Vec<AnyView> = ansi::spans(&line.text, line.style).into_iter().map(span).collect();
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
        >
            <span class="live-number">{line.key.number}</span>
            <span class="live-time">{words::offset(offset)}</span>
            <span class="live-text">{spans}{cut}</span>
        </div>
    }
}

/// A piece of a line: text nodes only, whatever the output holds.
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

fn milestone_row(event: &Event) -> impl IntoView + use<> {
    let words = milestone::words(event);
    let tone = words.tone.as_str();
    let detail = words.detail;
    let detail =
        (!detail.is_empty()).then(|| view! { <span class="live-detail" title=detail.clone()>{detail.clone()}</span> });
    view! {
        <div
            class="live-milestone"
            data-testid="live-row"
            data-kind=milestone::kind(event).to_owned()
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

fn note_row(lines: i64, side: &'static str) -> impl IntoView {
    let text = format!("{} {side}: they are loaded when you scroll here", words::plural(lines.max(1), "line"));
    view! { <div class="live-milestone live-elsewhere" data-kind=side>{text}</div> }
}
