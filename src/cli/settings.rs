//! Reads the settings file and computes the effective settings.
//!
//! The settings are defined once, as the arguments of `serve` ([`Serve`]). The keys of the file are the names of the
//! arguments, and the values in the file become the defaults of the arguments. The order of precedence is therefore:
//! flags, environment variables, the file, built-in defaults. The same checks apply to values from all of these
//! sources.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use toml::de::{DeTable, DeValue};

use super::serve::Serve;

/// The settings file that is read by default. Like the default data directory, it is in the working directory.
const DEFAULT_FILE: &str = "tailwater.toml";

/// The argument that specifies the settings file. This argument is not a setting.
const FILE: &str = "config";

/// The subcommands that use the settings.
const VERBS: [&str; 2] = ["serve", "config"];

/// The settings that are refused on the command line, where every user of the machine and every job can read them, each
/// with its alternatives.
const NOT_FLAGS: [(&str, &str); 3] = [
    ("admin_token", "the variable TAILWATER_ADMIN_TOKEN"),
    ("secrets_key", "the variable TAILWATER_SECRETS_KEY"),
    ("oidc_client_secret", "--oidc-client-secret-file, the variable TAILWATER_OIDC_CLIENT_SECRET"),
];

/// The reasons why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    /// The file cannot be read.
    #[error("failed to read the settings from {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    /// The file contains an unknown key or an invalid value.
    #[error("{path}:{line}: {problem}")]
    Wrong { path: PathBuf, line: usize, problem: String },
    /// A secret is on the command line.
    #[error(
        "--{} is refused, because jobs and every user of this machine can read it on the command line; use {instead} or \
         the settings file",
        .name.replace('_', "-")
    )]
    Exposed { name: &'static str, instead: &'static str },
}

/// A settings file whose contents have been checked.
#[derive(Debug)]
pub(super) struct SettingsFile {
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
}

/// The values of a key in the file, and the line at which the key is set.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    values: Vec<OsString>,
    line: usize,
}

/// The type of a setting in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Switch,
    List,
}

impl Kind {
    /// Returns the type of an argument of `serve`.
    pub(super) fn of(setting: &Arg) -> Self {
        let parser = setting.get_value_parser();
        if matches!(setting.get_action(), ArgAction::Append) {
            Self::List
        } else if parser.type_id() == ValueParser::bool().type_id() {
            Self::Switch
        } else if [ValueParser::string(), ValueParser::path_buf()].iter().any(|text| text.type_id() == parser.type_id())
            || !setting.get_possible_values().is_empty()
        {
            Self::Text
        } else {
            Self::Number
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Text => "a string in quotes",
            Self::Number => "a whole number",
            Self::Switch => "true or false",
            Self::List => "a list of strings in quotes",
        }
    }

    /// Converts a value from the file to strings, as they would be given on the command line. Returns `None` if the
    /// value has the wrong type.
    fn values(self, value: &DeValue<'_>) -> Option<Vec<OsString>> {
        Some(match (self, value) {
            (Self::Text, DeValue::String(text)) => vec![text.as_ref().into()],
            (Self::Number, DeValue::Integer(number)) => {
                vec![i64::from_str_radix(number.as_str(), number.radix()).ok()?.to_string().into()]
            }
            (Self::Switch, DeValue::Boolean(switch)) => vec![switch.to_string().into()],
            (Self::List, DeValue::Array(items)) => {
                let texts = items.iter().map(|item| item.get_ref().as_str().map(OsString::from));
                texts.collect::<Option<Vec<_>>>()?
            }
            _ => return None,
        })
    }
}

/// Returns all settings, which are the arguments of `serve`.
pub(super) fn table() -> Command {
    Serve::augment_args(Command::new("settings"))
}

/// Adds the arguments that are not defined by derive macros: the path of the settings file and, for `config`, all
/// settings.
pub(super) fn add_arguments(command: Command) -> Command {
    let file = Arg::new(FILE)
        .long(FILE)
        .env("TAILWATER_CONFIG")
        .value_name("FILE")
        .value_parser(ValueParser::path_buf())
        .help(format!("A settings file in TOML [default: {DEFAULT_FILE}, if it exists]"));
    let command = command.mut_subcommand("config", |config| {
        let about = config.get_about().cloned().unwrap_or_default();
        Serve::augment_args(config).about(about)
    });
    VERBS.into_iter().fold(command, |command, verb| command.mut_subcommand(verb, |verb| verb.arg(file.clone())))
}

/// Parses the command line, and reads the settings file. Returns `None` for the file if the subcommand does not use it
/// or if the file does not exist.
pub(super) fn matches(command: Command) -> Result<(ArgMatches, Option<SettingsFile>), SettingsError> {
    let matches = command.clone().try_get_matches().unwrap_or_else(|error| super::refuse(&error));
    let Some((verb, arguments)) = matches.subcommand().filter(|(verb, _)| VERBS.contains(verb)) else {
        return Ok((matches, None));
    };
    let is_exposed = |(name, _): &(&str, &str)| arguments.value_source(name) == Some(ValueSource::CommandLine);
    if let Some((name, instead)) = NOT_FLAGS.into_iter().find(is_exposed) {
        return Err(SettingsError::Exposed { name, instead });
    }
    let Some(file) = SettingsFile::find(arguments.get_one::<PathBuf>(FILE))? else {
        return Ok((matches, None));
    };
    let with_file = command.mut_subcommand(verb, |verb| file.become_defaults(verb));
    Ok((with_file.get_matches(), Some(file)))
}

impl SettingsFile {
    /// Reads the given settings file or, by default, [`DEFAULT_FILE`]. Returns `None` if the default file does not
    /// exist.
    fn find(named: Option<&PathBuf>) -> Result<Option<Self>, SettingsError> {
        let path = named.map_or(Path::new(DEFAULT_FILE), PathBuf::as_path);
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text).map(Some),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SettingsError::Read { path: path.to_owned(), source }),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        let wrong = |at: Range<usize>, problem: String| {
            let line = text.bytes().take(at.start).filter(|byte| *byte == b'\n').count() + 1;
            SettingsError::Wrong { path: path.to_owned(), line, problem }
        };
        let document = DeTable::parse(text)
            .map_err(|error| wrong(error.span().unwrap_or_default(), error.message().replace('\n', ", ")))?;
        let table = table();
        let mut entries = BTreeMap::new();
        for (key, value) in document.get_ref() {
            let name = key.get_ref().as_ref();
            let setting = table.get_arguments().find(|setting| setting.get_id() == name);
            let setting = setting.ok_or_else(|| wrong(key.span(), unknown(name, &table)))?;
            let kind = Kind::of(setting);
            let takes = || wrong(value.span(), format!("{name} must be {}", kind.name()));
            let values = kind.values(value.get_ref()).ok_or_else(takes)?;
            check(setting, &values).map_err(|problem| wrong(value.span(), format!("{name}: {problem}")))?;
            let SettingsError::Wrong { line, .. } = wrong(key.span(), String::new()) else { continue };
            entries.insert(name.to_owned(), Entry { values, line });
        }
        Ok(Self { path: path.to_owned(), entries })
    }

    /// Uses the values in the file as the defaults of a subcommand's arguments.
    fn become_defaults(&self, verb: Command) -> Command {
        verb.mut_args(|setting| match self.entries.get(setting.get_id().as_str()) {
            Some(entry) => setting.default_values_os(entry.values.iter().cloned()),
            None => setting,
        })
    }

    /// Returns the file's path if the file contains the given key, and `None` otherwise.
    pub(super) fn path_if_it_sets(&self, key: &str) -> Option<&Path> {
        self.entries.contains_key(key).then_some(self.path.as_path())
    }

    /// Returns the file and line at which a key is set, in the form `tailwater.toml:3`, or `None` if the file does not
    /// contain the key.
    pub(super) fn place_of(&self, key: &str) -> Option<String> {
        let entry = self.entries.get(key)?;
        Some(format!("{}:{}", self.path.display(), entry.line))
    }
}

/// Validates a setting's values by the same rules as on the command line, ignoring the environment.
fn check(setting: &Arg, values: &[OsString]) -> Result<(), String> {
    let long = setting.get_long().unwrap_or_default();
    let alone = Command::new("settings").no_binary_name(true).arg(setting.clone().env(None::<&'static str>));
    let flags = values.iter().map(|value| {
        let mut flag = OsString::from(format!("--{long}="));
        flag.push(value);
        flag
    });
    let checked = alone.try_get_matches_from(flags);
    checked.map(drop).map_err(|error| match std::error::Error::source(&error) {
        Some(cause) => cause.to_string(),
        None => error.kind().to_string(),
    })
}

fn unknown(name: &str, table: &Command) -> String {
    let known: Vec<_> = table.get_arguments().map(|setting| setting.get_id().as_str()).collect();
    format!("unknown setting {name:?}; expected one of {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str, expected: &str) {
        let refused = SettingsFile::parse(Path::new("t.toml"), text).expect_err("it is invalid").to_string();
        assert!(refused.starts_with(expected), "{refused}");
    }

    #[test]
    fn every_flag_of_serve_has_a_variable_and_a_key_in_the_file() {
        for setting in table().get_arguments() {
            let key = setting.get_id().as_str();
            let variable = format!("TAILWATER_{}", key.to_uppercase());
            assert_eq!(setting.get_env().and_then(|name| name.to_str()), Some(variable.as_str()), "{key}");
            assert!(setting.get_long().is_some_and(|long| key.starts_with(&long.replace('-', "_"))), "{key}");
            let value = match Kind::of(setting) {
                Kind::Text => {
                    let words = setting.get_possible_values();
                    let word = words.first().map_or_else(|| "x".repeat(40), |word| word.get_name().to_owned());
                    format!("{word:?}")
                }
                Kind::Number => {
                    let default = setting.get_default_values().first().and_then(|number| number.to_str());
                    default.unwrap_or("100").to_owned()
                }
                Kind::Switch => "false".to_owned(),
                Kind::List => "[\"a\", \"b\"]".to_owned(),
            };
            let file = SettingsFile::parse(Path::new("t.toml"), &format!("\n{key} = {value}"));
            assert_eq!(file.expect("it is a key").place_of(key).as_deref(), Some("t.toml:2"));
        }
    }

    #[test]
    fn unknown_keys_and_invalid_values_are_reported_with_their_line() {
        check_refused(
            "listen = \"a:1\"\n\nlisen = \"a:1\"",
            "t.toml:3: unknown setting \"lisen\"; expected one of listen, ",
        );
        check_refused("[server]\nlisten = \"a:1\"", "t.toml:1: unknown setting \"server\"");
        check_refused("# x\nlive_flush_ms = \"100\"", "t.toml:2: live_flush_ms must be a whole number");
        check_refused("live_flush_ms = 0", "t.toml:1: live_flush_ms: 0 is not in 1..=60000");
        check_refused("live_log_events = 1", "t.toml:1: live_log_events must be true or false");
        check_refused("data_dir = 7", "t.toml:1: data_dir must be a string in quotes");
        check_refused("allowed_hosts = \"a\"", "t.toml:1: allowed_hosts must be a list");
        check_refused("allowed_hosts = [1]", "t.toml:1: allowed_hosts must be a list");
        check_refused("a = 1\n\nlisten = ", "t.toml:3: ");
        check_refused("config = \"other.toml\"", "t.toml:1: unknown setting \"config\"");
    }
}
