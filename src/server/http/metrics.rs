//! `/metrics`: returns the server's counters ([`crate::metrics`]), and gauges that are measured at each request.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry, TEXT_FORMAT, TextEncoder};

use super::error::ApiError;
use crate::limits::METRICS_PATIENCE;
use crate::metrics::registered;
use crate::queue::Shipping;
use crate::server::AppState;
use crate::worker::spool;

/// Returns all metrics in Prometheus' text format.
pub(super) async fn metrics(State(state): State<AppState>) -> Result<Response, ApiError> {
    let mut families = state.db.metrics().gather();
    let measured = Registry::new();
    let gauges = Gauges { registry: &measured };
    let open = state.config.streams - state.streams.available_permits();
    gauges.set("tailwater_streams_open", "Streams open now.", open);
    let stored = async {
        let (queued, running) = state.queue.depths().await?;
        Ok::<_, crate::queue::QueueError>((queued, running, state.queue.shipping().await?))
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

/// Gauges that exist for one response only.
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

/// The disk usage of the data folder, in bytes.
struct Disk {
    lag: u64,
    spools: u64,
    database: u64,
    log: u64,
    free: u64,
}

impl Disk {
    fn show(&self, gauges: &Gauges<'_>) {
        gauges.set("tailwater_shipper_lag_bytes", "Output on disk that is not yet in the event log.", self.lag);
        gauges.set("tailwater_spool_bytes", "Output kept on disk.", self.spools);
        let files = [("main", self.database), ("wal", self.log)];
        gauges.set_each("tailwater_database_bytes", "Size of the database's files.", "file", files);
        gauges.set("tailwater_disk_free_bytes", "Free space on the disk of the data folder.", self.free);
    }
}

async fn measure_disk(state: &AppState, shipping: Vec<Shipping>) -> Result<Disk, ApiError> {
    let folder = state.config.data_dir.clone();
    let measured = tokio::task::spawn_blocking(move || disk(&folder, &shipping)).await;
    measured.map_err(|_| ApiError::Internal("looking at the data folder panicked".into()))
}

/// Measures the files themselves, so that nothing has to be counted while output is written and the values are correct
/// after a crash.
fn disk(folder: &Path, shipping: &[Shipping]) -> Disk {
    let size = |path: PathBuf| fs::metadata(path).map_or(0, |file| file.len());
    let lag = |of: &Shipping| {
        let captured = size(folder.join(spool::folder(of.job, of.attempt)).join(spool::OUTPUT_LOG));
        captured.saturating_sub(u64::try_from(of.bytes).unwrap_or(0))
    };
    Disk {
        lag: shipping.iter().map(lag).sum(),
        spools: size_below(&folder.join("spool")).unwrap_or(0),
        database: size(folder.join("tailwater.sqlite")),
        log: size(folder.join("tailwater.sqlite-wal")),
        free: rustix::fs::statvfs(folder).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
    }
}

/// Returns the total size of the files in a folder. Files that are removed in the meantime count as empty.
fn size_below(folder: &Path) -> io::Result<u64> {
    let mut size = 0;
    for entry in fs::read_dir(folder)?.flatten() {
        size += match entry.metadata() {
            Ok(kind) if kind.is_dir() => size_below(&entry.path()).unwrap_or(0),
            Ok(kind) => kind.len(),
            Err(_) => 0,
        };
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::JobId;

    #[test]
    fn the_lag_is_what_is_captured_and_not_stored() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let job: JobId = "01890000-0000-7000-8000-000000000000".parse().expect("an id");
        let spool = folder.path().join(spool::folder(job, 1));
        fs::create_dir_all(&spool).expect("the folder can be written");
        fs::write(spool.join(spool::OUTPUT_LOG), [b'x'; 100]).expect("the folder can be written");
        let disk =
            disk(folder.path(), &[Shipping { job, attempt: 1, bytes: 30 }, Shipping { job, attempt: 2, bytes: 9 }]);
        assert_eq!((disk.lag, disk.spools), (70, 100));
        assert!(disk.free > 0);
    }
}
