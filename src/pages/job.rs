//! The page of a job, with its status, steps, artifacts and live output.

mod aside;
mod facts;
mod header;
mod masked;
mod notify;
mod plan;
mod preview;
mod timeline;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::live_job::LiveJob;
use super::refusal::Refusal;
use crate::live_output::LiveOutput;
use crate::page_data::JobPageData;
use crate::rpc::job_page;
use crate::ui::PageTitle;
use aside::Aside;
use header::Header;

/// Loads a job and displays its page.
#[component]
pub fn JobPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("jobId").unwrap_or_default());
    let page = Resource::new(move || id.get(), job_page);
    view! {
        <PageTitle text="Job \u{b7} Tailwater" />
        <Suspense fallback=Loading>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => view! { <JobView page /> }.into_any(),
                    Err(error) => view! { <Refusal error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

/// A placeholder that is shown while the job is loading.
#[component]
fn Loading() -> impl IntoView {
    view! {
        <div class="job-page" aria-busy="true">
            <header class="page-header">
                <span class="skeleton">"Loading the job"</span>
            </header>
            <main class="job">
                <aside class="job-aside"></aside>
                <section class="live"></section>
            </main>
        </div>
    }
    .into_any()
}

/// Shows a loaded job. The props are serialisable, and this component creates all of the page's reactive state.
#[component]
fn JobView(page: JobPageData) -> impl IntoView {
    let (live, tail) = LiveJob::new(page);
    let now = live.now;
    Effect::new(move || live.ask_usual());
    notify::show_status_in_icon(live.job);
    let last_success = Signal::derive(move || live.usual.with(|usual| usual.last_success));
    view! {
        <PageTitle text=Signal::derive(move || live.page_title()) />
        <div class="job-page">
            <Header live now />
            <main class="job">
                <Aside live now />
                <LiveOutput source=live.log(tail, last_success) />
            </main>
        </div>
    }
    .into_any()
}
