//! Counts the calls of the storage for the admin listener.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use roadstead_storage::Operation;
use roadstead_storage::decorators::metrics::{Call, Ended, StorageObserver, Streamed};
use std::sync::OnceLock;

/// Upper bounds of the histogram's buckets, in seconds: from a cached record to a slow object.
const BUCKETS: [f64; 16] = [
    0.000_002, 0.000_005, 0.000_01, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005,
    0.01, 0.05, 0.25, 1.0, 5.0, 30.0,
];

/// More than there are operations; one beyond would only be slower.
const OPERATIONS: usize = 24;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    driver: &'static str,
    operation: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    driver: &'static str,
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StreamLabels {
    driver: &'static str,
    result: &'static str,
}

/// The metrics of the storage. Observes the one driver of the process.
#[derive(Debug)]
pub(crate) struct StorageMetrics {
    calls: Family<CallLabels, Counter>,
    durations: Family<OperationLabels, Histogram>,
    streams: Family<StreamLabels, Counter>,
    read: Counter,
    written: Counter,
    /// The series of calls that end well, looked up once: they are on the path of every request.
    usual: [OnceLock<(Counter, Histogram)>; OPERATIONS],
}

impl StorageMetrics {
    /// Makes the metrics and adds them to a registry.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            calls: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            streams: Family::default(),
            read: Counter::default(),
            written: Counter::default(),
            usual: [const { OnceLock::new() }; OPERATIONS],
        };
        registry.register(
            "storage_calls",
            "Storage calls that ended",
            metrics.calls.clone(),
        );
        registry.register_with_unit(
            "storage_call_duration",
            "Time of a storage call; of a read, until its stream was there",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register(
            "storage_streams",
            "Streams of data objects that ended or broke off",
            metrics.streams.clone(),
        );
        let (read, written) = (metrics.read.clone(), metrics.written.clone());
        registry.register(
            "storage_read_bytes",
            "Bytes of records and data that were read",
            read,
        );
        registry.register(
            "storage_written_bytes",
            "Bytes of records and data that were given to the storage",
            written,
        );
        metrics
    }

    fn series(&self, call: &Call<'_>) -> (Counter, Histogram) {
        let (driver, operation) = (call.driver, call.operation.as_str());
        let result = call.ended.as_str();
        let calls = self.calls.get_or_create_owned(&CallLabels {
            driver,
            operation,
            result,
        });
        let durations = self
            .durations
            .get_or_create_owned(&OperationLabels { driver, operation });
        (calls, durations)
    }
}

impl StorageObserver for StorageMetrics {
    fn called(&self, call: &Call<'_>) {
        let seconds = call.duration().as_secs_f64();
        let usual = self
            .usual
            .get(call.operation as usize)
            .filter(|_| call.ended == Ended::Done);
        if let Some(usual) = usual {
            let (calls, durations) = usual.get_or_init(|| self.series(call));
            calls.inc();
            durations.observe(seconds);
        } else {
            let (calls, durations) = self.series(call);
            calls.inc();
            durations.observe(seconds);
        }
        match call.operation {
            Operation::Get => self.read.inc_by(call.bytes),
            _ => self.written.inc_by(call.bytes),
        };
    }

    fn streamed(&self, stream: Streamed) {
        let result = stream.failed.map_or("ok", roadstead_storage::Kind::as_str);
        self.streams
            .get_or_create(&StreamLabels {
                driver: stream.driver,
                result,
            })
            .inc();
        self.read.inc_by(stream.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;
    use roadstead_storage::Kind;
    use std::time::Duration;

    fn call(operation: Operation, ended: Ended, bytes: u64) -> Call<'static> {
        Call {
            driver: "local",
            operation,
            key: "blob/x",
            ended,
            began_at: Duration::ZERO,
            ended_at: Duration::from_millis(3),
            bytes,
        }
    }

    #[test]
    fn calls_are_counted_by_driver_operation_and_result() {
        let mut registry = Registry::default();
        let metrics = StorageMetrics::register(&mut registry);
        metrics.called(&call(Operation::Get, Ended::Done, 10));
        metrics.called(&call(Operation::Get, Ended::Done, 10));
        metrics.called(&call(Operation::Put, Ended::Conflict, 7));
        metrics.called(&call(Operation::Put, Ended::Failed(Kind::Full), 0));
        metrics.streamed(Streamed {
            driver: "local",
            bytes: 100,
            failed: None,
        });
        let mut text = String::new();
        encode(&mut text, &registry).expect("can be written");
        for line in [
            r#"storage_calls_total{driver="local",operation="get",result="ok"} 2"#,
            r#"storage_calls_total{driver="local",operation="put",result="conflict"} 1"#,
            r#"storage_calls_total{driver="local",operation="put",result="full"} 1"#,
            r#"storage_call_duration_seconds_count{driver="local",operation="get"} 2"#,
            r#"storage_streams_total{driver="local",result="ok"} 1"#,
            "storage_read_bytes_total 120",
            "storage_written_bytes_total 7",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
