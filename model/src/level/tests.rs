use super::*;

fn check(expected: Option<Level>, lines: &[&str]) {
    for line in lines {
        assert_eq!(recognise(line), expected, "{line:?}");
    }
}

#[test]
fn errors_are_recognised() {
    check(
        Some(Level::Error),
        &[
            "error: could not compile `tailwater` (lib) due to 1 previous error",
            "error[E0308]: mismatched types",
            "Error: Cannot find module 'express'",
            "thread 'main' panicked at src/main.rs:4:5:",
            "thread 'x' (123) panicked at src/main.rs:4:5:",
            "Traceback (most recent call last):",
            "ValueError: invalid literal for int() with base 10: 'x'",
            "java.lang.IllegalStateException: closed",
            "Exception in thread \"main\" java.lang.NullPointerException",
            "npm ERR! code ELIFECYCLE",
            "npm error code ENOENT",
            "error Command failed with exit code 1.",
            "fatal: not a git repository",
            "src/a.c:3:5: error: expected ';' before 'return'",
            "src/index.ts(3,5): error TS2304: Cannot find name 'x'.",
            "main.c:1:10: fatal error: missing.h: No such file or directory",
            "make: *** [Makefile:3: all] Error 2",
            "make[1]: *** [Makefile:3: all] Error 2",
            "test queue::tests::it_works ... FAILED",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored",
            "FAILED tests/test_a.py::test_b - assert 1 == 2",
            "tests/test_a.py::test_b FAILED                 [ 50%]",
            "--- FAIL: TestQueue (0.00s)",
            "not ok 3 - closes",
            "2026-01-31 12:00:00,123 ERROR foo.bar: it broke",
            "2026-01-31T12:00:00Z ERROR request{id=3}: it broke",
            "[12:00:00] [main/ERROR]: it broke",
            "[ERROR] Failed to execute goal",
            "[error] it broke",
            "app_1  | ERROR it broke",
            "E0131 12:00:00.000000       1 main.go:12] it broke",
            "F0131 12:00:00.000000       1 main.go:12] it broke",
            "time=\"2026-01-31\" level=error msg=\"it broke\"",
            "{\"time\":1,\"level\":\"error\",\"msg\":\"it broke\"}",
            "::error file=a.rs,line=3::it broke",
            "##[error]Process completed with exit code 1.",
            "sh: 1: cargoo: not found",
            "bash: line 1: cargoo: command not found",
            "CRITICAL: disk full",
            "Segmentation fault (core dumped)",
            "E: Unable to locate package foo",
            "/usr/bin/ld: main.o: undefined reference to `foo'",
            "src/index.ts:3:5 - error TS2304: Cannot find name 'x'.",
            "  3:5  error  'x' is not defined  no-undef",
            "java.lang.NullPointerException",
            "Unhandled exception. System.InvalidOperationException: closed",
            "app.rb:3:in 'Object#f': undefined method 'x' for nil (NoMethodError)",
            ">       assert add(1, 1) == 3",
            "E       assert 2 == 3",
            "E   ModuleNotFoundError: No module named 'x'",
            "  + Exception Group Traceback (most recent call last):",
        ],
    );
}

#[test]
fn warnings_are_recognised() {
    check(
        Some(Level::Warn),
        &[
            "warning: unused variable: `lag`",
            "warning[E0000]: x",
            "Warning: something is off",
            "npm WARN deprecated request@2.88.2",
            "npm warn deprecated request@2.88.2",
            "warning package.json: No license field",
            "src/a.c:3:5: warning: unused variable 'x' [-Wunused-variable]",
            "script.py:3: DeprecationWarning: x is deprecated",
            "DeprecationWarning: x is deprecated",
            "2026-01-31T12:00:00Z  WARN tailwater: slow",
            "W0131 12:00:00.000000       1 main.go:12] slow",
            "level=warning msg=slow",
            "W: Some index files failed to download",
            "  4:1  warning  Unexpected console statement  no-console",
        ],
    );
}

#[test]
fn progress_on_standard_error_is_information() {
    check(
        Some(Level::Info),
        &[
            "   Compiling tokio v1.54.1",
            "Compiling without alignment",
            "    Finished `dev` profile [unoptimized] target(s) in 0.25s",
            "    Updating registry index",
            " Downloading crates ...",
            "  Downloaded serde v1.0.0",
            "    Building [=====>      ] 12/40: tokio",
            "     Running unittests src/lib.rs",
            "info: downloading component 'cargo'",
            "npm notice New major version of npm available!",
            "added 120 packages in 3s",
            "Collecting requests",
            "Successfully installed requests-2.0",
            "Cloning into 'repo'...",
            "remote: Counting objects: 100% (3/3), done.",
            "Receiving objects:  42% (420/1000)",
            "From https://example.com/repo",
            "   1a2b3c4..5d6e7f8  main       -> origin/main",
            " * [new branch]      dev        -> origin/dev",
            "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current",
            "100  1270  100  1270    0     0   9477      0 --:--:-- --:--:-- --:--:--  9477",
            "#12 [3/5] RUN make",
            "+ make test",
            "++ date",
            "────────────",
            "-----------------------",
            "=====",
            "2026-01-31T12:00:00Z  INFO tailwater: error=none, all well",
            "DEBUG: x",
            "I0131 12:00:00.000000       1 main.go:12] ERROR is only a word here",
            "",
            "    ",
        ],
    );
}

#[test]
fn a_word_in_a_sentence_is_not_a_level() {
    check(
        None,
        &[
            "0 errors, 0 warnings",
            "no error so far",
            "error handling works",
            "thiserror v2.0.0",
            "ok 3 - handles the ERROR case",
            "an errors.rs file",
            "the warning light is off",
            "plain text",
            "make[1]: Entering directory '/x'",
            "12 34 56",
            "日本語のテキスト",
            "E    1.5    2.5",
            ">       quoted text",
            "see errors/NotFoundError",
            "12:30  error handling improved",
        ],
    );
}

#[test]
fn unrecognised_lines_have_the_level_of_their_stream() {
    let level = |text, stream| MessageState::default().read(text, stream).level;
    assert_eq!(level("plain text", StreamName::Stdout), Level::Info);
    assert_eq!(level("plain text", StreamName::Stderr), Level::Warn);
    assert_eq!(level("   Compiling tokio v1.54.1", StreamName::Stderr), Level::Info);
}

#[test]
fn a_long_line_is_cut_between_multibyte_characters() {
    let line = format!("x{}", "日".repeat(1000));
    assert_eq!(recognise(&line), None);
}

mod messages;
