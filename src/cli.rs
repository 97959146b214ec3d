//! The command line: one verb a file.

mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A self-hosted job queue whose operators watch their commands' output live in the browser.
#[derive(Debug, Parser)]
#[command(name = "tailwater", version, about)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serves the pages and the API, and runs jobs.
    Serve(Box<serve::Serve>),
}

/// Does what the command line asks for.
pub fn run() -> ExitCode {
    match Cli::parse().verb {
        Verb::Serve(serve) => serve.run(),
    }
}
