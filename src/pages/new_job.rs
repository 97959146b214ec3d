//! The pages for submitting a new job and, with `?from=JOB_ID`, for editing an existing job and running it again.
//! Without scripts the form is posted to `server::http::form`.

mod draft;
mod environment;
mod field;
mod form;
mod remembered;
mod shell;
mod steps;
mod terminal;

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use model::{Job, Role};

use super::NotAllowedPage;
use super::frame::{BackTo, framed, loaded};
use crate::host;
use crate::job_form::{Original, kept_of_job};
use crate::rpc;
use crate::ui::may;
use crate::words;
use form::Form;

/// The paths of the form fields that are collapsed initially, because few jobs need them.
const FURTHER: [&str; 4] = ["payload.shell", "payload.timeoutSeconds", "maxAttempts", "priority"];

/// The page for a new job or, if the query parameter `from` is given, for editing the job with that id.
#[component]
pub fn NewJobPage() -> impl IntoView {
    let query = use_query_map();
    let from = Memo::new(move |_| query.read().get("from").filter(|id| !id.is_empty()));
    move || match from.get() {
        _ if !may(Role::Operator) => view! { <NotAllowedPage /> }.into_any(),
        Some(id) => view! { <EditPage id /> }.into_any(),
        None => framed("New job", BackTo::Queue, view! { <Form original=None /> }.into_any()),
    }
}

/// Loads a job and shows the form for editing it.
#[component]
fn EditPage(id: String) -> impl IntoView {
    let job = Resource::new(move || id.clone(), rpc::job);
    loaded(job, |job| framed("Edit and run again", BackTo::Queue, filled(job)))
}

fn filled(job: Job) -> AnyView {
    let page = format!("/tasks/queue/{}", job.id);
    let title = words::visible(&job.title);
    let Some(original) = Original::of(&job) else {
        host::status(422);
        return view! {
            <main class="notice" role="alert">
                <h2>"This job cannot be edited"</h2>
                <p>"Only command jobs can be edited here. Run this job again from its page, or resubmit it with changes through the API."</p>
                <p>
                    <A href=page>"Go to the job"</A>
                </p>
            </main>
        }
        .into_any();
    };
    let kept = kept_of_job(&job);
    view! {
        <section class="form-intro" aria-label="The original job">
            <p data-testid="made-from">
                "This creates a new job based on " <A href=page>{title}</A> ". Everything you do not change is kept, including secret values."
            </p>
            {(!kept.is_empty())
                .then(|| {
                    view! {
                        <p class="hint">"These settings are not on this form and will not change:"</p>
                        <ul class="kept hint" data-testid="kept-of-job">
                            {kept.into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}
                        </ul>
                    }
                })}
        </section>
        <Form original=Some((job.id, original)) />
    }
    .into_any()
}
