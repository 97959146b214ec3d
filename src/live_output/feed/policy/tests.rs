use super::*;

/// Feeds inputs to a policy and advances the simulated time.
struct Play {
    policy: FeedPolicy,
    now: f64,
}

impl Play {
    fn begin() -> Self {
        let mut play = Self { policy: FeedPolicy::default(), now: 0.0 };
        assert_eq!(play.happens(Happened::Shown), [Action::Open, Action::WakeAfter(OPEN_WITHIN_MS)]);
        play
    }

    fn happens(&mut self, happened: Happened) -> Vec<Action> {
        self.policy.on(happened, self.now, 1.0)
    }

    fn after(&mut self, ms: f64, happened: Happened) -> Vec<Action> {
        self.now += ms;
        self.happens(happened)
    }

    fn connection(&self) -> Connection {
        self.policy.connection()
    }
}

#[test]
fn an_open_stream_is_live_until_the_log_ends() {
    let mut play = Play::begin();
    assert_eq!(play.connection(), Connection::Connecting);
    play.happens(Happened::Opened);
    assert_eq!(play.connection(), Connection::Live);
    assert_eq!(play.happens(Happened::Ended), [Action::Close]);
    assert_eq!(play.connection(), Connection::Ended);
    assert_eq!(play.happens(Happened::Broke), []);
}

#[test]
fn after_a_broken_stream_the_log_is_polled_once_and_the_stream_reopened() {
    let mut play = Play::begin();
    play.happens(Happened::Opened);
    play.happens(Happened::Received);
    assert_eq!(play.happens(Happened::Broke), [Action::Close, Action::Poll]);
    assert_eq!(play.connection(), Connection::Live, "a single break does not change the displayed state");
    assert_eq!(play.happens(Happened::Polled { more: false }), [Action::WakeAfter(500.0)]);
    assert_eq!(play.happens(Happened::Woke)[0], Action::Open);
}

#[test]
fn a_poll_that_finishes_while_the_page_is_hidden_does_not_prevent_later_polls() {
    let results = [Happened::Polled { more: true }, Happened::Unreachable, Happened::Refused(403), Happened::Ended];
    for result in results {
        let mut play = Play::begin();
        assert_eq!(play.happens(Happened::Broke), [Action::Close, Action::Poll]);
        play.happens(Happened::Hidden);
        assert_eq!(play.happens(result), []);
        play.happens(Happened::Shown);
        assert_eq!(play.happens(Happened::Broke), [Action::Close, Action::Poll], "after {result:?}");
    }
}

#[test]
fn two_breaks_without_events_switch_to_polling_until_a_stream_works() {
    let mut play = Play::begin();
    for _ in 0..2 {
        play.happens(Happened::Opened);
        play.happens(Happened::Broke);
        play.happens(Happened::Polled { more: false });
        play.happens(Happened::Woke);
    }
    assert_eq!(play.connection(), Connection::Polling(PollReason::Breaks));
    let mut polls = 0;
    let mut opened = false;
    for _ in 0..20 {
        let actions = play.after(POLL_EVERY_MS, Happened::Woke);
        polls += usize::from(actions.contains(&Action::Poll));
        opened |= actions.contains(&Action::Open);
        play.happens(Happened::Polled { more: false });
    }
    assert!(polls >= 19 && opened, "{polls} polls");
    play.happens(Happened::Opened);
    play.happens(Happened::Received);
    assert_eq!(play.connection(), Connection::Live);
}

#[test]
fn a_stream_that_does_not_open_in_time_is_replaced_by_polling() {
    let mut play = Play::begin();
    assert_eq!(play.after(OPEN_WITHIN_MS, Happened::Woke), [Action::Close, Action::Poll]);
    assert_eq!(play.happens(Happened::Polled { more: false }), [Action::WakeAfter(POLL_EVERY_MS)]);
    assert_eq!(play.connection(), Connection::Polling(PollReason::Hangs));
}

#[test]
fn while_polling_the_reason_is_how_the_stream_failed_last() {
    let mut play = Play::begin();
    for _ in 0..2 {
        play.happens(Happened::Broke);
        play.happens(Happened::Polled { more: false });
        play.happens(Happened::Woke);
    }
    play.happens(Happened::Broke);
    play.happens(Happened::Polled { more: false });
    assert_eq!(play.connection(), Connection::Polling(PollReason::Refused));
    // The stream is tried again, and does not open.
    while !play.after(POLL_EVERY_MS, Happened::Woke).contains(&Action::Open) {
        play.happens(Happened::Polled { more: false });
    }
    while !play.after(POLL_EVERY_MS, Happened::Woke).contains(&Action::Close) {
        play.happens(Happened::Polled { more: false });
    }
    play.happens(Happened::Polled { more: false });
    assert_eq!(play.connection(), Connection::Polling(PollReason::Hangs));
}

#[test]
fn equal_pauses_are_different_states_so_that_each_is_counted_down() {
    let mut play = Play::begin();
    let mut states = Vec::new();
    for _ in 0..8 {
        play.happens(Happened::Unreachable);
        states.push(play.connection());
    }
    assert!(states.windows(2).all(|pair| pair[0] != pair[1]), "{states:?}");
}

#[test]
fn a_silent_stream_is_treated_as_broken() {
    let mut play = Play::begin();
    play.happens(Happened::Opened);
    play.after(20_000.0, Happened::Received);
    assert_eq!(play.after(5_000.0, Happened::Woke), [Action::WakeAfter(20_000.0)]);
    assert_eq!(play.after(20_000.0, Happened::Woke), [Action::Close, Action::Poll]);
}

#[test]
fn pauses_grow_to_a_maximum_while_the_server_does_not_respond() {
    let mut play = Play::begin();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        play.happens(Happened::Broke);
        let actions = play.happens(Happened::Unreachable);
        let Some(Action::WakeAfter(pause)) = actions.last().copied() else { panic!("{actions:?}") };
        pauses.push(pause);
        assert_eq!(play.after(pause, Happened::Woke)[0], Action::Open);
    }
    assert_eq!(pauses, [500.0, 1000.0, 2000.0, 4000.0, 8000.0, 15_000.0, 15_000.0, 15_000.0]);
    play.happens(Happened::Opened);
    assert_eq!(play.connection(), Connection::Live);
}

#[test]
fn a_hidden_page_watches_its_job_without_output_until_it_is_shown_again() {
    let mut play = Play::begin();
    play.happens(Happened::Opened);
    assert_eq!(play.happens(Happened::Hidden), [Action::Close, Action::Watch]);
    assert_eq!(play.connection(), Connection::Paused);
    assert_eq!(play.after(60_000.0, Happened::Woke), []);
    assert_eq!(play.happens(Happened::Shown)[0], Action::Open);
}

#[test]
fn a_page_that_the_user_has_left_disconnects_until_the_browser_shows_it_again() {
    for before in [Happened::Opened, Happened::Hidden] {
        let mut play = Play::begin();
        play.happens(before);
        assert_eq!(play.happens(Happened::Left), [Action::Close]);
        assert_eq!(play.happens(Happened::Hidden), [], "it is hidden while the user leaves it");
        assert_eq!(play.after(60_000.0, Happened::Woke), []);
        assert_eq!(play.happens(Happened::Shown)[0], Action::Open);
    }
}

#[test]
fn nothing_is_retried_after_a_refusal() {
    let mut play = Play::begin();
    play.happens(Happened::Broke);
    assert_eq!(play.happens(Happened::Refused(401)), [Action::Close]);
    assert_eq!(play.connection(), Connection::Refused(401));
    assert_eq!(play.happens(Happened::Shown), []);
}

#[test]
fn at_most_one_poll_is_in_progress() {
    let mut play = Play::begin();
    assert_eq!(play.happens(Happened::Broke), [Action::Close, Action::Poll]);
    assert_eq!(play.happens(Happened::Broke), [Action::Close]);
    assert_eq!(play.happens(Happened::Polled { more: true }), [Action::Poll]);
}
