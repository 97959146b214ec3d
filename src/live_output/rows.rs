//! The rows of the list. Only the visible rows and some adjacent ones are in the document.

use leptos::html;
use leptos::prelude::*;
use model::ansi::{self, Span};
use model::{Event, GapPayload, Level, Payload, StepPayload, StreamName};

use super::display::{self, LineTime};
use super::groups::{Collapsed, GroupKey, GroupState};
use super::lifecycle_event;
use super::line::LiveLine;
use super::links;
use super::panel::{RowView, Side, Space};
use super::placement::{RULER_COLUMNS, Ruler};
use super::screen::Screen;
use super::search;
use crate::ui::Icon;
use crate::words;

/// The list of rows. Its parent element scrolls.
#[component]
pub fn Rows(screen: Screen) -> impl IntoView {
    let nodes = screen.list.nodes.get_value();
    view! {
        {ruler_row(nodes.ruler)}
        <div node_ref=nodes.above></div>
        <div node_ref=nodes.window>
            <For each=move || screen.rows.get() key=RowView::key children=move |view| row(screen, view) />
        </div>
        <div node_ref=nodes.below></div>
    }
    .into_any()
}

/// An invisible row whose parts are measured.
pub fn ruler_row(ruler: Ruler) -> AnyView {
    view! {
        <div class="live-row live-ruler" aria-hidden="true">
            <span class="live-number"></span>
            <span class="live-time"></span>
            <span class="live-text">
                <span class="live-ruler-line" node_ref=ruler.line></span>
                <span node_ref=ruler.columns>{"0".repeat(RULER_COLUMNS as usize)}</span>
            </span>
        </div>
    }
    .into_any()
}

/// Displays a row of a log.
pub fn row(screen: Screen, row: RowView) -> AnyView {
    match row {
        RowView::Line { line, time, marked, is_selected, is_current, stream, group, matches } => {
            let text = if group.is_some() { title(screen, &line, &matches) } else { text(&line, &matches) };
            let state = LineState { marked, is_selected, is_current, stream };
            line_row(screen, &line, time, state, text).into_any()
        }
        RowView::LifecycleEvent { event, collapsed } => match (&event.payload, collapsed) {
            (Payload::Gap(gap), _) => gap_row(screen, &event, gap).into_any(),
            (Payload::Step(step), Some(_)) => lifecycle_row(&event, Some(step_toggle(screen, step))).into_any(),
            _ => lifecycle_row(&event, None).into_any(),
        },
        RowView::Space(space) => space_row(space).into_any(),
    }
}

/// The properties of a line's row that depend on more than the line itself. [`RowView::Line`] describes these
/// properties.
struct LineState {
    marked: bool,
    is_selected: bool,
    is_current: bool,
    stream: Option<StreamName>,
}

fn line_row(screen: Screen, line: &LiveLine, time: LineTime, state: LineState, text: AnyView) -> impl IntoView + use<> {
    let LineState { marked, is_selected, is_current, stream } = state;
    let key = line.key;
    // Screen readers announce the stream. For sighted readers, the line's border shows the stream.
    let stream = stream.map(|stream| view! { <span class="visually-hidden">{stream.as_str()} ": "</span> });
    let context = is_selected.then(|| {
        view! {
            <button
                class="live-context"
                tabindex="-1"
                title="Show in context"
                aria-label=format!("Show line {} in context", key.number)
                data-testid="show-in-context"
                on:click=move |_| screen.show_in_context(key)
            >
                <Icon name="context" />
            </button>
        }
    });
    view! {
        <div
            class="live-row"
            data-testid="live-row"
            data-kind="log"
            data-stream=line.stream.as_str()
            data-line=line.key.number
            data-attempt=line.key.attempt
            data-seq=line.first_seq.0
            data-level=line.shown_level.as_str()
            data-marked=marked.to_string()
            data-current=is_current.to_string()
        >
            <button
                class="live-number"
                tabindex="-1"
                title="Select this line (Shift+click selects a range)"
                on:click=move |event| screen.choose(key, event.shift_key())
            >
                {line.key.number}
            </button>
            <span class="live-time" title=line.time.to_string()>
                {display::text(time)}
            </span>
            {stream}
            <span class="live-text">{text}</span>
            {context}
        </div>
    }
}

/// Displays the text of a line of output.
fn text(line: &LiveLine, matches: &[(u32, u32)]) -> AnyView {
    let cut =
        line.is_cut().then(|| view! { <span class="live-cut">"the rest of this line is in the complete log"</span> });
    let spans: Vec<AnyView> = spans(line, matches).into_iter().map(found_span).collect();
    view! {
        {spans}
        {cut}
    }
    .into_any()
}

/// Displays a line as the title of a group.
fn title(screen: Screen, line: &LiveLine, matches: &[(u32, u32)]) -> AnyView {
    let plain = ansi::plain_text(line.shown_text());
    let title = line.title(&plain);
    let before = plain.trim_end().chars().count() - title.chars().count();
    let spans: Vec<AnyView> = search::without_first(spans(line, matches), before).into_iter().map(found_span).collect();
    let key = line.key;
    let toggle = toggle(screen, GroupKey::Lines(key), if title.is_empty() { "Group" } else { title });
    view! {
        <span class="live-title">
            {toggle}
            <strong>{spans}</strong>
            <small>{move || screen.group(key).map(summary)}</small>
        </span>
    }
    .into_any()
}

/// Describes the lines of a group.
fn summary(group: GroupState) -> String {
    let duration = group.millis.map_or_else(String::new, |millis| format!(", {}", words::duration(millis)));
    // The summary of an expanded group contains no level, because its lines show their own levels.
    let level = match (group.collapsed, group.level) {
        (Collapsed::Yes, Level::Error) => ", with errors",
        (Collapsed::Yes, Level::Warn) => ", with warnings",
        _ => "",
    };
    format!("{}{duration}{level}", words::plural(group.lines, "line"))
}

/// Returns the styled parts of a line. The second value is `true` for parts of a match.
fn spans(line: &LiveLine, matches: &[(u32, u32)]) -> Vec<(Span, bool)> {
    search::split(links::link_urls(ansi::spans(line.shown_text(), line.shown_style())), matches)
}

fn step_toggle(screen: Screen, step: &StepPayload) -> AnyView {
    toggle(screen, GroupKey::Step(step.attempt, step.step()), &step.step_id)
}

/// The button that collapses or expands a group. It covers the whole row.
fn toggle(screen: Screen, group: GroupKey, name: &str) -> AnyView {
    let is_expanded = move || screen.collapsed(group).map(|collapsed| (collapsed == Collapsed::No).to_string());
    view! {
        <button
            class="live-toggle needs-scripts"
            tabindex="-1"
            data-testid="group-toggle"
            aria-expanded=is_expanded
            aria-label=name.to_owned()
            on:click=move |_| screen.toggle_group(group)
        >
            <Icon name="chevron" />
        </button>
    }
    .into_any()
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

fn lifecycle_row(event: &Event, toggle: Option<AnyView>) -> impl IntoView + use<> {
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
            {toggle}
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

/// Displays the space for lines outside the window. The lines are loaded when the space comes into view.
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
    let blocked = space.is_blocked.then_some(" in a collapsed group. Expand the group to load them.");
    view! {
        <div class="live-space" data-kind=side node_ref=node>
            <span>{text}{blocked}</span>
        </div>
    }
}
