//! The server's metrics, which `/metrics` exposes.
//!
//! `Db::open` creates the [`Metrics`], and the other modules access them through the database. There is no global
//! state, so two servers in one process count separately. Values that are measured rather than counted (queue, disk,
//! streams) are collected for each request to `/metrics`, in `server::http::metrics`. Labels are constants or route
//! templates, and never contain parts of a request.

use std::time::Duration;

use model::JobStatus;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

/// The upper bounds of the buckets, in seconds, for operations that take about as long as an fsync.
const FAST: [f64; 13] = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The upper bounds of the buckets, in seconds, for commands that users run.
const SLOW: [f64; 12] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0];

/// The server's counters and histograms. Cheap to clone.
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
    /// Creates counters and histograms that start at 0.
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
            event_bytes: counter("tailwater_event_bytes_appended_total", "Bytes of text in appended events."),
            redactions: counter("tailwater_redactions_total", "Values masked in the output of finished attempts."),
            appends: histogram(
                "tailwater_append_duration_seconds",
                "Time from the submission of a batch of events by a worker until the batch is committed.",
            ),
            commits: histogram("tailwater_commit_duration_seconds", "Time to commit a group of writes."),
            jobs: counters("tailwater_jobs_finished_total", "Finished jobs.", &["status"]),
            durations: histograms(
                "tailwater_job_duration_seconds",
                "Time from the start of a job's last attempt to the end of the job.",
                &SLOW,
                &["status"],
            ),
            requests: counters(
                "tailwater_http_requests_total",
                "HTTP requests that received a response.",
                &["method", "route", "status"],
            ),
            latencies: histograms(
                "tailwater_http_request_duration_seconds",
                "Time from a request to the headers of its response, without the time to send the body.",
                &FAST,
                &["method", "route"],
            ),
            registry,
        };
        // Create the counter of each final status now, so that rates can be computed from the first job on.
        for status in JobStatus::ALL.into_iter().filter(|status| status.is_terminal()) {
            metrics.jobs.with_label_values(&[status.as_str()]);
        }
        metrics
    }

    /// Counts committed events and the bytes of their text.
    pub fn appended(&self, events: usize, bytes: u64) {
        self.events.inc_by(u64::try_from(events).unwrap_or(u64::MAX));
        self.event_bytes.inc_by(bytes);
    }

    /// Adds the number of values that were masked in the output of a finished attempt.
    pub fn redacted(&self, masks: u64) {
        self.redactions.inc_by(masks);
    }

    /// Records the time from a worker's submission of a batch until the batch has been committed.
    pub fn append_took(&self, duration: Duration) {
        self.appends.observe(duration.as_secs_f64());
    }

    /// Records the duration of a commit.
    pub fn commit_took(&self, duration: Duration) {
        self.commits.observe(duration.as_secs_f64());
    }

    /// Counts a finished job. `took` is the time since the start of its last attempt, or `None` if it finished while it
    /// was queued.
    pub fn job_finished(&self, status: JobStatus, took: Option<Duration>) {
        self.jobs.with_label_values(&[status.as_str()]).inc();
        if let Some(took) = took {
            self.durations.with_label_values(&[status.as_str()]).observe(took.as_secs_f64());
        }
    }

    /// Counts a request and records its duration. `route` is the route's template, and not the requested path.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.latencies.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    /// Returns the current values of all metrics.
    #[must_use]
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

/// Registers a new collector, so that `/metrics` includes it.
pub fn registered<C: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> C {
    let collector = made.expect("the name is valid");
    registry.register(Box::new(collector.clone())).expect("every name is registered once");
    collector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_in_one_process_count_separately() {
        let (one, other) = (Metrics::new(), Metrics::new());
        one.job_finished(JobStatus::Failed, None);
        let failed = |metrics: &Metrics| metrics.jobs.with_label_values(&["failed"]).get();
        assert_eq!((failed(&one), failed(&other)), (1, 0));
    }
}
