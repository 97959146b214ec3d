//! `/metrics`: returns the server's counters ([`engine::metrics`]), and gauges that are measured for each request.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use engine::metrics::registered;
use engine::queue::Shipping;
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry, TEXT_FORMAT, TextEncoder};

use super::error::ApiError;
use crate::limits::METRICS_PATIENCE;
use crate::server::AppState;

/// Returns all metrics in Prometheus' text format.
pub(super) async fn metrics(State(state): State<AppState>) -> Result<Response, ApiError> {
    let mut families = state.db.metrics().gather();
    let measured = Registry::new();
    let gauges = Gauges { registry: &measured };
    gauges.set("tailwater_streams_open", "Streams that are currently open.", state.streams.count());
    let stored = async {
        let (queued, running) = state.queue.depths().await?;
        Ok::<_, engine::queue::QueueError>((queued, running, state.queue.shipping().await?))
    };
    if let Ok(Ok((queued, running, shipping))) = tokio::time::timeout(METRICS_PATIENCE, stored).await {
        gauges.set_each(
            "tailwater_jobs",
            "Jobs that have not finished.",
            "status",
            [("queued", queued), ("running", running)],
        );
        measure_disk(&state, shipping).await?.show(&gauges);
    }
    families.extend(measured.gather());
    let text = TextEncoder::new().encode_to_string(&families).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response())
}

/// Gauges that are created for a single response.
struct Gauges<'a> {
    registry: &'a Registry,
}

impl Gauges<'_> {
    fn set(&self, name: &str, help: &str, value: impl TryInto<i64>) {
        registered(self.registry, IntGauge::new(name, help)).set(value.try_into().unwrap_or(i64::MAX));
    }

    fn set_each<T: TryInto<i64>, const N: usize>(&self, name: &str, help: &str, label: &str, values: [(&str, T); N]) {
        let gauges = registered(self.registry, IntGaugeVec::new(Opts::new(name, help), &[label]));
        for (word, value) in values {
            gauges.with_label_values(&[word]).set(value.try_into().unwrap_or(i64::MAX));
        }
    }
}

/// Sizes in bytes: the output that is not in the event logs yet, all stored output, the files of the database, and the
/// free disk space.
struct Disk {
    lag: u64,
    outputs: u64,
    database: u64,
    wal: u64,
    free: u64,
}

impl Disk {
    fn show(&self, gauges: &Gauges<'_>) {
        gauges.set(
            "tailwater_shipper_lag_bytes",
            "Bytes of output on disk that are not yet in the jobs' event logs.",
            self.lag,
        );
        gauges.set("tailwater_spool_bytes", "Bytes of output stored on disk.", self.outputs);
        let files = [("main", self.database), ("wal", self.wal)];
        gauges.set_each("tailwater_database_bytes", "Size of the database's files.", "file", files);
        gauges.set("tailwater_disk_free_bytes", "Free space on the disk of the data directory.", self.free);
    }
}

/// Measures the sizes of the files for each request, instead of updating a counter with each write. The sizes are
/// therefore correct even after a crash.
async fn measure_disk(state: &AppState, shipping: Vec<Shipping>) -> Result<Disk, ApiError> {
    let lag = state.outputs.unshipped(shipping).await;
    let outputs = state.outputs.size().await;
    let (db, disk) = (state.db.clone(), state.disk.clone());
    let measured = tokio::task::spawn_blocking(move || (db.file_sizes(), disk.free_bytes())).await;
    let failed = |error: &dyn std::fmt::Display| ApiError::Internal(error.to_string());
    let ([database, wal], free) = measured.map_err(ApiError::of_task)?;
    let (lag, outputs) = (lag.map_err(|error| failed(&error))?, outputs.map_err(|error| failed(&error))?);
    Ok(Disk { lag, outputs, database, wal, free })
}
