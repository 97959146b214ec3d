//! What is counted while the server works; `/metrics` shows it.
//!
//! One handle, made with the database and carried by it to whoever counts: nothing here is global, so two servers in one
//! process count apart. What is not counted but measured (queue, disk, streams) is asked for when somebody looks, in
//! `server::http::metrics`. Labels are words of ours and templates of routes, never a part of a request.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

use crate::model::JobStatus;

/// Bounds of what takes about as long as an fsync, in seconds.
const FAST: [f64; 13] = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Bounds of what takes as long as people's commands do, in seconds.
const SLOW: [f64; 12] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0];

/// The server's counters. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    events: IntCounter,
    event_bytes: IntCounter,
    redactions: IntCounter,
    appends: Histogram,
    commits: Histogram,
    jobs: IntCounterVec,
    durations: HistogramVec,
    requests: IntCounterVec,
    latencies: HistogramVec,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Makes counters that stand at 0.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| registered(&registry, IntCounter::new(name, help));
        let counters =
            |name: &str, help: &str, labels| registered(&registry, IntCounterVec::new(Opts::new(name, help), labels));
        let options = |name: &str, help: &str, bounds: &[f64]| HistogramOpts::new(name, help).buckets(bounds.to_vec());
        let histogram =
            |name: &str, help: &str| registered(&registry, Histogram::with_opts(options(name, help, &FAST)));
        let histograms = |name: &str, help: &str, bounds: &[f64], labels| {
            registered(&registry, HistogramVec::new(options(name, help, bounds), labels))
        };
        let metrics = Self {
            events: counter("tailwater_events_appended_total", "Events appended to the jobs' logs."),
            event_bytes: counter("tailwater_event_bytes_appended_total", "Bytes of those events' text."),
            redactions: counter("tailwater_redactions_total", "Places in finished attempts' output that were masked."),
            appends: histogram(
                "tailwater_append_duration_seconds",
                "From a worker's handing a batch of events in to its commit.",
            ),
            commits: histogram("tailwater_commit_duration_seconds", "The commit of a group of writes by itself."),
            jobs: counters("tailwater_jobs_finished_total", "Jobs that have come to their end.", &["status"]),
            durations: histograms(
                "tailwater_job_duration_seconds",
                "From the beginning of a job's last attempt to the job's end.",
                &SLOW,
                &["status"],
            ),
            requests: counters("tailwater_http_requests_total", "Requests answered.", &["method", "route", "status"]),
            latencies: histograms(
                "tailwater_http_request_duration_seconds",
                "From a request to the head of its reply; a stream goes on after that.",
                &FAST,
                &["method", "route"],
            ),
            registry,
        };
        // So that a rate is known from the first job on.
        for status in JobStatus::ALL.into_iter().filter(|status| status.is_terminal()) {
            metrics.jobs.with_label_values(&[status.as_str()]);
        }
        metrics
    }

    /// Counts events whose append is committed.
    pub fn appended(&self, events: usize, bytes: u64) {
        self.events.inc_by(u64::try_from(events).unwrap_or(u64::MAX));
        self.event_bytes.inc_by(bytes);
    }

    /// Counts what was masked in a finished attempt.
    pub fn redacted(&self, places: u64) {
        self.redactions.inc_by(places);
    }

    /// Takes how long an append took its worker.
    pub fn append_took(&self, duration: Duration) {
        self.appends.observe(duration.as_secs_f64());
    }

    /// Takes how long a commit took.
    pub fn commit_took(&self, duration: Duration) {
        self.commits.observe(duration.as_secs_f64());
    }

    /// Counts a job that is over; one that never ran took no time.
    pub fn job_finished(&self, status: JobStatus, took: Option<Duration>) {
        self.jobs.with_label_values(&[status.as_str()]).inc();
        if let Some(took) = took {
            self.durations.with_label_values(&[status.as_str()]).observe(took.as_secs_f64());
        }
    }

    /// Counts a request; `route` is the template, not what was asked for.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.latencies.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    /// Returns everything that was counted so far.
    #[must_use]
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

/// Puts a new counter among those that are shown.
pub(crate) fn registered<C: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> C {
    let collector = made.expect("the name is a valid one");
    registry.register(Box::new(collector.clone())).expect("every name is registered once");
    collector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_in_one_process_count_apart() {
        let (one, other) = (Metrics::new(), Metrics::new());
        one.job_finished(JobStatus::Failed, None);
        let failed = |metrics: &Metrics| metrics.jobs.with_label_values(&["failed"]).get();
        assert_eq!((failed(&one), failed(&other)), (1, 0));
    }
}
