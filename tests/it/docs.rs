//! In the README and in `docs/`, every link has a target, and the documented flags, settings and routes are exactly
//! those that exist. Examples do what they say.

mod examples;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tailwater::server::all_routes;

use crate::harness::process::PROGRAM;

/// Returns every page of the documentation with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir("docs").expect("tests run in the package's folder");
    let docs = docs
        .map(|entry| entry.expect("reading succeeds").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    let paths = docs.chain(["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md"].map(PathBuf::from));
    paths.map(|path| (path.clone(), fs::read_to_string(path).expect("reading succeeds"))).collect()
}

/// Returns the targets of a page's links and images.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// Returns the anchors that GitHub generates for a page's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let kept = |letter: char| letter.is_alphanumeric() || "-_ ".contains(letter);
    headings
        .map(|heading| {
            heading.to_lowercase().chars().filter(|letter| kept(*letter)).collect::<String>().replace(' ', "-")
        })
        .collect()
}

/// Returns the help text of a subcommand, or of the whole program.
fn help(verb: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(verb).arg("--help").output().expect("the program starts");
    assert!(output.status.success(), "{verb:?} is not a subcommand: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the content is text")
}

/// Returns the flags that a help text describes.
fn flags(help: &str) -> BTreeSet<&str> {
    let words = help.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    words.filter(|word| word.starts_with("--") && word.len() > 2).collect()
}

#[test]
fn every_link_has_an_existing_file_and_heading_as_target() {
    let mut followed = 0;
    for (page, text) in pages() {
        for target in links(&text).filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.clone() } else { page.parent().unwrap_or(Path::new("")).join(file) };
            assert!(path.exists(), "{} links to {target}, which does not exist", page.display());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&path).expect("a page");
                assert!(
                    anchors(&text).contains(anchor),
                    "{} links to {target}, which has no such heading",
                    page.display()
                );
            }
            followed += 1;
        }
    }
    assert!(followed > 8, "only {followed} links were found");
}

#[test]
fn the_settings_page_lists_exactly_the_settings_of_serve() {
    let help = help(&["serve"]);
    let between = |text: &str, open: &str| {
        text.split_once(open).and_then(|(_, rest)| rest.split_once(']')).map(|(value, _)| value.to_owned())
    };
    let mut table = BTreeMap::new();
    for block in help.split("\n      --").skip(1) {
        let (Some(flag), Some(variable)) = (block.split([' ', '\n']).next(), between(block, "[env: ")) else {
            continue;
        };
        let variable = variable.split('=').next().expect("a name").to_owned();
        let text = block.lines().nth(1).expect("each setting has a sentence").trim();
        let default = match (flag, between(block, "\n          [default: ")) {
            ("concurrency", _) => "number of cores".to_owned(),
            (_, default) => default.map(|value| format!("`{value}`")).unwrap_or_default(),
        };
        table.insert(flag, format!("| `--{flag}` | `{variable}` | {default} | {text}. |"));
    }
    let page = fs::read_to_string("docs/settings.md").expect("the page exists");
    let described: BTreeSet<&str> = page.lines().filter(|line| line.starts_with("| `--")).collect();
    let expected: BTreeSet<&str> = table.values().map(String::as_str).collect();
    assert!(expected.len() > 20, "the help was not parsed: {help}");
    let missing: Vec<_> = expected.difference(&described).collect();
    let wrong: Vec<_> = described.difference(&expected).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "docs/settings.md lacks {missing:#?}\nand has {wrong:#?}");
}

/// Returns the commands of the program in a page. They are in blocks marked `sh` or `console`, or in code spans.
fn example_commands(text: &str) -> Vec<&str> {
    let mut commands = Vec::new();
    for (position, part) in text.split("```").enumerate() {
        let is_block = position % 2 == 1;
        if is_block && (part.starts_with("sh\n") || part.starts_with("console\n")) {
            // Comments are not commands, but their code spans may contain one.
            commands.extend(part.lines().map(|line| line.split(" #").next().unwrap_or_default()));
            commands
                .extend(part.lines().filter_map(|line| line.split_once(" #")).flat_map(|(_, comment)| spans(comment)));
        } else if !is_block {
            commands.extend(spans(part));
        }
    }
    commands.into_iter().flat_map(invocations).collect()
}

/// Returns the code spans of a text.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the arguments of each invocation of the program in a piece of code.
fn invocations(code: &str) -> impl Iterator<Item = &str> {
    let is_word = |before: &str| before.is_empty() || before.ends_with([' ', '/', '(', '\n']);
    code.match_indices("tailwater ").filter(move |(start, _)| is_word(&code[..*start])).map(|(start, name)| {
        let rest = &code[start + name.len()..];
        rest.split(['\n', '|', '<', ')']).next().unwrap_or_default()
    })
}

/// Returns the subcommands that a help text lists, with their aliases.
fn subcommands(help: &str) -> BTreeSet<&str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    lines
        .flat_map(|line| {
            let name = line.split_whitespace().next();
            let aliases = line.split_once("[alias").and_then(|(_, rest)| rest.split_once(": "));
            let aliases = aliases.map_or("", |(_, names)| names.trim_end_matches(']'));
            name.into_iter().chain(aliases.split(", ").filter(|alias| !alias.is_empty()))
        })
        .collect()
}

#[test]
fn every_example_command_uses_existing_subcommands_and_flags() {
    let mut helps: BTreeMap<Vec<&str>, String> = BTreeMap::new();
    let (mut checked, mut invoked) = (0, 0);
    let pages = pages();
    for (page, text) in pages.iter().filter(|(page, _)| !page.ends_with("ARCHITECTURE.md")) {
        for command in example_commands(text) {
            let place = format!("{}: `tailwater {command}`", page.display());
            let (mut verb, mut is_complete) = (Vec::new(), false);
            for word in command.split_whitespace().take_while(|word| *word != "--") {
                let help = helps.entry(verb.clone()).or_insert_with(|| help(&verb));
                if let Some(flag) = word.strip_prefix("--") {
                    let flag = flag.split(['=', ',', '.']).next().expect("split gives one");
                    assert!(flags(help).contains(&*format!("--{flag}")), "{place}: {verb:?} has no --{flag}");
                    checked += 1;
                }
                let known = subcommands(help);
                is_complete |= known.is_empty();
                if !is_complete && !word.starts_with('-') {
                    assert!(known.contains(word), "{place}: {verb:?} has no subcommand {word}");
                    verb.push(word);
                }
            }
            invoked += 1;
        }
    }
    assert!(checked > 10 && invoked > 50, "only {checked} flags and {invoked} commands were found");
}

#[test]
fn the_api_page_names_every_route_and_no_other() {
    let for_programs = |route: &tailwater::server::Route| {
        route.path.starts_with("/api/") || ["/healthz", "/readyz", "/metrics"].contains(&&*route.path)
    };
    let expected: BTreeSet<String> = all_routes()
        .iter()
        .filter(|route| for_programs(route))
        .map(|route| format!("{} {}", route.method, route.path.strip_prefix("/api/queue").unwrap_or(&route.path)))
        .collect();
    let page = fs::read_to_string("docs/api.md").expect("the page exists");
    let described: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(route, _)| route.to_owned())
        .collect();
    assert!(expected.len() > 12, "the router was not parsed: {expected:?}");
    assert_eq!(described, expected);
}

#[test]
fn the_api_page_names_every_error_code_and_no_other() {
    let source = fs::read_to_string("src/server/http/error.rs").expect("the source exists");
    let codes: BTreeSet<&str> = source
        .lines()
        .filter(|line| line.contains("StatusCode::") && line.contains('"'))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    let page = fs::read_to_string("docs/api.md").expect("the page exists");
    let (_, table) = page.split_once("## Errors").expect("the page has a table of errors");
    let named = table.split('`').skip(1).step_by(2).filter(|name| name.contains('_'));
    assert!(codes.len() > 20, "the source was not parsed: {codes:?}");
    assert_eq!(named.collect::<BTreeSet<&str>>(), codes);
}

/// The compiler ignores a file that no module names, so tests in such a file would never run.
#[test]
fn every_file_with_tests_belongs_to_a_module() {
    let mut folders = vec![(PathBuf::from("tests/it"), PathBuf::from("tests/it/main.rs"))];
    let mut checked = 0;
    while let Some((folder, parent)) = folders.pop() {
        let modules = fs::read_to_string(&parent).expect("a directory has a module");
        for entry in fs::read_dir(&folder).expect("the directory exists") {
            let path = entry.expect("reading succeeds").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("names are text").to_owned();
            if path.is_dir() {
                folders.push((path.clone(), path.with_extension("rs")));
            } else if path != parent && path.extension().is_some_and(|extension| extension == "rs") {
                assert!(
                    modules.contains(&format!("mod {name};")),
                    "{} is not named in {}",
                    path.display(),
                    parent.display()
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 50, "only {checked} files were found");
}
