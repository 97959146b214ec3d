//! The `tailwater` program, which parses the command line and runs the subcommand. A release embeds the static files of
//! the pages and the supervisor of steps.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use rust_embed::Embed;
use tailwater::cli::Embedded;
use tailwater::server::site::EmbeddedSite;

/// The allocator of the program. With this allocator, failed logins do not make the server's memory grow.
///
/// With glibc's allocator, the server grew by more than a gigabyte, although only two passwords are hashed at the same
/// time. After that allocator has freed a large block, it no longer maps blocks of this size separately, but takes the
/// 19 MiB for hashing a password from its heaps.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The static files of the pages, as created by `xtask site --release`. A debug build reads them from their directory
/// instead. The WASM module is embedded only in its compressed forms, because it is 2 MB in size.
#[derive(Embed)]
#[folder = "target/site"]
#[exclude = "*.wasm"]
#[allow_missing = true]
struct PageFiles;

/// The `tailwater-supervisor` program (`src/supervisor.rs`), which `make build` copies to this directory.
#[derive(Embed)]
#[folder = "target/supervisor"]
#[allow_missing = true]
struct SupervisorFile;

/// The value of the environment variable `TAILWATER_EMBEDDED` during compilation. `make build` changes it whenever the
/// embedded files change, so that cargo recompiles this file. If the variable is not set, the embedded files were not
/// built, and even a release embeds none.
const EMBEDDED: Option<&str> = option_env!("TAILWATER_EMBEDDED");

fn main() -> ExitCode {
    if let Some(code) = supervise::run_if_asked() {
        return code;
    }
    if cfg!(debug_assertions) || EMBEDDED.is_none() {
        return tailwater::cli::run(Embedded::default());
    }
    tailwater::cli::run(Embedded {
        site: Some(PageFiles::get as EmbeddedSite),
        supervisor: Some(SupervisorFile::get("tailwater-supervisor").expect("`make build` has copied it").data),
    })
}
