//! Draws recorded sessions of real tools. `tests/recordings/README.md` describes how they were recorded.

use super::random::{on_screen, shown};
use super::*;
use crate::ansi::oracle::{Cells, emulate};
use std::path::Path;

/// Returns the names and the contents of the recordings.
fn recordings() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut recordings = Vec::new();
    for file in std::fs::read_dir(folder).expect("the folder is there") {
        let path = file.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
            recordings.push((name, std::fs::read_to_string(&path).expect("it is text")));
        }
    }
    assert!(recordings.len() >= 12, "recordings are missing: {recordings:?}");
    recordings
}

fn recording(name: &str) -> String {
    recordings().into_iter().find(|recording| recording.0 == name).expect("it is there").1
}

/// Checks the last visible lines of a recording, without trailing spaces.
#[track_caller]
fn check_end(name: &str, expected: &[(i64, &str)]) {
    let shown = drawn(DEFAULT_HEIGHT, &recording(name)).plain();
    let shown: Vec<(i64, &str)> = shown.iter().map(|(number, text)| (*number, text.trim_end())).collect();
    assert_eq!(shown[shown.len().saturating_sub(expected.len())..], *expected, "{name}: {shown:#?}");
}

#[test]
fn recorded_sessions_match_a_terminal_emulator_row_by_row() {
    for (name, text) in recordings() {
        for height in [40, 24, 6] {
            let mut drawing = drawn(height, &text);
            let expected = emulate(&text.replace("\r\n", "\n").replace('\n', "\r\n"), height);
            let screen = &expected[expected.len() - usize::from(height)..];
            assert_eq!(on_screen(&mut drawing.screen, height), screen, "{name} in {height} rows");
            let expected: Vec<Cells> = expected.into_iter().filter(|row| !row.is_empty()).collect();
            assert_eq!(shown(&drawing), expected, "{name} in {height} rows");
        }
    }
}
#[test]
fn redrawn_rows_keep_their_first_numbers_and_later_lines_have_their_own() {
    check_end(
        "docker-like.log",
        &[
            (6, "c0d4a1f7e2b9: Pull complete"),
            (7, "77c6a0e95d41: Pull complete"),
            (8, "Digest: sha256:0c2b2d2a1d8e"),
            (9, "Status: Downloaded newer image for demo:latest"),
        ],
    );
    check_end(
        "compose-like.log",
        &[
            (1, "[+] Running 5/5"),
            (2, " ✔ Container network    Started 1.0s"),
            (7, " ✔ Container database   Started 2.0s"),
            (14, " ✔ Container cache      Started 3.0s"),
            (23, " ✔ Container web        Started 4.0s"),
            (34, " ✔ Container worker     Started 5.0s"),
            (77, "Attaching to database, web"),
            (78, "web       | GET /0 200"),
            (79, "web       | GET /1 200"),
            (80, "web       | GET /2 200"),
        ],
    );
    check_end("tqdm.log", &[(36, "trained")]);
    check_end("rich.log", &[(57, "finished")]);
}

#[test]
fn lines_above_a_progress_bar_at_the_bottom_of_the_screen_have_their_numbers() {
    let end = [(0, "Setting up sl (5.02-1+b1) ..."), (1, "Setting up hello (2.10-3) ..."), (2, ""), (3, "")];
    check_end("apt.log", &end.map(|(line, text)| (24 + line, text)));
    check_end("apt-full.log", &end.map(|(line, text)| (78 + line, text)));
}

#[test]
fn a_progress_bar_at_the_bottom_of_the_screen_follows_the_last_line_while_it_is_shown() {
    let text = recording("apt.log");
    let until = text.find("Setting up sl").expect("it is there");
    let (_, shown) = drawn(DEFAULT_HEIGHT, &text[..until]).plain().pop().expect("there are lines");
    let rows: Vec<&str> = shown.lines().map(|row| row.split(" [").next().unwrap_or(row)).collect();
    assert_eq!(rows, ["", "Progress:"], "{shown}");
}
