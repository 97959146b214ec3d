//! The `tailwater` program, which parses the command line and runs the subcommand. A release build embeds the static
//! files of the pages, and the program that supervises the steps of jobs.

use std::process::ExitCode;

use rust_embed::Embed;
use tailwater::cli::Embedded;
use tailwater::server::site::EmbeddedSite;
use tikv_jemallocator::Jemalloc;

/// The allocator of the program. With the settings in `.cargo/config.toml`, the allocator's own threads return freed
/// memory to the system. After an attack, the server therefore does not keep the memory that it needed during the
/// attack.
///
/// With glibc's allocator, failed logins made the server grow by more than a gigabyte (`docs/measured.md`).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

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
/// built, and even a release build embeds none.
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
