//! The program: embeds the pages' files into a release, parses the command line and does what it asks for.

use std::process::ExitCode;

use rust_embed::Embed;
use tailwater::server::site::EmbeddedSite;

/// The pages' files, as `xtask site --release` made them. A debug build reads them from their folder instead.
#[derive(Embed)]
#[folder = "target/site"]
#[allow_missing = true]
struct PageFiles;

/// What `make build` sets to a new value whenever the pages' files change, so that cargo compiles this file again.
/// Without it a release holds no pages' files, since nobody made them.
const SITE: Option<&str> = option_env!("TAILWATER_SITE");

fn main() -> ExitCode {
    if let Some(code) = tailwater::supervise::run_if_asked() {
        return code;
    }
    let is_release = !cfg!(debug_assertions);
    tailwater::cli::run((is_release && SITE.is_some()).then_some(PageFiles::get as EmbeddedSite))
}
