//! Checks of the values in a payload.

use std::collections::BTreeMap;

use super::{InvalidPayload, invalid};

/// The maximum length of a title or a step's name, in characters. It is small because titles and names are shown on a
/// single line.
pub(super) const MAX_NAME: usize = 200;
/// The maximum length of a command, in bytes. This is the longest argument that Linux passes to a program.
const MAX_RUN: usize = (128 << 10) - 1;
/// The longest timeout, in seconds: 30 days.
const MAX_TIMEOUT: u32 = 30 * 24 * 3600;

/// The variables that the worker sets for each attempt. A submission must not define them.
const RESERVED: [&str; 4] = ["TAILWATER_JOB_ID", "TAILWATER_ATTEMPT", "TAILWATER_WORKSPACE", "TAILWATER_MASK"];

pub(super) fn check_name(field: &str, name: &str) -> Result<(), InvalidPayload> {
    let length = name.chars().count();
    if length > MAX_NAME {
        return Err(invalid(field, format!("must have at most {MAX_NAME} characters, not {length}")));
    }
    if name.chars().any(char::is_control) {
        return Err(invalid(field, "must be one line without control characters"));
    }
    Ok(())
}

pub(super) fn check_run(field: &str, run: &str) -> Result<(), InvalidPayload> {
    if run.trim().is_empty() {
        return Err(invalid(field, "must not be empty"));
    }
    if run.len() > MAX_RUN {
        return Err(invalid(
            field,
            format!("must have at most {MAX_RUN} bytes, not {}; put longer scripts in a file", run.len()),
        ));
    }
    if run.contains('\0') {
        return Err(invalid(field, "must not contain NUL characters"));
    }
    Ok(())
}

pub(super) fn check_directory(field: &str, directory: &str) -> Result<(), InvalidPayload> {
    use std::path::Component;
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let path = std::path::Path::new(directory);
    if directory.contains('\0') || !(path.is_absolute() || path.components().all(inside)) {
        return Err(invalid(field, "must be an absolute path, or a path inside the workspace without '..'"));
    }
    Ok(())
}

pub(super) fn check_env(field: &str, env: &BTreeMap<String, String>) -> Result<(), InvalidPayload> {
    for (name, value) in env {
        let at = || format!("{field}.{name}");
        check_variable(&at(), name)?;
        if name.len() + value.len() >= MAX_RUN {
            return Err(invalid(at(), format!("must have at most {MAX_RUN} bytes including its name")));
        }
        if value.contains('\0') {
            return Err(invalid(at(), "must not contain NUL characters"));
        }
    }
    Ok(())
}

/// Checks the name of an environment variable that a submission defines.
pub(super) fn check_variable(field: &str, name: &str) -> Result<(), InvalidPayload> {
    if !is_variable_name(name) {
        return Err(invalid(
            field,
            "is not a valid variable name: use letters, digits and '_', and do not start with a digit",
        ));
    }
    if RESERVED.contains(&name) {
        return Err(invalid(field, "is reserved, because the worker sets it for each attempt"));
    }
    Ok(())
}

/// Returns whether `name` can be the name of an environment variable.
pub(super) fn is_variable_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

pub(super) fn check_timeout(field: &str, seconds: Option<u32>) -> Result<(), InvalidPayload> {
    match seconds {
        Some(seconds) if !(1..=MAX_TIMEOUT).contains(&seconds) => {
            Err(invalid(field, format!("must be 1 to {MAX_TIMEOUT} seconds, not {seconds}")))
        }
        _ => Ok(()),
    }
}
