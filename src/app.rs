//! The HTML document around every page, and the routes of the pages.

use leptos::nonce::{Nonce, use_nonce};
use leptos::prelude::*;
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::components::{FlatRoutes, Redirect, Route, Router};
use leptos_router::{SsrMode, path};

use crate::host;
use crate::pages::{
    AccountPage, AuditLogPage, BulkPage, JobPage, JobsPage, LoginPage, NewJobPage, NotAllowedPage, NotFoundPage,
    PeoplePage, RedactionPage, SecretsPage, SeveralJobsPage, WorkersPage,
};
use crate::ui::{CurrentUser, ICONS, PROVIDER, PageTitle, SHARED_STREAM};

/// The font of all text except job output. It is preloaded because the first paint requires it.
const FONT: &str = "fonts/inter-latin.woff2";

/// A script that runs before the first paint of a job's page, so that the log is initially scrolled to its end.
const START_AT_THE_END: &str = "for(const r of document.querySelectorAll('.live-rows'))r.scrollTop=r.scrollHeight";

/// Renders the document that the server sends: the head, the page, and the scripts that hydrate it in the browser.
///
/// Pages that load data are rendered completely before they are sent (`SsrMode::Async`). Therefore, status codes are
/// correct, and everything except live output works without scripts.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let nonce = use_nonce();
    let scripts = view! {
        <AutoReload options=options.clone() />
        <Hydration options=options.clone() nonce=nonce.clone() />
    };
    let body = view! {
        <App />
        <script nonce=nonce.clone()>{START_AT_THE_END}</script>
    };
    html(&options, nonce.as_ref(), scripts.into_any(), body)
}

/// Renders the document for a person whose role does not permit the requested page. It has no scripts, because the
/// router in the browser would display the page itself.
pub fn refused_shell(options: LeptosOptions) -> impl IntoView {
    plain_shell(&options, || view! { <NotAllowedPage /> })
}

/// Renders a document without scripts around content that is not one of the pages in the router.
pub fn plain_shell<F: FnOnce() -> B, B: IntoView>(options: &LeptosOptions, content: F) -> impl IntoView + use<F, B> {
    provide_meta_context();
    html(options, use_nonce().as_ref(), ().into_any(), content())
}

/// Renders the document with the given scripts in its head.
fn html<B: IntoView>(
    options: &LeptosOptions,
    nonce: Option<&Nonce>,
    scripts: AnyView,
    body: B,
) -> impl IntoView + use<B> {
    host::security_policy(nonce);
    let style = host::asset(&format!("{}/{}.css", options.site_pkg_dir, options.output_name));
    let user = CurrentUser::get().map(|CurrentUser { name, role }| {
        view! {
            <meta name=CurrentUser::NAME content=name />
            <meta name=CurrentUser::ROLE content=role.as_str() />
        }
    });
    let provider = host::provider_name().map(|name| view! { <meta name=PROVIDER content=name /> });
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="referrer" content="same-origin" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <meta name=ICONS content=host::asset(ICONS) />
                <meta name=SHARED_STREAM content=host::asset(SHARED_STREAM) />
                {user}
                {provider}
                <link rel="preload" href=host::asset(FONT) r#as="font" r#type="font/woff2" crossorigin="anonymous" />
                <link rel="stylesheet" href=style />
                {scripts}
                <MetaTags />
            </head>
            <body>{body}</body>
        </html>
    }
}

/// Loads and starts the WASM module. Unlike Leptos' `HydrationScripts`, this component supports hashed file names.
#[component]
fn Hydration(options: LeptosOptions, nonce: Option<Nonce>) -> impl IntoView {
    let LeptosOptions { site_pkg_dir: folder, output_name: name, .. } = options;
    let script = host::asset(&format!("{folder}/{name}.js"));
    let module = host::asset(&format!("{folder}/{name}_bg.wasm"));
    let begin = format!("import({script:?}).then(s=>s.default({{module_or_path:{module:?}}}).then(()=>s.hydrate()))");
    view! {
        <link rel="modulepreload" href=script crossorigin="anonymous" />
        <link rel="preload" href=module r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
        <script type="module" nonce=nonce>{begin}</script>
    }
}

/// The router, with the path of every page.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    // Sets an attribute for which the browser tests wait before they interact with the page. Nothing else uses the
    // attribute.
    Effect::new(|| {
        request_animation_frame(|| {
            if let Some(body) = document().body() {
                let _ = body.set_attribute("data-hydrated", "");
            }
        });
    });
    view! {
        <PageTitle text="Tailwater" />
        <Router>
            <FlatRoutes fallback=NotFoundPage>
                <Route path=path!("/") view=|| view! { <Redirect path="/tasks/queue" /> } />
                <Route path=path!("/tasks/queue") view=JobsPage ssr=SsrMode::Async />
                <Route path=path!("/tasks/queue/new") view=NewJobPage ssr=SsrMode::Async />
                <Route path=path!("/tasks/queue/bulk") view=BulkPage ssr=SsrMode::Async />
                <Route path=path!("/tasks/queue/view") view=SeveralJobsPage ssr=SsrMode::Async />
                <Route path=path!("/tasks/queue/:jobId") view=JobPage ssr=SsrMode::Async />
                <Route path=path!("/secrets") view=SecretsPage ssr=SsrMode::Async />
                <Route path=path!("/redaction") view=RedactionPage ssr=SsrMode::Async />
                <Route path=path!("/workers") view=WorkersPage ssr=SsrMode::Async />
                <Route path=path!("/people") view=PeoplePage ssr=SsrMode::Async />
                <Route path=path!("/audit") view=AuditLogPage ssr=SsrMode::Async />
                <Route path=path!("/account") view=AccountPage ssr=SsrMode::Async />
                <Route path=path!("/login") view=LoginPage />
            </FlatRoutes>
        </Router>
    }
}
