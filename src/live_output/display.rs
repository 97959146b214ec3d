//! The display settings of the list: which times are shown, and whether long lines are wrapped.

use leptos::prelude::*;
use model::Timestamp;

use super::logs::Logs;
use super::screen::Screen;
use crate::host;
use crate::ui::{Dropdown, Icon, storage};
use crate::words;

/// The keys under which the settings are stored in the browser.
const TIMES_KEY: &str = "tailwater.live-output.times";
const WRAP_KEY: &str = "tailwater.live-output.wrap";

/// The settings of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Display {
    /// The times that are shown before the lines.
    pub times: LineTimes,
    /// Whether lines that are wider than the panel are wrapped.
    pub long_lines: LongLines,
}

/// The times that are shown before the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LineTimes {
    /// The time since the attempt began. On narrow screens, no times are shown.
    #[default]
    Automatic,
    /// The time since the attempt began.
    SinceAttempt,
    /// The time since the step began.
    SinceStep,
    /// The time of day in the reader's time zone.
    Local,
    /// The time of day in UTC.
    Utc,
    /// No times are shown.
    Hidden,
}

/// Whether lines that are wider than the panel are wrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LongLines {
    /// Long lines are wrapped.
    #[default]
    Wrapped,
    /// Long lines stay in one row, and the list scrolls horizontally.
    OneRow,
}

/// The displayed time of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineTime {
    /// The milliseconds since the attempt or the step began.
    Since(i64),
    /// The time of day in the reader's time zone.
    Local(Timestamp),
    /// The time of day in UTC.
    Utc(Timestamp),
    /// No time is shown.
    Hidden,
}

impl LineTimes {
    /// The choices in the menu, in order.
    const CHOICES: [Self; 5] = [Self::SinceAttempt, Self::SinceStep, Self::Local, Self::Utc, Self::Hidden];

    /// Returns the name of the choice, which is stored in the browser and used in the style sheet.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::SinceAttempt => "attempt",
            Self::SinceStep => "step",
            Self::Local => "local",
            Self::Utc => "utc",
            Self::Hidden => "hidden",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Automatic | Self::SinceAttempt => "Since the attempt began",
            Self::SinceStep => "Since the step began",
            Self::Local => "Local time",
            Self::Utc => "UTC",
            Self::Hidden => "No timestamps",
        }
    }

    /// Returns the choice that the menu shows as selected.
    fn choice(self) -> Self {
        if self == Self::Automatic { Self::SinceAttempt } else { self }
    }

    /// Returns the choice after this one.
    fn next(self) -> Self {
        let at = Self::CHOICES.into_iter().position(|times| times == self.choice()).unwrap_or(0);
        Self::CHOICES[(at + 1) % Self::CHOICES.len()]
    }
}

/// Applies the settings that are stored in the browser.
pub fn restore(screen: Screen) {
    let stored = storage::read(TIMES_KEY);
    let times = LineTimes::CHOICES.into_iter().find(|times| stored.as_deref() == Some(times.as_str()));
    let is_one_row = storage::read(WRAP_KEY).as_deref() == Some("off");
    let long_lines = if is_one_row { LongLines::OneRow } else { LongLines::Wrapped };
    screen.set_display(Display { times: times.unwrap_or_default(), long_lines });
}

/// Returns the current settings.
fn of(logs: Logs) -> Display {
    logs.active().screen().display.get()
}

fn set(logs: Logs, display: Display) {
    for log in logs.all() {
        log.screen().set_display(display);
    }
}

/// Changes which times are shown, and stores the choice.
fn set_times(logs: Logs, times: LineTimes) {
    storage::write(TIMES_KEY, times.as_str());
    set(logs, Display { times, ..untrack(|| of(logs)) });
}

/// Changes which times are shown, without storing the choice. Has no effect if times are shown in UTC or hidden.
pub fn show_times(logs: Logs, times: LineTimes) {
    let display = untrack(|| of(logs));
    if !matches!(display.times, LineTimes::Utc | LineTimes::Hidden) {
        set(logs, Display { times, ..display });
    }
}

/// Switches to the next choice of times.
pub fn next_times(logs: Logs) {
    set_times(logs, untrack(|| of(logs)).times.next());
}

/// Toggles line wrapping.
pub fn toggle_wrap(logs: Logs) {
    let display = untrack(|| of(logs));
    let (long_lines, stored) = match display.long_lines {
        LongLines::Wrapped => (LongLines::OneRow, "off"),
        LongLines::OneRow => (LongLines::Wrapped, "on"),
    };
    storage::write(WRAP_KEY, stored);
    set(logs, Display { long_lines, ..display });
}

/// Returns the text of a line's time, or `None` if no time is shown.
pub fn text(time: LineTime) -> Option<String> {
    match time {
        LineTime::Since(millis) => Some(words::offset(millis)),
        LineTime::Local(at) => Some(words::time_of_day(at, host::utc_offset_minutes(at))),
        LineTime::Utc(at) => Some(words::time_of_day(at, 0)),
        LineTime::Hidden => None,
    }
}

/// Shows the menu with the settings.
#[component]
pub fn DisplayMenu(logs: Logs) -> impl IntoView {
    let is_wrapped = move || of(logs).long_lines == LongLines::Wrapped;
    let choice = move |times: LineTimes| {
        view! {
            <label>
                <input
                    type="radio"
                    name="line-times"
                    value=times.as_str()
                    prop:checked=move || of(logs).times.choice() == times
                    // The event is `click`, because a click on the choice that is already selected, such as the
                    // default, causes no `change` event.
                    on:click=move |_| set_times(logs, times)
                />
                {times.label()}
            </label>
        }
    };
    view! {
        <Dropdown
            class="needs-scripts"
            label="Display options"
            test_id="display-menu"
            button=move || {
                view! {
                    <Icon name="clock" />
                    <span class="narrow">"Display options"</span>
                }
                    .into_any()
            }
        >
            <fieldset>
                <legend>"Timestamps (t)"</legend>
                {LineTimes::CHOICES.map(choice).collect_view()}
            </fieldset>
            <label>
                <input
                    type="checkbox"
                    data-testid="wrap-lines"
                    prop:checked=is_wrapped
                    on:change=move |_| toggle_wrap(logs)
                />
                "Wrap long lines (w)"
            </label>
            <button type="button" data-testid="toggle-groups" on:click=move |_| logs.toggle_all_groups()>
                "Collapse or expand all groups (G)"
            </button>
        </Dropdown>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switching_cycles_through_all_choices_of_times() {
        let mut times = LineTimes::Automatic;
        let shown: Vec<&str> = (0..5)
            .map(|_| {
                times = times.next();
                times.as_str()
            })
            .collect();
        assert_eq!(shown, ["step", "local", "utc", "hidden", "attempt"]);
    }

    #[test]
    fn times_are_formatted_as_chosen() {
        let at = Timestamp(1_769_868_131_123_456);
        assert_eq!(text(LineTime::Since(61_250)).as_deref(), Some("01:01.2"));
        assert_eq!(text(LineTime::Utc(at)).as_deref(), Some("14:02:11.123"));
        assert_eq!(text(LineTime::Hidden), None);
    }
}
