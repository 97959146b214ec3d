//! Ends the tests if one of them hangs.
//!
//! A failed test can hang, because its runtime waits for blocked threads when it is dropped. `cargo test` reports
//! failures only after all tests have ended, so a hung test would hide all failures.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{Write, stderr};
use std::process::abort;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{panic, thread};

/// The maximum run time of a test. The longest tests take about two minutes on a slow machine.
const PATIENCE: Duration = Duration::from_mins(10);

/// The running tests by name.
static TESTS: LazyLock<Mutex<HashMap<String, Test>>> = LazyLock::new(|| {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if let Some(test) = tests().get_mut(&name()) {
            test.failures.push(info.to_string());
        }
        print(info);
    }));
    thread::spawn(|| {
        loop {
            thread::sleep(Duration::from_secs(1));
            check();
        }
    });
    Mutex::default()
});

struct Test {
    since: Instant,
    failures: Vec<String>,
}

/// Removes a test from [`TESTS`] when the thread of the test ends. By then, the test's runtime has been dropped.
struct Watch(String);

impl Drop for Watch {
    fn drop(&mut self) {
        tests().remove(&self.0);
    }
}

thread_local! {
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

/// Watches the test of the current thread.
pub fn watch() {
    WATCH.with_borrow_mut(|watch| {
        watch.get_or_insert_with(|| {
            tests().insert(name(), Test { since: Instant::now(), failures: Vec::new() });
            Watch(name())
        });
    });
}

/// Ends the process if a test hangs.
fn check() {
    let tests = tests();
    let hung: Vec<_> = tests.iter().filter(|(_, test)| test.since.elapsed() > PATIENCE).collect();
    if hung.is_empty() {
        return;
    }
    // `eprintln!` is not used, because the test runner would capture its output.
    for (name, test) in hung {
        writeln!(stderr(), "{name} has not ended after {PATIENCE:?}. Its failures: {:#?}", test.failures).ok();
    }
    abort();
}

fn tests() -> MutexGuard<'static, HashMap<String, Test>> {
    TESTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the name of the current thread. `cargo test` names the thread of a test after the test.
fn name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}
