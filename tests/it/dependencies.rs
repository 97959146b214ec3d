//! Restrictions on dependencies: of the package, and between modules.

#[test]
fn there_is_one_sqlite() {
    // Two copies of SQLite in one process would break each other's file locks.
    let lock = std::fs::read_to_string("Cargo.lock").expect("tests run in the package's folder");
    assert_eq!(lock.matches("name = \"libsqlite3-sys\"").count(), 1);
}

/// Asserts that no source file of a module refers to any of the forbidden modules.
#[track_caller]
fn check(room: &str, forbidden: &[&str]) {
    let mut files = vec![std::path::PathBuf::from(format!("src/{room}.rs"))];
    let mut folders = vec![std::path::PathBuf::from(format!("src/{room}"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut found = 0;
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        found += 1;
        // Unit tests may refer to any module.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if file.ends_with("tests.rs") {
            continue;
        }
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for room in forbidden {
                assert!(!line.contains(&format!("crate::{room}")), "{}: {line}", file.display());
            }
        }
    }
    assert!(found > 0, "{room} is not there");
}

#[test]
fn rooms_do_not_depend_on_one_another_in_circles() {
    let both_halves = ["app", "host", "live_output", "pages", "rest", "rpc", "ui", "words"];
    let server = ["artifacts", "auth", "cli", "db", "event_log", "log", "queue", "server", "worker"];
    check("model", &[&both_halves[..], &server[..], &["ansi", "level", "page_data"]].concat());
    check("ansi", &[&both_halves[..], &server[..], &["level", "model"]].concat());
    check("level", &[&both_halves[..], &server[..]].concat());
    check("ui", &[&server[..], &["app", "live_output", "pages", "rest", "rpc"]].concat());
    check("live_output", &[&server[..], &["app", "pages", "rpc"]].concat());
    check("page_data", &[&server[..], &both_halves[..]].concat());
    check("server", &["rpc", "pages", "live_output", "cli"]);
}
