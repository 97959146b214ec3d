//! `/jobs/{id}/log/search`: finds lines of an attempt's output by their text, level, step or stream.
//!
//! In the JSON format, the response is one page of lines. In the NDJSON format, it is a stream of such pages that ends
//! when everything has been searched. In the plain text format, it is a stream of the lines as they were printed, each
//! preceded by its time if requested. A search ends when its client disconnects.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use engine::output::OutputError;
use engine::output::search::{
    KnownLines, LineQuery, LogSearch, MessageLines, PatternCase, SearchAccount, SearchFrom, SearchPattern, Select,
    Syntax,
};
use engine::output::text::Times;
use engine::queue::QueueError;
use model::{JobId, Level};

use super::error::ApiError;
use super::events::{Format, NDJSON};
use super::jobs::JobPath;
use super::lines::attempt;
use super::log::{PLAIN_TEXT, selection};
use super::query::Query;
use crate::auth::Identity;
use crate::server::AppState;
use crate::server::open_streams::{StreamPermit, StreamRequest};

/// The default and the maximum number of lines in a response.
pub(super) const LIMIT: (i64, i64) = (200, 2000);

/// The maximum length of a pattern in bytes. With a longer pattern, the URL would be longer than most proxies accept.
pub(super) const MAX_PATTERN: usize = 4000;

pub(super) async fn search(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    request: Option<Extension<StreamRequest>>,
    JobPath(job): JobPath,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, ApiError> {
    let other =
        query.text("notIn").map(|id| id.parse::<JobId>().map_err(|_| not_in(format!("{id:?} is not the id of a job"))));
    let other = other.transpose()?;
    let mut wanted = line_query(&mut query, other)?;
    let from = search_from(&mut query)?;
    let format = Format::requested(&mut query, &headers)?;
    let times = query.word("timestamps", &[("true", Times::Prefixed), ("false", Times::Omitted)])?;
    if times.is_some() && format != Format::Text {
        return Err(ApiError::InvalidQuery("timestamps: requires `Accept: text/plain` or `format=text`".into()));
    }
    // In the JSON format, the minimum is 1, because a client that pages with a limit of 0 would never advance.
    let least = i64::from(format == Format::Json);
    let limit = query.number("limit", least..=LIMIT.1)?;
    if limit.is_some() && format == Format::Text {
        return Err(ApiError::InvalidQuery("limit: cannot be combined with plain text".into()));
    }
    let limit = usize::try_from(limit.unwrap_or(LIMIT.0)).unwrap_or(0);
    let attempt = attempt(&mut query)?;
    query.end()?;
    // The state of the attempt is read before its stored output. If this state says that the output is complete, the
    // output that is read is complete too.
    let output = state.outputs.find(job, attempt).await?;
    let account = SearchAccount(identity.account.user_id());
    if let Some(other) = other {
        wanted.unlike = Some(known_lines(&state, account, other).await?);
    }
    let search = state.outputs.search(account, job, &output, wanted, from).await?;
    let content_type = match format {
        Format::Json => return Ok(Json(search.page(limit).await?).into_response()),
        Format::Lines => NDJSON,
        Format::Text => PLAIN_TEXT,
    };
    let permit = state.streams.permit(request.as_deref())?;
    let found = match format {
        Format::Text => Sending::Lines(times.unwrap_or_default()),
        Format::Json | Format::Lines => Sending::Batches { limit },
    };
    let results = Results { state, search, sending: found, _permit: permit };
    let live = [(CACHE_CONTROL, "no-cache, no-transform"), (HeaderName::from_static("x-accel-buffering"), "no")];
    Ok(([(CONTENT_TYPE, content_type)], live, results.into_body()).into_response())
}

/// Returns the lines of the job specified by the parameter `notIn`.
async fn known_lines(state: &AppState, account: SearchAccount, other: JobId) -> Result<Arc<KnownLines>, ApiError> {
    state.outputs.known_lines(account, other).await.map_err(|error| match error {
        OutputError::Queue(QueueError::NoSuchJob(_))
        | OutputError::Missing
        | OutputError::Removed(_)
        | OutputError::TooManyDifferent { .. }
        | OutputError::Unfinished => not_in(error.to_string()),
        error => error.into(),
    })
}

fn not_in(problem: String) -> ApiError {
    ApiError::InvalidQuery(format!("notIn: {problem}"))
}

fn line_query(query: &mut Query, other: Option<JobId>) -> Result<LineQuery, ApiError> {
    let yes_or_no = |query: &mut Query, name: &str| query.word(name, &[("true", true), ("false", false)]);
    let syntax = if yes_or_no(query, "regex")?.unwrap_or(false) { Syntax::Regex } else { Syntax::Text };
    let case =
        if yes_or_no(query, "ignoreCase")?.unwrap_or(false) { PatternCase::Ignored } else { PatternCase::Sensitive };
    let select = if yes_or_no(query, "invert")?.unwrap_or(false) { Select::Others } else { Select::Matching };
    let pattern = match query.text("q") {
        Some(text) if text.len() > MAX_PATTERN => {
            return Err(ApiError::InvalidQuery(format!("q: must not be longer than {MAX_PATTERN} bytes")));
        }
        Some(text) => Some(
            SearchPattern::new(&text, syntax, case).map_err(|error| ApiError::InvalidQuery(format!("q: {error}")))?,
        ),
        None => None,
    };
    let messages = match yes_or_no(query, "continuations")? {
        Some(false) => MessageLines::First,
        _ => MessageLines::All,
    };
    let wanted =
        LineQuery { pattern, select, source: selection(query)?, levels: levels(query)?, messages, unlike: None };
    if wanted.pattern.is_none()
        && other.is_none()
        && (select == Select::Others || wanted.levels.is_empty() && wanted.source.is_everything())
    {
        let problem = "q: specify the text to search for, or select lines by level, stage, stepId, stream or notIn";
        return Err(ApiError::InvalidQuery(problem.into()));
    }
    Ok(wanted)
}

/// Parses a list of levels, separated by commas.
fn levels(query: &mut Query) -> Result<Vec<Level>, ApiError> {
    let known = [Level::Info, Level::Warn, Level::Error];
    let level = |word: &str| {
        let level = known.into_iter().find(|level| level.as_str() == word);
        level.ok_or_else(|| ApiError::InvalidQuery(format!("level: must be info, warn or error, not {word:?}")))
    };
    query.text("level").map_or(Ok(Vec::new()), |words| words.split(',').map(level).collect())
}

fn search_from(query: &mut Query) -> Result<SearchFrom, ApiError> {
    let mut line = |name| query.number(name, 1..=i64::MAX).map(|line| line.map(i64::unsigned_abs));
    match (line("from")?, line("before")?) {
        (Some(_), Some(_)) => Err(ApiError::InvalidQuery("from cannot be combined with before".into())),
        (None, Some(line)) => Ok(SearchFrom::Before(line)),
        (line, None) => Ok(SearchFrom::Line(line.unwrap_or(1))),
    }
}

/// The results of a search that have not been sent yet.
struct Results {
    state: AppState,
    search: LogSearch,
    sending: Sending,
    _permit: StreamPermit,
}

/// The format in which the results are sent.
enum Sending {
    /// Pages of lines. The pages that are still to be sent contain the text of at most `limit` lines in total.
    Batches { limit: usize },
    /// The lines as plain text, each preceded by its time if requested.
    Lines(Times),
}

impl Results {
    fn into_body(self) -> Body {
        Body::from_stream(futures_util::stream::unfold(Some(self), |results| async {
            let mut results = results?;
            let next = results.next().await;
            // If the search fails, the body ends with an error, so that clients do not consider it complete.
            if let Err(error) = &next {
                tracing::warn!(%error, "a search was aborted");
            }
            let more = next.as_ref().is_ok_and(|(_, more)| *more);
            Some((next.map(|(bytes, _)| bytes), more.then_some(results)))
        }))
    }

    /// Returns the next bytes of the body, and whether more may follow.
    async fn next(&mut self) -> Result<(Bytes, bool), OutputError> {
        let shutdown = self.state.shutdown.clone();
        tokio::select! {
            next = self.search() => next,
            () = shutdown.cancelled() => Err(std::io::Error::other("the server is stopping").into()),
        }
    }

    async fn search(&mut self) -> Result<(Bytes, bool), OutputError> {
        match &mut self.sending {
            Sending::Batches { limit } => {
                let batch = self.search.batch(*limit).await?;
                *limit -= batch.items.len();
                let mut line = serde_json::to_vec(&batch).expect("a page contains only strings and numbers");
                line.push(b'\n');
                Ok((line.into(), !batch.done))
            }
            Sending::Lines(times) => {
                let Some(lines) = self.search.lines().await? else { return Ok((Bytes::new(), false)) };
                let mut text = Vec::new();
                for line in lines {
                    if *times == Times::Prefixed {
                        text.extend_from_slice(format!("{} ", line.time).as_bytes());
                    }
                    text.extend_from_slice(&line.text);
                    text.push(b'\n');
                }
                Ok((text.into(), true))
            }
        }
    }
}
