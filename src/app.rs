//! The HTML document around every page, and the routes of the pages.

use std::iter;

use leptos::nonce::{Nonce, use_nonce};
use leptos::prelude::*;
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::components::{FlatRoutes, Redirect, Route, Router};
use leptos_router::{SsrMode, path};

use crate::host;
use crate::pages::{LazyPage, LoginPage, NotAllowedPage, NotFoundPage, modules};
use crate::ui::{CurrentUser, ICONS, PROVIDER, PageTitle, SHARED_STREAM};

/// The font of all text except job output. It is preloaded because the first paint requires it.
const FONT: &str = "fonts/inter-latin.woff2";

/// A script that runs before the first paint of a job's page, so that the log is initially scrolled to its end.
const START_AT_THE_END: &str = "for(const r of document.querySelectorAll('.live-rows'))r.scrollTop=r.scrollHeight";

/// A script that lets the browser follow links itself until the page has been hydrated. Before hydration, the router
/// already intercepts clicks, but cannot display another page. If the page's module fails to load, the page is never
/// hydrated.
const LINKS_BEFORE_HYDRATION: &str =
    "addEventListener('click',e=>document.body.dataset.hydrated??e.stopPropagation(),true);";

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

/// Renders the document for a person who is refused, for example because the person's role does not permit the
/// requested page. The document has no scripts, because the router in the browser would otherwise display the requested
/// page.
pub fn refused_shell(options: LeptosOptions) -> impl IntoView {
    plain_shell(&options, || view! { <NotAllowedPage /> })
}

/// Renders a document without scripts for content that does not belong to one of the router's pages.
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

/// Loads and starts the WASM modules. Unlike Leptos' `HydrationScripts`, this component supports hashed file names.
///
/// The files with the code of the requested page are preloaded as well, so that the browser need not wait for the main
/// module before it requests them.
#[component]
fn Hydration(options: LeptosOptions, nonce: Option<Nonce>) -> impl IntoView {
    let LeptosOptions { site_pkg_dir: folder, output_name: name, .. } = options;
    let script = host::asset(&format!("{folder}/{name}.js"));
    let main = host::asset(&format!("{folder}/{name}_bg.wasm"));
    let begin = format!(
        "{LINKS_BEFORE_HYDRATION}import({script:?})\
         .then(s=>s.default({{module_or_path:{main:?}}}).then(()=>s.hydrate()))"
    );
    let page = host::requested_path().and_then(|path| modules::of_path(&path)).map(host::module_urls);
    let preloads = iter::once(main)
        .chain(page.unwrap_or_default())
        .map(|file| {
            view! { <link rel="preload" href=file r#as="fetch" r#type="application/wasm" crossorigin="anonymous" /> }
        })
        .collect_view();
    view! {
        <link rel="modulepreload" href=script crossorigin="anonymous" />
        {preloads}
        <script type="module" nonce=nonce>{begin}</script>
    }
}

/// The router, with the path of every page.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <PageTitle text="Tailwater" />
        <Router>
            <FlatRoutes fallback=NotFoundPage>
                <Route path=path!("/") view=|| view! { <Redirect path="/tasks/queue" /> } />
                <Route path=path!("/tasks/queue") view=LazyPage(modules::jobs) ssr=SsrMode::Async />
                <Route path=path!("/tasks/queue/new") view=LazyPage(modules::new_job) ssr=SsrMode::Async />
                <Route path=path!("/tasks/queue/bulk") view=LazyPage(modules::bulk) ssr=SsrMode::Async />
                <Route path=path!("/tasks/queue/view") view=LazyPage(modules::several_jobs) ssr=SsrMode::Async />
                <Route path=path!("/tasks/queue/:jobId") view=LazyPage(modules::job) ssr=SsrMode::Async />
                <Route path=path!("/secrets") view=LazyPage(modules::secrets) ssr=SsrMode::Async />
                <Route path=path!("/redaction") view=LazyPage(modules::redaction) ssr=SsrMode::Async />
                <Route path=path!("/workers") view=LazyPage(modules::workers) ssr=SsrMode::Async />
                <Route path=path!("/people") view=LazyPage(modules::people) ssr=SsrMode::Async />
                <Route path=path!("/audit") view=LazyPage(modules::audit_log) ssr=SsrMode::Async />
                <Route path=path!("/account") view=LazyPage(modules::account) ssr=SsrMode::Async />
                <Route path=path!("/login") view=LoginPage />
            </FlatRoutes>
        </Router>
    }
}
