//! Builds the shell script of a job from the arguments of the command line.
//!
//! For a POSIX shell, the arguments are quoted, so that the command receives them unchanged. Other programs that
//! support `-c`, such as python3, have their own grammar, in which quoting would change the meaning. For these programs
//! there must be exactly one argument, which is the script itself.

use std::ffi::OsString;
use std::path::Path;

use crate::cli::error::CliError;

/// Words that have a special meaning at the beginning of a command in a POSIX shell, bash or zsh. When quoted, they are
/// ordinary names.
const RESERVED: [&str; 22] = [
    "if",
    "then",
    "else",
    "elif",
    "fi",
    "do",
    "done",
    "case",
    "esac",
    "while",
    "until",
    "for",
    "in",
    "function",
    "select",
    "time",
    "coproc",
    "repeat",
    "foreach",
    "end",
    "nocorrect",
    "noglob",
];

/// The names of shells with POSIX quoting. A version may follow the name, as in `bash-5.2` and `ksh93`.
const POSIX_SHELLS: [&str; 12] =
    ["sh", "ash", "bash", "dash", "hush", "ksh", "lksh", "mksh", "posh", "rbash", "yash", "zsh"];

/// Returns the script for `shell` to run.
pub(super) fn script(shell: &str, words: &[OsString]) -> Result<String, CliError> {
    let words = words.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    if is_posix_shell(shell) {
        return command_line(&words);
    }
    match words[..] {
        [script] => Ok(script.to_owned()),
        _ => Err(CliError::Usage(format!(
            "--shell {shell} needs its script as one argument, not {}: quote it, as in `--shell {shell} -- 'SCRIPT'`",
            words.len()
        ))),
    }
}

fn text(word: &OsString) -> Result<&str, CliError> {
    word.to_str().ok_or_else(|| {
        let shown = word.display();
        CliError::Usage(format!("the argument {shown} is not UTF-8, but the server accepts commands as UTF-8 only"))
    })
}

fn is_posix_shell(shell: &str) -> bool {
    let name = Path::new(shell).file_name().and_then(|name| name.to_str()).unwrap_or(shell);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    POSIX_SHELLS.contains(&name)
}

/// Returns a command line that a shell splits into exactly the given words.
fn command_line(words: &[&str]) -> Result<String, CliError> {
    let nul = |_| CliError::Usage("an argument contains a NUL character, which cannot be passed to a command".into());
    let line = shlex::try_join(words.iter().copied()).map_err(nul)?;
    let first = words.first().copied().unwrap_or_default();
    match line.strip_prefix(first) {
        Some(rest) if RESERVED.contains(&first) => Ok(format!("'{first}'{rest}")),
        _ => Ok(line),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn every_argument_arrives_unchanged() {
        let arguments =
            ["", " ", "a b", "$(id)", "`id`", "'", "\"", "\\", "a\nb", "*", "~", "é 漢", "!x", "^", "-n", ";", "#"];
        let words = [&["printf", "<%s>"][..], &arguments].concat();
        let line = command_line(&words).expect("there is no NUL");
        for shell in ["sh", "bash"] {
            let output = Command::new(shell).args(["-c", &line]).output().expect("the shell is installed");
            let expected: String = arguments.map(|argument| format!("<{argument}>")).concat();
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{shell}");
        }
    }

    #[test]
    fn reserved_words_are_run_as_commands() {
        for word in RESERVED.into_iter().chain(["{", "}", "!", "[[", "A=1"]) {
            let line = command_line(&[word]).expect("there is no NUL");
            for shell in ["/bin/sh", "/bin/bash"] {
                // `PATH` contains no programs. Otherwise, the shell could find and run a program whose name is a
                // reserved word.
                let mut shell_of_line = Command::new(shell);
                shell_of_line.args(["-c", &line]).env("PATH", "/nowhere");
                let status = shell_of_line.output().expect("the shell is installed").status;
                assert_eq!(status.code(), Some(127), "{shell}: {line}");
            }
        }
        assert_eq!(command_line(&["make", "test"]).expect("there is no NUL"), "make test");
    }

    #[test]
    fn programs_other_than_posix_shells_receive_the_script_unchanged() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        for shell in ["python3", "/usr/bin/python3.13", "fish", "perl", "nush"] {
            assert_eq!(script(shell, &words(&["print('1')"])).expect("it is one argument"), "print('1')");
            let refused = script(shell, &words(&["print(1)", "x"])).expect_err("it is two arguments").to_string();
            assert!(refused.contains(shell) && refused.contains("one argument"), "{refused}");
        }
        for shell in ["sh", "/bin/bash", "bash-5.2", "ksh93", "zsh-5.9"] {
            assert_eq!(script(shell, &words(&["a b"])).expect("it can be quoted"), "'a b'", "{shell}");
        }
    }
}
