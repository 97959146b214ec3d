//! The filters of the list of jobs, as they appear in the page's URL.

use std::time::Duration;

use leptos_router::params::ParamsMap;
use model::{BulkAction, JobStatus, Timestamp};
use serde::{Deserialize, Serialize};

/// The filters of the list. The page's URL contains them, so that users can link to a filtered list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JobsQuery {
    pub status: Option<JobStatus>,
    pub q: String,
    /// The user who submitted the jobs, or an empty string for all users.
    pub user: String,
    pub within: Option<Within>,
    /// The number of jobs to skip. This value is set only by the link to older jobs, which is shown if scripts are
    /// disabled.
    pub offset: u32,
}

/// The period in which the jobs were submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Within {
    Hour,
    Day,
    Week,
    Month,
}

impl Within {
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Returns the value that represents this period in the page's URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Hour => "Last hour",
            Self::Day => "Last 24 hours",
            Self::Week => "Last 7 days",
            Self::Month => "Last 30 days",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|within| within.as_str() == word)
    }

    /// Returns the beginning of the period, which ends at `now`.
    pub fn since(self, now: Timestamp) -> Timestamp {
        let length = match self {
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
            Self::Week => Duration::from_hours(7 * 24),
            Self::Month => Duration::from_hours(30 * 24),
        };
        Timestamp(now.0.saturating_sub(i64::try_from(length.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl JobsQuery {
    /// Reads the filters from the page's URL. Invalid values are ignored.
    pub fn from_address(params: &ParamsMap) -> Self {
        Self {
            status: params.get("status").and_then(|word| JobStatus::from_word(&word)),
            q: params.get("q").unwrap_or_default(),
            user: params.get("user").unwrap_or_default(),
            within: params.get("within").and_then(|word| Within::from_word(&word)),
            offset: params.get("offset").and_then(|offset| offset.parse().ok()).unwrap_or(0),
        }
    }

    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the URL of the list with these filters.
    pub fn address(&self) -> String {
        let mut params = self.common_parameters();
        if let Some(within) = self.within {
            params.insert("within", within.as_str().to_owned());
        }
        if self.offset > 0 {
            params.insert("offset", self.offset.to_string());
        }
        format!("/tasks/queue{}", params.to_query_string())
    }

    /// Returns the URL of the first page of the list with another status.
    pub fn address_with(&self, status: Option<JobStatus>) -> String {
        Self { status, offset: 0, ..self.clone() }.address()
    }

    /// Returns the URL of the page that asks for confirmation before an action is applied to all jobs with these
    /// filters.
    pub fn bulk_address(&self, action: BulkAction) -> String {
        let mut params = self.common_parameters();
        params.insert("action", action.as_str().to_owned());
        if let Some(within) = self.within {
            params.insert("within", within.as_str().to_owned());
        }
        format!("/tasks/queue/bulk{}", params.to_query_string())
    }

    /// Returns the query parameters of a request to the API, each preceded by `&`.
    pub fn api_parameters(&self, now: Timestamp) -> String {
        let mut params = self.common_parameters();
        if let Some(within) = self.within {
            params.insert("createdAfter", within.since(now).to_string());
        }
        params.to_query_string().replacen('?', "&", 1)
    }

    fn common_parameters(&self) -> ParamsMap {
        let mut params = ParamsMap::new();
        if let Some(status) = self.status {
            params.insert("status", status.as_str().to_owned());
        }
        for (name, text) in [("q", &self.q), ("user", &self.user)] {
            if !text.is_empty() {
                params.insert(name, text.clone());
            }
        }
        params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_contains_the_filters_and_can_be_parsed() {
        let query = JobsQuery {
            status: Some(JobStatus::DeadLetter),
            q: "a b&c".into(),
            user: "ada".into(),
            within: Some(Within::Week),
            offset: 50,
        };
        let address = query.address();
        assert_eq!(address, "/tasks/queue?status=dead%5Fletter&q=a%20b%26c&user=ada&within=7d&offset=50");
        let params = [("status", "dead_letter"), ("q", "a b&c"), ("user", "ada"), ("within", "7d"), ("offset", "50")];
        let params: ParamsMap = params.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        assert_eq!(JobsQuery::from_address(&params), query);
        assert_eq!(query.address_with(None), "/tasks/queue?q=a%20b%26c&user=ada&within=7d");
        assert_eq!(JobsQuery::default().address(), "/tasks/queue");
    }

    #[test]
    fn a_request_contains_the_beginning_of_the_period() {
        let query = JobsQuery { within: Some(Within::Hour), ..JobsQuery::default() };
        let now: Timestamp = "2026-01-31T12:30:00Z".parse().expect("a time");
        assert_eq!(query.api_parameters(now), "&createdAfter=2026%2D01%2D31T11%3A30%3A00%2E000000Z");
        assert_eq!(JobsQuery::default().api_parameters(now), "");
    }
}
