//! `tailwater config`: what `serve` would run with, and where each value comes from.

use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args};
use serde_json::{Value, json};

use super::error::CliError;
use super::output::{Colour, Ink, Output};
use super::settings::{self, Kind, SettingsFile};

/// Stands for a value that is not shown.
const HIDDEN: &str = "********";

/// Takes the flags of `serve`; what it prints is a file of settings.
#[derive(Debug, Args)]
pub(super) struct Config {
    /// Write each setting as JSON, one a line.
    #[arg(long)]
    json: bool,
}

/// One setting.
struct Row {
    key: String,
    value: Option<Value>,
    source: String,
}

impl Config {
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
    /// Returns the setting as the file has it; one without a value is a comment.
    fn text(&self) -> String {
        match &self.value {
            // A text or a list of texts is the same in TOML as in JSON, but for what TOML would not take as it is.
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
    // What may not be seen in the environment may not be seen here.
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
