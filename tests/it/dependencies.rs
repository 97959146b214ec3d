//! Checks which packages the program links, which modules refer to each other, and which classes the style sheet
//! contains.

#[test]
fn the_package_links_only_one_copy_of_sqlite() {
    // Two copies of SQLite in one process would break each other's file locks.
    let lock = std::fs::read_to_string("Cargo.lock").expect("tests run in the package's folder");
    assert_eq!(lock.matches("name = \"libsqlite3-sys\"").count(), 1);
}

/// Asserts that no source file of a module refers to any of the forbidden modules of its crate.
#[track_caller]
fn check(module: &str, forbidden: &[&str]) {
    let mut files = vec![std::path::PathBuf::from(format!("{module}.rs"))];
    let mut folders = vec![std::path::PathBuf::from(module)];
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
            for other in forbidden {
                assert!(!line.contains(&format!("crate::{other}::")), "{}: {line}", file.display());
            }
        }
    }
    assert!(found > 0, "{module} has no source files");
}

#[test]
fn modules_have_no_circular_dependencies() {
    let both_halves = ["app", "host", "live_output", "pages", "rest", "rpc", "ui", "words"];
    let server = ["auth", "cli", "logging", "server"];
    check("src/ui", &[&server[..], &["app", "live_output", "pages", "rest", "rpc"]].concat());
    check("src/live_output", &[&server[..], &["app", "pages", "rpc"]].concat());
    check("src/page_data", &[&server[..], &both_halves[..]].concat());
    check("src/oidc", &["app", "cli", "host", "pages", "rpc", "server", "ui"]);
    check("src/server", &["rpc", "pages", "live_output", "cli"]);

    // The modules are ordered from the outermost to the innermost. Each may refer only to the modules after it.
    let engine = ["worker", "output", "queue", "artifacts", "event_log", "inputs", "json", "spool", "db", "files"];
    for (at, module) in engine.iter().enumerate() {
        check(&format!("engine/src/{module}"), &engine[..at]);
    }
    check("model/src/ansi", &["level"]);
}

/// Returns the path of every Rust file below a directory.
fn rust_files(folder: &str) -> Vec<std::path::PathBuf> {
    let (mut folders, mut files) = (vec![std::path::PathBuf::from(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder exists").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|its| its == "rs") {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn only_stores_and_the_database_module_refer_to_the_database() {
    let (mut stores, mut others) = (0, Vec::new());
    for file in ["src", "engine/src", "model/src", "redact/src", "supervise/src"].into_iter().flat_map(rust_files) {
        let text = std::fs::read_to_string(&file).expect("the file is text");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let found = code.filter(|line| line.contains("sqlx") || line.contains("Sqlite") || line.contains(".sqlite()"));
        if file.ends_with("store.rs") {
            stores += usize::from(found.count() > 0);
        } else if !file.starts_with("engine/src/db") && file != std::path::Path::new("engine/src/db.rs") {
            others.extend(found.map(|line| format!("{}: {line}", file.display())));
        }
    }
    assert!(stores > 10, "only {stores} stores were found");
    assert!(others.is_empty(), "{others:#?}");
}

/// Returns the name of the type that a line declares at the top level of its file.
fn declared_type(line: &str) -> Option<&str> {
    let visibility = line.strip_prefix("pub").map(|rest| rest.split_once(' ').map_or("", |(_, rest)| rest));
    let (keyword, rest) = visibility.unwrap_or(line).split_once(' ')?;
    let declares = ["struct", "enum", "trait", "type"].contains(&keyword);
    declares.then(|| words(rest).next()).flatten()
}

#[test]
fn the_name_of_a_type_is_unique_in_its_crate() {
    for folder in ["src", "engine/src", "model/src", "supervise/src"] {
        let (mut names, mut twice) = (std::collections::HashMap::new(), Vec::new());
        for file in rust_files(folder) {
            // `Oidc` is also defined for builds without the feature `oidc`.
            if file.ends_with("tests.rs") || file.components().any(|part| part.as_os_str() == "tests") {
                continue;
            }
            let text = std::fs::read_to_string(&file).expect("the file is text");
            for name in text.lines().filter_map(declared_type).filter(|name| *name != "Oidc") {
                if let Some(other) = names.insert(name.to_owned(), file.clone()) {
                    twice.push(format!("{name}: {} and {}", other.display(), file.display()));
                }
            }
        }
        assert!(names.len() > 5, "{folder}: {names:?}");
        assert!(twice.is_empty(), "{twice:#?}");
    }
}

/// Returns the concatenated contents of all files below a directory that have the given extension.
fn contents(folder: &str, extension: &str) -> String {
    let mut folders = vec![std::path::PathBuf::from(folder)];
    let mut contents = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder exists").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|its| its == extension) {
                contents.push_str(&std::fs::read_to_string(path).expect("the file is text"));
            }
        }
    }
    contents
}

/// Splits text into words that may be class names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && !"-_".contains(character))
}

#[test]
fn every_class_of_the_style_sheet_is_used_by_the_pages() {
    // The classes of ANSI styles are defined in the crate `model`.
    let (pages, style) = (contents("src", "rs") + &contents("model/src", "rs"), contents("style", "scss"));
    let used: std::collections::HashSet<&str> = words(&pages).collect();
    let selectors = style.lines().filter(|line| line.trim_end().ends_with(['{', ',']));
    let classes: std::collections::BTreeSet<&str> = selectors
        .flat_map(|line| line.split('.').skip(1))
        .filter_map(|after| words(after).next())
        .filter(|class| class.starts_with(|first: char| first.is_ascii_alphabetic()))
        .collect();
    assert!(classes.contains("live-row"), "{classes:?}");
    let unused: Vec<_> = classes.iter().filter(|class| !used.contains(*class)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}
