//! The static files of the site: scripts, the WASM module, styles, fonts and icons, as the build created them.
//!
//! A release embeds them (in `src/main.rs`); a debug build reads them from a folder. The file names of a release
//! contain a hash of the content, so that browsers can cache the files for ever, and a list maps plain names to these
//! names. Without the list, files have their plain names and browsers revalidate them each time.

mod reply;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::Response;
use rust_embed::EmbeddedFile;
use sha2::{Digest, Sha256};

/// Looks up an embedded file by its name in the site.
pub type EmbeddedSite = fn(&str) -> Option<EmbeddedFile>;

/// The list of names, in TOML: it maps each file's plain name to its name with a hash. `xtask/src/names.rs` writes it.
const NAMES: &str = "names.toml";

/// For files with a hash in their name, which never change. A year is the longest lifetime that HTTP recommends.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// For all other files: browsers may store them, but must revalidate them before each use.
const ASK: &str = "no-cache";

/// The built pages. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Site {
    source: SiteSource,
    names: Arc<BTreeMap<String, String>>,
}

/// Where the files are.
#[derive(Clone, Debug)]
enum SiteSource {
    Embedded(EmbeddedSite),
    Folder(PathBuf),
}

/// One file of the site.
struct SiteFile {
    bytes: Cow<'static, [u8]>,
    /// SHA-256 of the content.
    checksum: [u8; 32],
}

impl Site {
    /// Opens the site in `folder`. If it is `None`, the embedded site is used, or else the folder into which the build
    /// writes it.
    ///
    /// It cannot fail, because the API works without a site: a missing one is only logged, with instructions.
    #[must_use]
    pub fn open(folder: Option<&Path>, embedded: Option<EmbeddedSite>, built: &Path) -> Self {
        let source = match (folder, embedded) {
            (Some(folder), _) => SiteSource::Folder(folder.to_owned()),
            (None, Some(embedded)) => SiteSource::Embedded(embedded),
            (None, None) => SiteSource::Folder(built.to_owned()),
        };
        if let SiteSource::Folder(folder) = &source
            && !folder.is_dir()
        {
            tracing::warn!(
                folder = %folder.display(),
                "the pages have no scripts or styles, because this program contains none and the folder does not \
                 exist; run `make build`, or name the folder with --site-root"
            );
        }
        let names = source.read(NAMES).and_then(|file| toml::from_str(std::str::from_utf8(&file.bytes).ok()?).ok());
        Self { names: Arc::new(names.unwrap_or_default()), source }
    }

    /// Returns the URL path of a file, given its plain name such as `icons.svg`.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("/{}", self.names.get(name).map_or(name, String::as_str))
    }

    /// Returns the response to a GET or HEAD request for a file, or `None` if there is no such file.
    pub async fn get(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let name = uri.path().strip_prefix('/')?.to_owned();
        let keep = if self.names.values().any(|hashed| *hashed == name) { FOR_EVER } else { ASK };
        let (source, request_headers) = (self.source.clone(), headers.clone());
        let chosen = tokio::task::spawn_blocking(move || reply::choose(&source, &name, &request_headers)).await;
        let mut reply = chosen.ok()??.into_response(method, headers);
        let headers = reply.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        Some(reply)
    }
}

impl SiteSource {
    fn read(&self, name: &str) -> Option<SiteFile> {
        match self {
            Self::Embedded(get) => {
                get(name).map(|file| SiteFile { checksum: file.metadata.sha256_hash(), bytes: file.data })
            }
            Self::Folder(folder) => {
                let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
                let bytes = is_plain.then(|| std::fs::read(folder.join(name)).ok())??;
                Some(SiteFile { checksum: Sha256::digest(&bytes).into(), bytes: bytes.into() })
            }
        }
    }
}
