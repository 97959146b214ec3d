//! The common parts of most pages: a title, a link back, the person's menu, and data that is loaded from the server.
//! The pages with the list or the output of jobs have their own headers.

use leptos::prelude::*;
use leptos_router::components::A;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use crate::page_data::RpcError;
use crate::ui::{Icon, PageTitle, PersonMenu};

/// The page to which the link in a header leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackTo {
    /// The list of jobs.
    Queue,
    /// The named secrets.
    Secrets,
}

/// Returns a page with a header above its content.
pub fn framed(title: &'static str, back: BackTo, content: AnyView) -> AnyView {
    let (path, label) = match back {
        BackTo::Queue => ("/tasks/queue", "Queue"),
        BackTo::Secrets => ("/secrets", "Secrets"),
    };
    view! {
        <PageTitle text=format!("{title} \u{b7} Tailwater") />
        <div class="form-page">
            <header class="page-header">
                <A href=path attr:class="back">
                    <Icon name="back" />
                    <span>{label}</span>
                </A>
                <h1>{title}</h1>
                <span class="push"></span>
                <PersonMenu />
            </header>
            {content}
        </div>
    }
    .into_any()
}

/// Shows data once it has been loaded, or the error with which the server refused the request.
pub fn loaded<T>(data: Resource<Result<T, RpcError>>, show: fn(T) -> AnyView) -> AnyView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match data.await {
                    Ok(data) => show(data),
                    Err(error) => view! { <Refusal error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}
