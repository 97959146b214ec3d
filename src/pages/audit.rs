//! The page for the audit log, which works without scripts.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;
use model::{AuditEntry, AuditPage};

use super::frame::{BackTo, framed, loaded};
use crate::rpc;
use crate::words;

/// Lists the entries of the audit log, newest first, with filters by user and by action.
#[component]
pub fn AuditLogPage() -> impl IntoView {
    let query = use_query_map();
    let page = Resource::new(move || filter(&query.read()), |(before, user, action)| rpc::audit(before, user, action));
    framed("Audit log", BackTo::Queue, loaded(page, |page| view! { <Entries page /> }.into_any()))
}

/// Returns the filters in the page's URL: the id before which entries are listed, the user, and the action. Each is
/// `None` if the URL does not contain it.
fn filter(query: &ParamsMap) -> (Option<i64>, Option<String>, Option<String>) {
    let text = |name: &str| query.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    (query.get("before").and_then(|id| id.parse().ok()), text("user"), text("action"))
}

#[component]
fn Entries(page: AuditPage) -> impl IntoView {
    let (_, user, action) = filter(&use_query_map().read_untracked());
    let older = page.next_before.map(|before| {
        view! {
            <form method="get" action="/audit">
                <input type="hidden" name="before" value=before />
                <input type="hidden" name="user" value=user.clone().unwrap_or_default() />
                <input type="hidden" name="action" value=action.clone().unwrap_or_default() />
                <button class="button" data-testid="older-entries">"Older entries"</button>
            </form>
        }
    });
    let is_empty = page.items.is_empty();
    let rows = page.items.into_iter().map(|entry| view! { <Row entry /> }).collect_view();
    view! {
        <main class="audit">
            <p class="hint">
                "Who changed what, when, and from where. Entries cannot be changed or removed. Times are UTC. "
                <a href="/api/queue/audit/export" download="audit.ndjson" rel="external">"Download all entries"</a>
            </p>
            <form method="get" action="/audit" class="audit-filter" role="search">
                <label for="audit-user">"User"</label>
                <input id="audit-user" class="field" name="user" value=user.unwrap_or_default() autocomplete="off" />
                <label for="audit-action">"Action"</label>
                <input
                    id="audit-action"
                    class="field code"
                    name="action"
                    value=action.unwrap_or_default()
                    placeholder="job.cancel"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                />
                <button class="button">"Filter"</button>
            </form>
            {is_empty.then(|| view! { <p class="hint" data-testid="no-entries">"No entries match."</p> })}
            <ol class="audit-list" data-testid="audit-list">{rows}</ol>
            {older}
        </main>
    }
    .into_any()
}

/// An entry, with its time, user, action and client address.
#[component]
fn Row(entry: AuditEntry) -> impl IntoView {
    let AuditEntry { created_at, user, credential, address, action, object, details, status, .. } = entry;
    let failed = (status >= 400).then(|| {
        let what = if matches!(status, 401 | 403) { "refused" } else { "failed" };
        view! { <span class="audit-failed">{format!("{what} ({status})")}</span> }
    });
    let object = object.map(|object| {
        if action.starts_with("job.") {
            view! { <a href=format!("/tasks/queue/{object}")><code>{words::visible(&object)}</code></a> }.into_any()
        } else {
            view! { <code>{words::visible(&object)}</code> }.into_any()
        }
    });
    let details = details.map(|details| format!(": {}", words::visible(&details)));
    let how = match credential.as_deref() {
        Some("session") => " in a browser",
        Some("api_token") => " with an API token",
        Some("admin_token") => " with the admin token",
        Some("password") => " with a password",
        Some("login_link") => " with a login link",
        Some("proxy") => " through the reverse proxy",
        Some("oidc") => " with the identity provider",
        _ => "",
    };
    view! {
        <li class="audit-row" data-testid="audit-row">
            <time>{words::date_time(created_at, 0)}</time>
            <span class="audit-action">
                <code>{action.clone()}</code>
                " "
                {object}
                {details}
            </span>
            {failed}
            <small>
                <strong>{user.map_or_else(|| "unknown user".to_owned(), |user| words::visible(&user))}</strong>
                {format!("{how} from {address}")}
            </small>
        </li>
    }
    .into_any()
}
