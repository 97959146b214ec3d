//! `tailwater config`: shows the settings that `serve` would use, and the source of each value.

use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args};
use serde_json::{Value, json};

use super::error::CliError;
use super::output::{Colour, Ink, Output};
use super::settings::{self, Kind, SettingsFile};

/// The text printed in place of a secret value.
const HIDDEN: &str = "********";

/// The arguments of `tailwater config`. The command also accepts the flags of `serve`. Without `--json`, its output is
/// a valid settings file.
#[derive(Debug, Args)]
pub(super) struct ShowConfig {
    /// Write each setting as JSON, one per line.
    #[arg(long)]
    json: bool,
}

/// One setting with its effective value and its source.
struct Row {
    key: String,
    value: Option<Value>,
    source: String,
}

impl ShowConfig {
    pub(super) fn run(
        self,
        matches: &ArgMatches,
        file: Option<&SettingsFile>,
        colour: Colour,
    ) -> Result<ExitCode, CliError> {
        let matches = matches.subcommand_matches("config").unwrap_or(matches);
        let table = settings::table();
        let rows: Vec<_> = table.get_arguments().map(|setting| row(setting, matches, file)).collect();
        let mut stdout = Output::stdout(colour);
        if self.json {
            for Row { key, value, source } in rows {
                stdout.line(&json!({"key": key, "value": value, "source": source}).to_string())?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let texts: Vec<_> = rows.iter().map(Row::text).collect();
        let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
        for (row, text) in rows.iter().zip(texts) {
            let source = stdout.paint(Ink::Grey, &format!("# {}", row.source));
            stdout.line(&format!("{text:<width$}  {source}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Row {
    /// Returns the setting as a line of a settings file. A setting without a value becomes a comment.
    fn text(&self) -> String {
        match &self.value {
            // The value is formatted as TOML, not as JSON. The syntax of strings and of lists of strings is the same,
            // but TOML requires escapes for some characters that JSON leaves unchanged.
            Some(value) => format!(
                "{} = {}",
                self.key,
                toml::Value::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string())
            ),
            None => format!("# {} =", self.key),
        }
    }
}

fn row(setting: &Arg, matches: &ArgMatches, file: Option<&SettingsFile>) -> Row {
    let key = setting.get_id().as_str();
    let source = match matches.value_source(key) {
        Some(ValueSource::CommandLine) => format!("--{}", setting.get_long().unwrap_or(key)),
        Some(ValueSource::EnvVariable) => {
            setting.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        }
        _ => file.and_then(|file| file.place_of(key)).unwrap_or_else(|| "default".to_owned()),
    };
    let texts = matches.get_raw(key).map(|values| values.map(|value| value.to_string_lossy().into_owned()).collect());
    let value = texts.and_then(|texts: Vec<String>| value(setting, texts));
    Row { key: key.to_owned(), value, source }
}

fn value(setting: &Arg, texts: Vec<String>) -> Option<Value> {
    // Like the help text, this command does not show the values of secret settings.
    if setting.is_hide_env_values_set() {
        return Some(HIDDEN.into());
    }
    if Kind::of(setting) == Kind::List {
        return Some(texts.into());
    }
    let text = texts.into_iter().next()?;
    Some(match Kind::of(setting) {
        Kind::Number => text.parse::<i64>().map_or(Value::String(text), Value::from),
        Kind::Switch => Value::Bool(text == "true"),
        Kind::Text | Kind::List => Value::String(text),
    })
}
