//! Actions on all jobs that match the filters of the list: the menu above the list, and the page that asks for
//! confirmation and shows the result. The page is a plain form, which works without scripts.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;
use model::{BulkAction, BulkFilter, BulkReply, JobCounts, JobId, JobStatus, Resubmission, Role};

use super::query::JobsQuery;
use crate::host;
use crate::page_data::RpcError;
use crate::pages::frame::{BackTo, framed, loaded};
use crate::rpc;
use crate::ui::{Dropdown, may};
use crate::words;

/// Returns the verb on the button of an action.
const fn verb(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Cancel => "Cancel",
        BulkAction::Resubmit => "Rerun",
        BulkAction::Remove => "Delete",
    }
}

/// Returns the past participle that describes jobs to which the action was applied.
const fn participle(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Cancel => "cancelled",
        BulkAction::Resubmit => "submitted again",
        BulkAction::Remove => "deleted",
    }
}

/// Returns the number of jobs in the list to which an action applies.
fn applicable(action: BulkAction, status: Option<JobStatus>, counts: JobCounts) -> i64 {
    let statuses = JobStatus::ALL.into_iter().filter(|known| status.is_none_or(|status| status == *known));
    statuses.filter(|status| action.applies_to(*status)).map(|status| counts.get(Some(status))).sum()
}

/// A menu with the actions that can be applied to the jobs in the list.
#[component]
pub(super) fn BulkMenu(wanted: JobsQuery, counts: RwSignal<JobCounts>) -> impl IntoView {
    let wanted = StoredValue::new(wanted);
    let link = move |action: BulkAction| {
        let count = move || applicable(action, wanted.with_value(|wanted| wanted.status), counts.get());
        let needed = if action == BulkAction::Remove { Role::Admin } else { Role::Operator };
        move || {
            (may(needed) && count() > 0).then(|| {
                let label = format!("{} {}\u{2026}", verb(action), words::plural(count(), "job"));
                let href = wanted.with_value(|wanted| wanted.bulk_address(action));
                view! { <A href=href attr:data-testid=format!("bulk-{}", action.as_str())>{label}</A> }
            })
        }
    };
    may(Role::Operator).then(|| {
        view! {
            <Dropdown
                class="bulk"
                label="Actions on all jobs in this list"
                test_id="bulk-menu"
                button=|| view! { <span>"All jobs in this list"</span> }
            >
                {BulkAction::ALL.map(link).into_iter().collect_view()}
            </Dropdown>
        }
    })
}

/// The parameters in the page's URL: the action, the filters and the result.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AskedBulk {
    action: Option<BulkAction>,
    query: JobsQuery,
    /// The numbers of jobs that were changed, that were skipped, and for which the action failed, or `None` before the
    /// form is submitted.
    result: Option<[i64; 3]>,
}

impl AskedBulk {
    fn from_address(params: &ParamsMap) -> Self {
        let number = |name: &str| params.get(name).and_then(|text| text.parse().ok());
        let result = number("done").map(|done| [done, number("skipped").unwrap_or(0), number("failed").unwrap_or(0)]);
        Self {
            action: params.get("action").and_then(|word| BulkAction::from_word(&word)),
            query: JobsQuery::from_address(params),
            result,
        }
    }

    fn filter(&self) -> BulkFilter {
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        BulkFilter {
            status: self.query.status.map(|status| vec![status]),
            kind: None,
            q: text(&self.query.q),
            user: text(&self.query.user),
            created_after: self.query.within.map(|within| within.since(host::now())),
            created_before: None,
        }
    }
}

/// The filter and the numbers of jobs for the confirmation, or `None` if the page does not ask for confirmation.
type BulkPreview = Option<(BulkFilter, BulkReply)>;

/// Asks for confirmation, or shows the result.
#[component]
pub fn BulkPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| AskedBulk::from_address(&query.read()));
    let preview = Resource::new(
        move || asked.get(),
        |asked| async move {
            let (Some(action), None) = (asked.action, asked.result) else { return Ok::<BulkPreview, RpcError>(None) };
            let filter = asked.filter();
            let reply = rpc::bulk_preview(action, filter.clone()).await?;
            Ok(Some((filter, reply)))
        },
    );
    framed("Several jobs", BackTo::Queue, loaded(preview, |preview| view! { <Bulk preview /> }.into_any()))
}

#[component]
fn Bulk(preview: BulkPreview) -> impl IntoView {
    let asked = AskedBulk::from_address(&use_query_map().read_untracked());
    let back = asked.query.address();
    let content = match (asked.action, asked.result, preview) {
        (Some(action), Some(result), _) => view! { <BulkResult action result /> }.into_any(),
        (Some(action), None, Some((filter, reply))) => {
            view! { <Confirmation action filter reply query=asked.query /> }.into_any()
        }
        _ => view! { <p>"This link does not specify an action."</p> }.into_any(),
    };
    view! {
        <main class="secrets">
            {content} <p>
                <A href=back>"Back to the queue"</A>
            </p>
        </main>
    }
    .into_any()
}

#[component]
fn Confirmation(action: BulkAction, filter: BulkFilter, reply: BulkReply, query: JobsQuery) -> impl IntoView {
    let jobs = words::plural(reply.matched, "job");
    if reply.matched == 0 && reply.resubmitted == 0 {
        let text = format!("No job that matches these filters can be {}.", participle(action));
        return view! { <p data-testid="bulk-none">{text}</p> }.into_any();
    }
    let after = filter.created_after.map(|time| time.to_string()).unwrap_or_default();
    let hint = match action {
        BulkAction::Cancel => "Queued jobs are cancelled at once. Running jobs are stopped by their workers.",
        BulkAction::Resubmit => {
            "Each job is submitted again as a new job, unless this was done before. The original order is kept."
        }
        BulkAction::Remove => "The jobs are deleted with their logs and artifacts. This cannot be undone.",
    };
    let more =
        reply.has_more.then_some("More jobs match. Only the oldest of them are changed; repeat this for the others.");
    let class = if action == BulkAction::Resubmit { "button primary" } else { "button danger" };
    let question = match reply.matched {
        0 => "All jobs that match these filters were already rerun.".to_owned(),
        _ => format!("{} {jobs}?", verb(action)),
    };
    // If the reader also selects the jobs that were already rerun, more jobs than `jobs` are changed. In this case, the
    // button states no number.
    let button = if reply.resubmitted == 0 { format!("{} {jobs}", verb(action)) } else { verb(action).to_owned() };
    let (before, is_only_choice) = (reply.before.to_string(), reply.matched == 0);
    view! {
        <h2 data-testid="bulk-question">{question}</h2>
        <p>{described(&query)}</p>
        <p class="hint">{hint} " Jobs that are submitted from now on are not affected."</p>
        {more.map(|text| view! { <p class="hint warning">{text}</p> })}
        <form method="post" action="/tasks/queue/bulk">
            <input type="hidden" name="action" value=action.as_str() />
            <input type="hidden" name="status" value=query.status.map_or("", JobStatus::as_str) />
            <input type="hidden" name="q" value=query.q />
            <input type="hidden" name="user" value=query.user />
            <input type="hidden" name="createdAfter" value=after />
            <input type="hidden" name="createdBefore" value=before />
            {(reply.resubmitted > 0).then(|| view! { <RerunAlready reply is_only_choice /> })}
            <button class=class data-testid="bulk-confirm">{button}</button>
        </form>
    }
    .into_any()
}

/// Lists the jobs that were already rerun, and asks whether to rerun them again.
#[component]
fn RerunAlready(
    reply: BulkReply,
    /// Whether only these jobs match, so that the form would have no effect without them.
    is_only_choice: bool,
) -> impl IntoView {
    let jobs = words::plural(reply.resubmitted, "job");
    let (was, it) = if reply.resubmitted == 1 { ("was", "it") } else { ("were", "them") };
    let listed = i64::try_from(reply.resubmissions.len()).unwrap_or(i64::MAX);
    let more = (listed < reply.resubmitted).then(|| {
        view! { <li>{format!("{} more", words::count(reply.resubmitted.saturating_sub(listed)))}</li> }
    });
    let link = |id: JobId| view! { <A href=format!("/tasks/queue/{id}")>{id.to_string()}</A> };
    let item = |again: Resubmission| view! { <li>{link(again.id)} " as " {link(again.resubmitted_as)}</li> };
    view! {
        <details data-testid="bulk-rerun-already">
            <summary>{format!("{jobs} {was} already rerun")}</summary>
            <ul>{reply.resubmissions.into_iter().map(item).collect_view()} {more}</ul>
        </details>
        <div class="checkbox">
            <input type="checkbox" id="include" name="includeResubmitted" value="true" required=is_only_choice />
            <label for="include">{format!("Rerun {it} too")}</label>
        </div>
    }
    .into_any()
}

/// Describes the filters.
fn described(query: &JobsQuery) -> String {
    let text = |text: &String| (!text.is_empty()).then(|| words::visible(text));
    let filters = [
        query.status.map(|status| format!("with the status {}", words::status(status).to_lowercase())),
        text(&query.q).map(|text| format!("whose title, command or ID contains \u{201c}{text}\u{201d}")),
        text(&query.user).map(|user| format!("submitted by {user}")),
        query.within.map(|within| format!("of the {}", within.label().to_lowercase())),
    ];
    let filters: Vec<String> = filters.into_iter().flatten().collect();
    if filters.is_empty() { "All jobs.".to_owned() } else { format!("Jobs {}.", filters.join(", ")) }
}

#[component]
fn BulkResult(action: BulkAction, result: [i64; 3]) -> impl IntoView {
    let [done, skipped, failed] = result;
    let was = |count: i64| if count == 1 { "was" } else { "were" };
    let done = format!("{} {} {}.", words::plural(done, "job"), was(done), participle(action));
    let skipped = (skipped > 0)
        .then(|| format!(" {} {} skipped because of a change of state.", words::plural(skipped, "job"), was(skipped)));
    let failed = (failed > 0).then(|| {
        let text = format!("The action failed for {}. The server's log says why.", words::plural(failed, "job"));
        view! { <p class="error" role="alert">{text}</p> }
    });
    view! {
        <p role="status" data-testid="bulk-done">{done} {skipped}</p>
        {failed}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menu_counts_only_the_jobs_to_which_an_action_applies() {
        let counts = JobCounts::new(|status| match status {
            JobStatus::Queued => 1,
            JobStatus::Running => 10,
            JobStatus::Failed => 100,
            JobStatus::Succeeded | JobStatus::Cancelled | JobStatus::DeadLetter => 1_000,
        });
        assert_eq!(applicable(BulkAction::Cancel, None, counts), 11);
        assert_eq!(applicable(BulkAction::Cancel, Some(JobStatus::Running), counts), 10);
        assert_eq!(applicable(BulkAction::Cancel, Some(JobStatus::Failed), counts), 0);
        assert_eq!(applicable(BulkAction::Remove, None, counts), 3_100);
    }

    #[test]
    fn the_question_describes_the_filters() {
        assert_eq!(described(&JobsQuery::default()), "All jobs.");
        let query = JobsQuery { status: Some(JobStatus::Queued), user: "ada".into(), ..JobsQuery::default() };
        assert_eq!(described(&query), "Jobs with the status queued, submitted by ada.");
    }
}
