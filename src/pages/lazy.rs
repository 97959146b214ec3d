//! A route whose page may be in a module that the browser has not loaded yet.

use std::future::{Future, pending};

use leptos::prelude::*;
use leptos_router::ChooseView;
use leptos_router::hooks::use_url;
use leptos_router::location::Url;

use super::modules::SplitPage;

/// The view of a route. The function in it loads and returns the route's page.
///
/// If the module cannot be loaded, for example because the server has been updated since the tab was opened, the
/// browser requests the page from the server like any other document.
#[derive(Clone, Copy, Debug)]
pub struct LazyPage<F>(pub F);

impl<F, Page> ChooseView for LazyPage<F>
where
    F: Fn() -> Page + Send + Clone + 'static,
    Page: Future<Output = SplitPage>,
{
    async fn choose(self) -> AnyView {
        if let Ok(page) = (self.0)().await {
            return page;
        }
        load_document();
        // The current page remains visible until the browser has received the new document.
        pending().await
    }

    async fn preload(&self) {}
}

/// Makes the browser load the document of the route's page.
///
/// If the browser has just loaded this document from the server, the document is not loaded again, because that could
/// cause an endless loop. The page then works as it does without scripts, and the browser follows the page's links (see
/// `app`).
fn load_document() {
    if Owner::current_shared_context().is_some_and(|context| context.during_hydration()) {
        return;
    }
    let address = use_url().with_untracked(address_of);
    let location = window().location();
    // The router changes the location only after it has displayed the page, unless the user went back or forward in the
    // history.
    let is_there = location.href().is_ok_and(|href| href.ends_with(&address));
    let _ = if is_there { location.reload() } else { location.assign(&address) };
}

/// Returns the path, the query and the fragment of a URL.
fn address_of(url: &Url) -> String {
    let question = if url.search().is_empty() { "" } else { "?" };
    format!("{}{question}{}{}", url.path(), url.search(), url.hash())
}
