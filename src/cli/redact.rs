//! `tailwater redact`: shows what the server would mask in a piece of text.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use model::{RedactionResult, RedactionRules, RedactionTest};

use super::client::ServerArgs;
use super::error::CliError;
use super::output::{Colour, Ink, Output};
use super::table::{self, Cell};

/// The maximum number of bytes that are read. The rest of a longer input is ignored. The limit is greater than the
/// server's default limit, so the server normally refuses such an input.
const MAX_TEXT: u64 = 64 << 20;

/// The arguments of `tailwater redact`, which prints the text with all secrets masked. The server does not store the
/// text.
#[derive(Debug, Args)]
pub(super) struct Redact {
    #[command(flatten)]
    server: ServerArgs,
    /// The file to redact [default: standard input].
    #[arg(value_name = "FILE", conflicts_with = "rules")]
    file: Option<PathBuf>,
    /// Print where something would be masked and by which rule, instead of the masked text.
    #[arg(long)]
    test: bool,
    /// List the rules that recognise secrets by their format, and exit.
    #[arg(long, conflicts_with = "test")]
    rules: bool,
    /// Print the result as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
}

impl Redact {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let mut stdout = Output::stdout(colour);
        if self.rules {
            let body = client.get("/redact/rules", &[]).await?;
            if self.json {
                stdout.line(&body)?;
                return Ok(ExitCode::SUCCESS);
            }
            let page: RedactionRules = client.parse(&body)?;
            let rows: Vec<_> =
                page.items.iter().map(|rule| [Cell::plain(&rule.id), Cell::plain(&rule.reason)]).collect();
            return print(&rows, &mut stdout);
        }
        let text = self.text()?;
        let body = client.post("/redact", &RedactionTest { text }).await?;
        if self.json {
            stdout.line(&body)?;
            return Ok(ExitCode::SUCCESS);
        }
        let result: RedactionResult = client.parse(&body)?;
        if !self.test {
            stdout.raw(result.text.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        let head = ["POSITION", "BYTES", "RULE"].map(|title| Cell::ink(Ink::Grey, title));
        let rows = result.findings.iter().map(|finding| {
            let place = format!("{}:{}", finding.line, finding.column);
            let rule = finding.rule.as_deref().unwrap_or("a secret value");
            [Cell::plain(&place), Cell::plain(&finding.bytes.to_string()), Cell::plain(rule)]
        });
        if result.findings.is_empty() {
            stdout.line("Nothing would be masked.")?;
            return Ok(ExitCode::SUCCESS);
        }
        print(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), &mut stdout)
    }

    fn text(&self) -> Result<String, CliError> {
        let name = self.file.as_ref().map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
        let failed = |source: io::Error| CliError::File { what: format!("read {name}"), source };
        let source: Box<dyn Read> = match &self.file {
            Some(path) => Box::new(fs::File::open(path).map_err(failed)?),
            None => Box::new(io::stdin()),
        };
        let mut bytes = Vec::new();
        source.take(MAX_TEXT).read_to_end(&mut bytes).map_err(failed)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn print<const N: usize>(rows: &[[Cell; N]], stdout: &mut Output) -> Result<ExitCode, CliError> {
    for line in table::lines(rows, stdout, None) {
        stdout.line(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}
