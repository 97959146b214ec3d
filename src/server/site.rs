//! The site: scripts, module, styles, fonts and icons, as the build made them.
//!
//! They come from the executable itself, which carries them since the release's last step (`xtask/src/embed.rs`), or from a
//! folder while one develops. A release's file names hold a hash of what is in them, so that browsers keep such a file for ever;
//! which name stands for which file is in the site's list of names. Without one, files have their plain names and are asked for
//! each time.

mod carried;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bundle::Bundle;
use tower::ServiceExt;
use tower_http::services::ServeDir;

use carried::Carried;

/// The site's list of names: TOML, each file's plain name and what it is called. `xtask/src/names.rs` writes it.
const NAMES: &str = "names.toml";

/// What has a hash in its name never changes; a year is what HTTP calls for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// What has none may be kept, but not used without asking.
const ASK: &str = "no-cache";

/// The built pages. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Site {
    files: Files,
    names: Arc<BTreeMap<String, String>>,
}

/// Where the files are.
#[derive(Clone, Debug)]
enum Files {
    /// At the end of this program.
    Carried(Arc<Carried>),
    /// In a folder.
    Folder(PathBuf),
}

impl Site {
    /// Opens the site in `folder`; without one, what this program carries, else the folder in which the build puts it.
    ///
    /// Nothing fails here: without a site the API works all the same, so the log tells what to do.
    #[must_use]
    pub fn open(folder: Option<&Path>, built: &Path) -> Self {
        let carried = if folder.is_none() { Bundle::of_this_program() } else { Ok(None) };
        let carried = carried.unwrap_or_else(|error| {
            tracing::warn!(%error, "the pages' files in the program cannot be read");
            None
        });
        if let Some(bundle) = carried {
            let names = bundle.read(NAMES).ok().flatten().and_then(|text| String::from_utf8(text).ok());
            return Self { names: parse(names), files: Files::Carried(Arc::new(Carried::new(bundle))) };
        }
        let folder = folder.unwrap_or(built);
        if !folder.is_dir() {
            tracing::warn!(
                folder = %folder.display(),
                "the pages have no scripts and no styles: this program carries none, and the folder is not there; \
                 run `make build`, or name the folder with --site-root"
            );
        }
        Self { names: parse(std::fs::read_to_string(folder.join(NAMES)).ok()), files: Files::Folder(folder.to_owned()) }
    }

    /// Returns where a file is, by its plain name such as `icons.svg`.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("/{}", self.names.get(name).map_or(name, String::as_str))
    }

    /// Answers a GET or HEAD with a file; nothing if there is none.
    pub async fn get(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let mut reply = match &self.files {
            Files::Carried(carried) => carried.get(method, uri.path(), headers).await?,
            Files::Folder(folder) => from_folder(folder, method, uri, headers).await?,
        };
        let name = uri.path().trim_start_matches('/');
        let keep = if self.names.values().any(|hashed| hashed == name) { FOR_EVER } else { ASK };
        let headers = reply.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        Some(reply)
    }
}

fn parse(names: Option<String>) -> Arc<BTreeMap<String, String>> {
    let names = names.map(|text| toml::from_str(&text)).transpose();
    Arc::new(names.ok().flatten().unwrap_or_else(|| {
        tracing::debug!("the site has no list of names");
        BTreeMap::new()
    }))
}

async fn from_folder(folder: &Path, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let files = ServeDir::new(folder).append_index_html_on_directories(false).precompressed_br().precompressed_gzip();
    let mut head = Request::builder().method(method).uri(uri).body(Body::empty()).ok()?;
    head.headers_mut().clone_from(headers);
    let Ok(reply) = files.oneshot(head).await;
    (reply.status() != StatusCode::NOT_FOUND).then(|| reply.into_response())
}
