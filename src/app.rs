//! The HTML document around every page, and the routes of the pages.

use leptos::nonce::{Nonce, use_nonce};
use leptos::prelude::*;
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::components::{FlatRoutes, Redirect, Route, Router};
use leptos_router::{SsrMode, path};

use crate::host;
use crate::pages::{
    JobPage, JobsPage, LoginPage, NewJobPage, NotFoundPage, RedactionPage, SecretsPage, SeveralJobsPage,
};
use crate::ui::{ICONS, PageTitle, SHARED_STREAM};

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
    host::security_policy(nonce.as_ref());
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
                <link rel="preload" href=host::asset(FONT) r#as="font" r#type="font/woff2" crossorigin="anonymous" />
                <link rel="stylesheet" href=host::asset(&format!("{}/{}.css", options.site_pkg_dir, options.output_name)) />
                <AutoReload options=options.clone() />
                <Hydration options nonce=nonce.clone() />
                <MetaTags />
            </head>
            <body>
                <App />
                <script nonce=nonce>{START_AT_THE_END}</script>
            </body>
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
                <Route path=path!("/tasks/queue/view") view=SeveralJobsPage ssr=SsrMode::Async />
                <Route path=path!("/tasks/queue/:jobId") view=JobPage ssr=SsrMode::Async />
                <Route path=path!("/secrets") view=SecretsPage ssr=SsrMode::Async />
                <Route path=path!("/redaction") view=RedactionPage ssr=SsrMode::Async />
                <Route path=path!("/login") view=LoginPage />
            </FlatRoutes>
        </Router>
    }
}
