//! The page that shows the logs of several jobs, side by side or merged by time.
//!
//! Its URL contains the jobs: `/tasks/queue/view?job=ID&job=ID`, with `&layout=merged` for the merged list.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};
use leptos_router::params::ParamsMap;
use model::{EventsPage, JobId};

use super::live_job::LiveJob;
use super::refusal::Refusal;
use crate::live_output::logs::{Log, LogSource, Logs, MAX_LOGS};
use crate::live_output::merged::view::MergedRows;
use crate::live_output::{CommonTools, CopyButton, LogPanel, ReaderSearch, address as page_address};
use crate::page_data::{JobPageData, RpcError};
use crate::rpc::job_page;
use crate::ui::{Icon, PageTitle, Status};
use crate::words;

/// The URL parameter for the layout, and the parameter's value for the merged list.
const LAYOUT: &str = "layout";
const MERGED: &str = "merged";

/// Returns the URL of the page that shows these jobs.
pub fn address(jobs: &[JobId]) -> String {
    let parameters: Vec<String> = jobs.iter().map(|job| format!("job={job}")).collect();
    format!("/tasks/queue/view?{}", parameters.join("&"))
}

/// Returns the job ids in the page's URL: at most [`MAX_LOGS`], and without duplicates.
fn in_address(query: &ParamsMap) -> Vec<String> {
    let mut ids = Vec::new();
    for id in query.get_all("job").unwrap_or_default() {
        if ids.len() < MAX_LOGS && !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// Loads the jobs and shows their logs.
#[component]
pub fn SeveralJobsPage() -> impl IntoView {
    let query = use_query_map();
    let ids = Memo::new(move |_| in_address(&query.read()));
    let pages = Resource::new(
        move || ids.get(),
        |ids| async move {
            let mut pages = Vec::with_capacity(ids.len());
            for id in ids {
                let page = job_page(id.clone()).await;
                pages.push((id, page));
            }
            pages
        },
    );
    view! {
        <PageTitle text="Jobs \u{b7} Tailwater" />
        <Suspense fallback=|| view! { <div class="job-page" aria-busy="true"></div> }>
            {move || Suspend::new(async move { view! { <SeveralJobs pages=pages.await /> } })}
        </Suspense>
    }
    .into_any()
}

/// Shows the jobs that could be loaded. The props are serialisable, and this component creates all of the page's
/// reactive state.
#[component]
fn SeveralJobs(pages: Vec<(String, Result<JobPageData, RpcError>)>) -> impl IntoView {
    let mut jobs: Vec<(LiveJob, EventsPage)> = Vec::new();
    let mut errors = Vec::new();
    for (id, page) in pages {
        match page {
            Ok(page) => jobs.push(LiveJob::new(page)),
            Err(error) => errors.push((id, error)),
        }
    }
    if jobs.is_empty() {
        return match errors.pop() {
            Some((_, error)) => view! { <Refusal error /> }.into_any(),
            None => view! { <NoJobs /> }.into_any(),
        };
    }
    let mut problems: Vec<String> =
        errors.iter().map(|(id, error)| format!("Job {id} could not be loaded: {error}.")).collect();
    let named = use_query_map().with_untracked(|query| query.get_all("job").map_or(0, |ids| ids.len()));
    if named > MAX_LOGS {
        problems.push(format!("Only the first {MAX_LOGS} of {named} jobs are shown."));
    }
    let problem = problems.join(" ");
    let lives: Vec<LiveJob> = jobs.iter().map(|(live, _)| *live).collect();
    let ids: Vec<JobId> = lives.iter().map(|live| live.id).collect();
    let sources: Vec<LogSource> = jobs
        .into_iter()
        .map(|(live, tail)| {
            // The jobs are compared with each other only if there are exactly two.
            let other = ids.iter().copied().find(|id| *id != live.id).filter(|_| ids.len() == 2);
            live.log(tail, Signal::stored(other))
        })
        .collect();
    let logs = Logs::new(&sources);
    let search = ReaderSearch::new(logs);
    let is_merged = RwSignal::new(false);
    let count = ids.len();
    let several = words::plural(i64::try_from(count).unwrap_or(i64::MAX), "job");
    let heading = several.clone();
    let title = Signal::derive(move || {
        let sign = |live: &LiveJob| live.job.try_with(|job| words::status_sign(job.status)).unwrap_or_default();
        format!("{} {several} \u{b7} Tailwater", lives.iter().map(sign).collect::<String>())
    });
    let columns = sources
        .into_iter()
        .zip(logs.all())
        .enumerate()
        .map(|(index, (source, log))| {
            let others: Vec<JobId> = ids.iter().copied().filter(|id| *id != ids[index]).collect();
            view! { <Column source log logs search index others /> }
        })
        .collect_view();
    view! {
        <PageTitle text=title />
        <div class="job-page">
            <header class="page-header">
                <A href="/tasks/queue" attr:class="back">
                    <Icon name="back" />
                    <span>"Queue"</span>
                </A>
                <h1>{heading}</h1>
                <span class="push"></span>
                <LayoutChoice is_merged />
            </header>
            {(!problem.is_empty())
                .then(|| {
                    view! {
                        <p class="problem" role="alert">
                            {problem}
                        </p>
                    }
                })}
            <CommonTools logs search />
            <main class="several-main" data-merged=move || is_merged.get().to_string()>
                <div class="several" data-count=count.to_string()>
                    {columns}
                </div>
                <Show when=move || is_merged.get()>
                    <MergedRows logs />
                </Show>
            </main>
        </div>
    }
    .into_any()
}

/// The buttons that switch between separate lists and the merged list. The page's URL contains the choice.
#[component]
fn LayoutChoice(is_merged: RwSignal<bool>) -> impl IntoView {
    Effect::new(move || {
        if page_address::parameters().is_some_and(|parameters| parameters.get(LAYOUT).as_deref() == Some(MERGED)) {
            is_merged.set(true);
        }
    });
    let button = move |merged: bool, label: &'static str, test_id: &'static str| {
        let choose = move |_| {
            is_merged.set(merged);
            let values: &[(&str, &str)] = if merged { &[(LAYOUT, MERGED)] } else { &[] };
            page_address::replace_parameters(&[LAYOUT], values);
        };
        view! {
            <button
                data-testid=test_id
                aria-pressed=move || (is_merged.get() == merged).to_string()
                on:click=choose
            >
                {label}
            </button>
        }
    };
    view! {
        <div class="segments needs-scripts" role="group" aria-label="Layout">
            {button(false, "Side by side", "layout-side-by-side")}
            {button(true, "Merged", "layout-merged")}
        </div>
    }
    .into_any()
}

/// The message that is shown if the page's URL contains no jobs.
#[component]
fn NoJobs() -> impl IntoView {
    view! {
        <main class="notice">
            <h1>"No jobs selected"</h1>
            <p>"Select up to " {MAX_LOGS} " jobs in the queue to view their output side by side."</p>
            <p>
                <A href="/tasks/queue">"Go to the queue"</A>
            </p>
        </main>
    }
    .into_any()
}

/// The log of one of the jobs, below a header with its status, title and duration.
#[component]
fn Column(
    source: LogSource,
    log: Log,
    logs: Logs,
    search: ReaderSearch,
    /// The position of the column, which determines its number and colour.
    index: usize,
    /// The other jobs of the page.
    others: Vec<JobId>,
) -> impl IntoView {
    let job = log.job;
    let now = source.now;
    let id = job.with_untracked(|job| job.id);
    let navigate = use_navigate();
    let jobs = others.clone();
    // Removing the job keeps the search, the filters and the layout.
    let remove = StoredValue::new(move || {
        let kept = page_address::parameters().map_or_else(String::new, |parameters| {
            parameters.delete("job");
            String::from(parameters.to_string())
        });
        let and = if kept.is_empty() { "" } else { "&" };
        navigate(&format!("{}{and}{kept}", address(&jobs)), NavigateOptions::default());
    });
    let status = Signal::derive(move || job.read().status);
    let title = move || words::visible(&job.read().title);
    let duration = move || words::run_time(job.read().phase(), || now.get());
    view! {
        <section
            class="live"
            data-testid="live-output"
            data-job=id.to_string()
            data-number=(index + 1).to_string()
            data-active=move || logs.is_active(index).to_string()
            aria-label=title
            on:pointerdown=move |_| logs.activate(index)
            on:focusin=move |_| logs.activate(index)
        >
            <header class="several-job">
                <span class="several-number" aria-hidden="true">
                    {index + 1}
                </span>
                <Status status />
                <A href=format!("/tasks/queue/{id}") attr:class="several-title" attr:title=title>
                    {title}
                </A>
                <span class="push"></span>
                <span class="meta duration">{duration}</span>
                <CopyButton screen=log.screen() />
                <a
                    class="button quiet"
                    href=address(&others)
                    on:click=move |event| {
                        event.prevent_default();
                        remove.with_value(|remove| remove());
                    }
                    title="Remove from this page"
                    aria-label=move || format!("Remove {} from this page", title())
                    data-testid="remove-job"
                >
                    <Icon name="remove" />
                </a>
            </header>
            <LogPanel source log search />
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_contains_each_job_once_and_at_most_six_jobs() {
        let id = |number: u8| JobId(uuid::Uuid::from_bytes([number; 16]));
        let query = |ids: &[JobId]| -> ParamsMap { ids.iter().map(|id| ("job", id.to_string())).collect() };
        let jobs: Vec<JobId> = (1..=8).map(id).collect();
        let read = in_address(&query(&jobs));
        assert_eq!(read, jobs[..6].iter().map(JobId::to_string).collect::<Vec<_>>());
        assert_eq!(in_address(&query(&[id(1), id(2), id(1)])), [id(1).to_string(), id(2).to_string()]);
        assert_eq!(in_address(&ParamsMap::new()), Vec::<String>::new());
        assert_eq!(address(&jobs[..2]), format!("/tasks/queue/view?job={}&job={}", jobs[0], jobs[1]));
    }
}
