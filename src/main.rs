//! The `tailwater` program, which parses the command line and runs the subcommand. A release embeds the static files of
//! the pages.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use rust_embed::Embed;
use tailwater::server::site::EmbeddedSite;

/// The allocator of the program. With it, failed logins do not make the server's memory grow.
///
/// After glibc's allocator has freed a large block, it no longer maps blocks of this size separately. The 19 MiB for
/// hashing a password then come from its heaps, which grew by more than a gigabyte, although only two passwords are
/// hashed at the same time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The static files of the pages, as created by `xtask site --release`. A debug build reads them from their directory
/// instead.
#[derive(Embed)]
#[folder = "target/site"]
#[allow_missing = true]
struct PageFiles;

/// The value of the environment variable `TAILWATER_SITE` during compilation. `make build` changes it whenever the
/// static files change, so that cargo recompiles this file. If the variable is not set, the static files were not
/// built, and a release contains none.
const SITE: Option<&str> = option_env!("TAILWATER_SITE");

fn main() -> ExitCode {
    if let Some(code) = engine::supervise::run_if_asked() {
        return code;
    }
    let is_release = !cfg!(debug_assertions);
    tailwater::cli::run((is_release && SITE.is_some()).then_some(PageFiles::get as EmbeddedSite))
}
