//! Tests messages of several lines, as tools print them.

use fastrand::Rng;

use super::*;

/// Checks the levels of the lines of a stream. Each line of `sample` begins with the expected result and `|`: `E` or
/// `W` for an error or a warning, `e` or `w` for its continuation, and `-` for any other line.
#[track_caller]
fn check(sample: &str) {
    let mut state = MessageState::default();
    let mut wrong = Vec::new();
    for row in sample.trim().lines() {
        let (expected, text) = row.trim_start().split_once('|').expect("a row has a bar");
        let read = state.read(text, StreamName::Stdout);
        let actual = match (read.level, read.part) {
            (Level::Error, MessagePart::First) => "E",
            (Level::Error, MessagePart::Continuation) => "e",
            (Level::Warn, MessagePart::First) => "W",
            (Level::Warn, MessagePart::Continuation) => "w",
            (Level::Info, _) => "-",
        };
        if actual != expected {
            wrong.push(format!("{actual} instead of {expected}: {text:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_lines_of_a_rustc_message_belong_to_its_first_line() {
    check(
        r#"
        -|   Compiling demo v0.1.0 (/srv/demo)
        W|warning: unused variable: `count`
        w| --> src/main.rs:2:9
        w|  |
        w|2 |     let count = 1;
        w|  |         ^^^^^ help: if this is intentional, prefix it with an underscore: `_count`
        w|  |
        w|  = note: `#[warn(unused_variables)]` (part of `#[warn(unused)]`) on by default
        -|
        E|error[E0308]: mismatched types
        e|   --> src/main.rs:12:18
        e|    |
        e|12  |     let x: i32 = "a";
        e|    |            ---   ^^^ expected `i32`, found `&str`
        e|    |            |
        e|    |            expected due to this
        e|...
        e|40  |     println!("ERROR: {x}");
        e|    = note: expected reference `&str`
        e|                 found struct `String`
        e|note: the lint level is defined here
        e|   --> src/lib.rs:1:9
        e|help: try using a conversion method
        e|    |
        e|12  |     let x: i32 = "a".to_string();
        e|12  -     let y = 1;
        e|12  +     let y = 2;
        -|
        E|error: could not compile `demo` (bin "demo") due to 1 previous error
        -|   Compiling other v0.1.0
        -|done
        "#,
    );
}

#[test]
fn the_cause_of_an_error_of_cargo_belongs_to_it() {
    check(
        r"
        E|error: failed to run custom build command for `demo v0.1.0`
        -|
        e|Caused by:
        e|  process didn't exit successfully: `/srv/target/build-script-build` (exit status: 101)
        e|  --- stderr
        -|
        -|   Compiling next v0.1.0
        ",
    );
}

#[test]
fn the_text_and_the_backtrace_of_a_rust_panic_belong_to_it() {
    check(
        r"
        -|---- tests::works stdout ----
        E|thread 'tests::works' (4711) panicked at src/lib.rs:10:9:
        e|assertion `left == right` failed
        e|  left: 1
        e| right: 2
        e|stack backtrace:
        e|   0: __rustc::rust_begin_unwind
        e|             at /rustc/1234/library/std/src/panicking.rs:697:5
        e|   1: core::panicking::panic_fmt
        e|note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
        -|
        -|failures:
        -|    tests::works
        -|
        E|thread 'main' panicked at src/main.rs:2:33:
        e|called `Result::unwrap()` on an `Err` value: ParseIntError { kind: InvalidDigit }
        e|note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
        -|ordinary
        E|thread 'main' panicked at src/main.rs:2:33:
        e|assertion failed: a.is_empty()
        e|note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
        -|    an indented line
        -|    stderr:
        E|    thread 'main' panicked at src/main.rs:2:33:
        e|    boom
        e|    note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
        -|  canceled
        E|thread 'a' panicked at src/main.rs:2:33:
        E|thread 'b' panicked at src/main.rs:2:33:
        e|boom
        ",
    );
}

#[test]
fn the_source_and_the_notes_of_gcc_and_clang_belong_to_the_message() {
    check(
        r"
        -|main.c: In function 'main':
        E|main.c:3:5: error: 'x' undeclared (first use in this function)
        e|    3 |     x = 1;
        e|      |     ^
        e|main.c:3:5: note: each undeclared identifier is reported only once
        W|main.c:7:9: warning: unused variable 'y' [-Wunused-variable]
        w|    7 |     int y;
        w|      |         ^
        E|main.c:9:2: error: use of undeclared identifier 'z'
        e|  z = 1;
        e|  ^~~~~
        -|1 error generated.
        E|make: *** [Makefile:3: main.o] Error 1
        -|  an indented line
        ",
    );
}

#[test]
fn the_explanations_and_the_source_of_tsc_belong_to_the_error() {
    check(
        r"
        E|src/index.ts(3,5): error TS2345: Argument of type 'A' is not assignable to parameter of type 'B'.
        e|  Types of property 'x' are incompatible.
        e|    Type 'string' is not assignable to type 'number'.
        E|src/index.ts(9,1): error TS2304: Cannot find name 'y'.
        E|src/index.ts:3:5 - error TS2304: Cannot find name 'x'.
        -|
        e|3     x = 1;
        e|      ~
        -|
        -|Found 3 errors in the same file
        ",
    );
}

#[test]
fn each_problem_of_eslint_is_a_message_of_one_line() {
    check(
        r"
        -|/srv/app/index.js
        E|  3:5  error    'x' is not defined            no-undef
        W|  4:1  warning  Unexpected console statement  no-console
        -|
        ",
    );
}

#[test]
fn the_frames_and_the_exception_belong_to_a_python_traceback() {
    check(
        r#"
        E|Traceback (most recent call last):
        e|  File "/srv/app.py", line 3, in f
        e|    return int(text)
        e|           ~~~^^^^^^
        e|ValueError: invalid literal for int() with base 10: 'x'
        -|
        e|During handling of the above exception, another exception occurred:
        -|
        e|Traceback (most recent call last):
        e|  File "/srv/app.py", line 9, in <module>
        e|    main()
        e|  [Previous line repeated 996 more times]
        e|subprocess.CalledProcessError: Command 'false' returned non-zero exit status 1.
        -|done: 3
        E|Traceback (most recent call last):
        e|  File "/srv/app.py", line 9, in <module>
        e|KeyboardInterrupt
        -|    indented
        W|/srv/app.py:3: DeprecationWarning: old() is deprecated
        w|  warnings.warn("old() is deprecated", DeprecationWarning)
        -|  an indented line
        E|2026-01-31 12:00:00,123 ERROR app: the request failed
        e|Traceback (most recent call last):
        e|  File "/srv/app.py", line 9, in <module>
        e|RuntimeError: closed
        E|2026-01-31 12:00:00,123 ERROR app: the request failed
        E|2026-01-31 12:00:00,123 ERROR app: the request failed
        -|  an indented line
        E|  + Exception Group Traceback (most recent call last):
        e|  |   File "/srv/app.py", line 9, in <module>
        e|  | ExceptionGroup: two (2 sub-exceptions)
        e|  +-+---------------- 1 ----------------
        e|    | ValueError: a
        e|    +------------------------------------
        -|done
        "#,
    );
}

#[test]
fn the_frames_and_the_causes_of_java_belong_to_the_exception() {
    check(
        "
        E|Exception in thread \"main\" java.lang.IllegalStateException: closed
        e|\tat com.example.App.main(App.java:5)
        e|\tat java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103) ~[na:na]
        e|\tSuppressed: java.io.IOException: ERROR in the file
        e|\t\tat com.example.App.close(App.java:9)
        e|Caused by: java.io.IOException: No such file or directory
        e|\tat com.example.App.read(App.java:3)
        e|\t... 12 more
        -|done
        E|2026-01-31 12:00:00 ERROR [main] App - failed
        e|java.lang.NullPointerException
        e|\tat com.example.App.main(App.java:5)
        -|\tan indented line
        "
    );
}

#[test]
fn the_goroutines_belong_to_a_go_panic() {
    check(
        "
        E|panic: runtime error: index out of range [5] with length 3 [recovered]
        e|\tpanic: again
        e|[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4821]
        -|
        e|goroutine 1 [running]:
        e|panic({0x4a0f20?, 0xc000012345?})
        e|\t/usr/local/go/src/runtime/panic.go:787 +0x132
        e|main.(*Server).run(0xc000010018, {0x0, 0x0})
        e|\t/srv/main.go:5 +0x1d
        e|created by main.main in goroutine 1
        e|\t/srv/main.go:3 +0x25
        -|
        e|goroutine 7 [chan receive]:
        e|main.wait(...)
        e|exit status 2
        -|done.
        E|--- FAIL: TestQueue (0.00s)
        e|    queue_test.go:10: the queue has 1 item
        e|        it should have 2
        -|FAIL
        E|--- FAIL: TestOther (0.00s)
        -|    printed by the test
        ",
    );
}

#[test]
fn the_frames_and_the_properties_of_node_belong_to_the_error() {
    check(
        r"
        -|/srv/app/index.js:3
        -|  throw new Error('closed');
        -|  ^
        -|
        E|Error: Cannot find module './x'
        e|Require stack:
        e|- /srv/app/index.js
        e|    at Function._resolveFilename (node:internal/modules/cjs/loader:1225:15)
        e|    at async Promise.all (index 0)
        e|    ... 4 lines matching original stack trace ...
        e|    at node:internal/main/run_main_module:36:49 {
        e|  code: 'MODULE_NOT_FOUND',
        e|  requireStack: [ '/srv/app/index.js' ]
        e|}
        -|}
        -|
        -|Node.js v22.0.0
        E|TypeError: x is not a function
        -|- an item
        -|  an indented line
        E|npm error code ENOENT
        e|npm error syscall open
        ",
    );
}

#[test]
fn the_frames_of_ruby_and_net_belong_to_the_error() {
    check(
        "
        E|app.rb:3:in 'Object#f': undefined method 'x' for nil (NoMethodError)
        e|\tfrom app.rb:7:in '<main>'
        E|Unhandled exception. System.InvalidOperationException: closed
        e| ---> System.IO.IOException: no
        e|   at Demo.Reader.Read(String path) in /srv/Reader.cs:line 3
        e|   --- End of inner exception stack trace ---
        e|   at Demo.Program.Main()
        -|done
        ",
    );
}

#[test]
fn the_source_and_the_values_of_pytest_belong_to_the_assertion() {
    check(
        "
        -|    def test_add():
        E|>       assert add(1, 1) == 3
        e|E       assert 2 == 3
        e|E        +  where 2 = add(1, 1)
        -|
        e|tests/test_a.py:5: AssertionError
        -|=========================== short test summary info ============================
        -|    def test_call():
        -|>       call(1)
        E|E       TypeError: call() takes 0 positional arguments but 1 was given
        -|
        ",
    );
}

#[test]
fn ordinary_lines_after_a_message_remain_ordinary() {
    check(
        r#"
        W|warning: the cache is cold
        -|  fetched: 3
        -|  {
        -|    "level": 3
        -|  }
        E|error: the cache is broken
        -|  a.txt
        -|- item
        -|key: value
        -|
        -|Caching...
        -|    Traceback of the request
        E|ValueError: bad
        -|
        -|KeyError
        "#,
    );
}

#[test]
fn a_message_ends_after_its_maximum_number_of_lines() {
    let mut state = MessageState::default();
    state.read("Traceback (most recent call last):", StreamName::Stdout);
    for line in 1..=MAX_LINES + 1 {
        let expected = if line <= MAX_LINES { MessagePart::Continuation } else { MessagePart::First };
        assert_eq!(state.read("    f()", StreamName::Stdout).part, expected, "line {line}");
    }
    assert_eq!(state.lines(), None);
}

/// The lines of the random logs in the following tests.
const LINES: [&str; 48] = [
    "",
    "ordinary",
    "  indented",
    "\tindented",
    "key: value",
    "- item",
    "}",
    "...",
    "3 | code",
    "3   code",
    "  | bar",
    " --> a.rs:1:2",
    "    ^^^^",
    "  = note: more",
    "note: more",
    "a.c:1:2: note: more",
    "error: bad",
    "warning: hm",
    "  warning: hm",
    "a.c:1:2: error: bad",
    "    a.c:1:2: error: bad",
    "thread 'main' panicked at a.rs:1:2:",
    "    thread 'main' panicked at a.rs:1:2:",
    "assertion failed: x",
    "stack backtrace:",
    "Traceback (most recent call last):",
    "  File \"a.py\", line 3, in f",
    "ValueError: bad",
    "KeyboardInterrupt",
    "During handling of the above exception, another exception occurred:",
    "Caused by: java.io.IOException: no",
    "Caused by:",
    "\tat a.B.c(B.java:3)",
    "    at f (a.js:1:2) {",
    "Require stack:",
    "panic: bad",
    "\tpanic: bad",
    "goroutine 1 [running]:",
    "main.main()",
    "--- FAIL: TestA (0.00s)",
    "    a_test.go:3: bad",
    ">       assert x",
    "E       assert 3 == 4",
    "E   more",
    "a.py:3: AssertionError",
    "a.ts(3,5): error TS2304: bad",
    "npm error code E",
    "12:00:00 ERROR app: bad",
];

#[test]
fn reading_can_begin_at_the_maximum_number_of_lines_before_a_line() {
    let mut random = Rng::with_seed(7);
    let indented: Vec<&str> = LINES.into_iter().filter(|line| line.starts_with([' ', '\t'])).collect();
    for _ in 0..60 {
        // Each log uses only a few different lines, many of them indented, so that messages become long.
        let from: &[&str] = if random.bool() { &LINES } else { &indented };
        let words: Vec<&str> = (0..3).map(|_| from[random.usize(..from.len())]).collect();
        let first = LINES[random.usize(..LINES.len())];
        let mut line = || if random.usize(..300) == 0 { first } else { words[random.usize(..words.len())] };
        let lines: Vec<&str> = (0..1200).map(|_| line()).collect();
        let mut state = MessageState::default();
        let whole: Vec<LineLevel> = lines.iter().map(|line| state.read(line, StreamName::Stdout)).collect();
        let at = random.usize(600..1200);
        let mut late = MessageState::default();
        for line in &lines[at - usize::from(MAX_LINES)..at] {
            late.read(line, StreamName::Stdout);
        }
        assert_eq!(late.read(lines[at], StreamName::Stdout), whole[at], "line {at} of {words:?}");
    }
}

#[test]
fn a_known_state_does_not_depend_on_earlier_lines() {
    let mut random = Rng::with_seed(7);
    let mut known = 0;
    for _ in 0..20_000 {
        let mut state = MessageState::default();
        for _ in 0..random.usize(..6) {
            state.read(LINES[random.usize(..LINES.len())], StreamName::Stdout);
        }
        let [previous, line] = std::array::from_fn(|_| LINES[random.usize(..LINES.len())]);
        if is_state_known(line) {
            known += 1;
            let [after, expected] = [MessageState::default(), state].map(|mut state| {
                state.read(previous, StreamName::Stdout);
                state.read(line, StreamName::Stdout);
                state
            });
            assert_eq!(after, expected, "{previous:?}, {line:?}");
        }
    }
    assert!(known > 5_000, "the state is often known: {known}");
}
