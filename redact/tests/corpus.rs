//! Repeats the inputs that fuzzing has found. `redact/fuzz` contains the fuzz targets.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::panic::{catch_unwind, resume_unwind};
use std::path::Path;

/// Checks every input in the corpus of a fuzz target. If a check fails, prints the path of the input.
fn repeat(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&corpus).expect("every target has a corpus") {
        let path = entry.expect("the directory can be read").path();
        let data = fs::read(&path).expect("the file can be read");
        if let Err(panic) = catch_unwind(|| check(&data)) {
            eprintln!("the input {} fails", path.display());
            resume_unwind(panic);
        }
        count += 1;
    }
    assert!(count > 0, "the corpus of {target} is not empty");
}

#[test]
#[ignore = "takes minutes"]
fn values_are_masked_in_all_inputs_of_the_corpus() {
    repeat("matcher", fuzz::matcher);
}

#[test]
#[ignore = "takes minutes"]
fn styled_values_are_masked_in_all_inputs_of_the_corpus() {
    repeat("terminal", fuzz::terminal);
}

#[test]
#[ignore = "takes minutes"]
fn rules_behave_in_all_inputs_of_the_corpus() {
    repeat("rules", fuzz::rules);
}

#[test]
#[ignore = "takes minutes"]
fn expressions_are_refused_or_usable_in_all_inputs_of_the_corpus() {
    repeat("custom_rules", fuzz::custom_rules);
}
