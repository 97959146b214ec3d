//! Previews of artifacts: text, images and HTML reports.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::Artifact;

use crate::rest::{self, RestError};
use crate::ui::{LOG_NAME, download_url};
use crate::words;

/// The maximum number of bytes of a text file that are shown, which fill many screens.
const TEXT_BYTES: i64 = 128_000;

/// The kind of preview of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PreviewKind {
    Text,
    Image,
    /// An HTML document, which is displayed in a frame with its own styles and scripts.
    Html,
}

impl PreviewKind {
    /// Returns the kind of preview of an artifact, or `None` if it cannot be previewed.
    fn of(file: &Artifact) -> Option<Self> {
        if file.name == LOG_NAME {
            // Live Output already shows the log.
            return None;
        }
        let media_type = file.content_type.split(';').next().unwrap_or_default().trim();
        match media_type {
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "image/apng" | "image/avif" | "image/bmp" | "image/gif" | "image/jpeg" | "image/png" | "image/svg+xml"
            | "image/webp" | "image/x-icon" => Some(Self::Image),
            "application/javascript"
            | "application/json"
            | "application/toml"
            | "application/x-sh"
            | "application/x-yaml"
            | "application/xml"
            | "application/yaml" => Some(Self::Text),
            _ if media_type.starts_with("text/") || media_type.ends_with("+json") || media_type.ends_with("+xml") => {
                Some(Self::Text)
            }
            _ => None,
        }
    }
}

/// Returns a button that opens the preview of an artifact, or `None` if the artifact cannot be previewed.
pub fn preview_button(file: &Artifact, shown: RwSignal<Option<Artifact>>) -> Option<AnyView> {
    PreviewKind::of(file)?;
    let artifact = file.clone();
    let view = view! {
        <button
            class="link needs-scripts"
            data-testid="artifact-preview"
            aria-label=format!("Preview {}", words::visible(&file.name))
            on:click=move |_| shown.set(Some(artifact.clone()))
        >
            "Preview"
        </button>
    };
    Some(view.into_any())
}

/// The dialog with the preview of an artifact, if one is chosen.
#[component]
pub fn PreviewDialog(shown: RwSignal<Option<Artifact>>) -> impl IntoView {
    move || shown.get().map(|file| dialog(file, shown))
}

fn dialog(file: Artifact, shown: RwSignal<Option<Artifact>>) -> AnyView {
    let node: NodeRef<html::Dialog> = NodeRef::new();
    Effect::new(move || {
        if let Some(dialog) = node.get() {
            // The call fails only if the dialog is already open as a non-modal dialog.
            let _ = dialog.show_modal();
        }
    });
    let content = match PreviewKind::of(&file) {
        Some(PreviewKind::Html) => html_preview(&file),
        Some(PreviewKind::Image) => {
            view! { <img class="preview-image" src=download_url(&file) alt=file.name.clone() /> }.into_any()
        }
        Some(PreviewKind::Text) | None => text_preview(&file),
    };
    view! {
        <dialog
            class="dialog preview"
            aria-labelledby="preview-title"
            data-testid="preview"
            node_ref=node
            on:close=move |_| shown.set(None)
        >
            <form method="dialog">
                <h2 id="preview-title">{words::visible(&file.name)}</h2>
                <small>{words::bytes(file.size_bytes)}</small>
                <span class="push"></span>
                <a class="button" href=download_url(&file) download>
                    "Download"
                </a>
                <button class="button">"Close"</button>
            </form>
            {content}
        </dialog>
    }
    .into_any()
}

/// Displays an HTML document in a frame. The server and the frame both give the document an opaque origin, so that its
/// scripts cannot act as the user.
fn html_preview(file: &Artifact) -> AnyView {
    let url = format!("/api/queue/jobs/{}/artifacts/{}/preview", file.job_id, file.id);
    view! { <iframe class="preview-frame" src=url title=file.name.clone() sandbox="allow-scripts"></iframe> }.into_any()
}

/// Displays the beginning of a text file.
fn text_preview(file: &Artifact) -> AnyView {
    let text = RwSignal::new(None::<Result<String, String>>);
    let (url, size) = (download_url(file), file.size_bytes);
    spawn_local(async move {
        let read = if size == 0 { Ok(String::new()) } else { rest::get_start(&url, TEXT_BYTES).await };
        // The dialog may have been closed in the meantime.
        drop(text.try_set(Some(read.map_err(why_not))));
    });
    let rest = (size > TEXT_BYTES).then(|| {
        view! {
            <p class="hint">
                {format!("Showing the first {} of {}.", words::bytes(TEXT_BYTES), words::bytes(size))}
            </p>
        }
    });
    view! {
        {move || match text.get() {
            None => view! { <p class="hint">"Loading\u{2026}"</p> }.into_any(),
            Some(Err(error)) => view! { <p class="error">{error}</p> }.into_any(),
            Some(Ok(text)) if text.is_empty() => view! { <p class="hint">"The file is empty."</p> }.into_any(),
            Some(Ok(text)) => view! { <pre class="preview-text" tabindex="0">{text}</pre> }.into_any(),
        }}
        {rest}
    }
    .into_any()
}

fn why_not(error: RestError) -> String {
    match error {
        RestError::Refused { message, .. } => message,
        RestError::Unreachable => "The server did not respond.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use model::{ArtifactId, JobId, Timestamp};

    use super::*;

    #[test]
    fn texts_images_and_html_can_be_previewed() {
        let kind = |name: &str, content_type: &str| {
            PreviewKind::of(&Artifact {
                id: ArtifactId(uuid::Uuid::nil()),
                job_id: JobId(uuid::Uuid::nil()),
                name: name.to_owned(),
                content_type: content_type.to_owned(),
                size_bytes: 1,
                digest: String::new(),
                storage_path: None,
                attempt: 1,
                stage: None,
                created_at: Timestamp(0),
            })
        };
        for (content_type, expected) in [
            ("text/plain; charset=utf-8", Some(PreviewKind::Text)),
            ("text/x-rust", Some(PreviewKind::Text)),
            ("application/json", Some(PreviewKind::Text)),
            ("application/ld+json", Some(PreviewKind::Text)),
            ("text/html", Some(PreviewKind::Html)),
            ("image/png", Some(PreviewKind::Image)),
            ("image/svg+xml", Some(PreviewKind::Image)),
            ("image/tiff", None),
            ("application/octet-stream", None),
            ("application/pdf", None),
            ("", None),
        ] {
            assert_eq!(kind("file", content_type), expected, "{content_type}");
        }
        assert_eq!(kind(LOG_NAME, "text/plain"), None, "Live Output shows it");
    }
}
