//! Metrics of the scrub: what this process has hashed, and what it found.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::{Registry as MetricsRegistry, Unit};
use roadstead_registry::Registry;
use std::fmt;

/// Names the metrics in `metrics`: `scrub_checked`, `scrub_hashed_bytes` and `scrub_damaged`.
pub(crate) fn register(metrics: &mut MetricsRegistry, registry: &Registry) {
    metrics.register_collector(Box::new(ScrubMetrics(registry.clone())));
}

struct ScrubMetrics(Registry);

impl fmt::Debug for ScrubMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ScrubMetrics")
    }
}

impl Collector for ScrubMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.0.scrub_counts();
        for (name, help, unit, value) in [
            (
                "scrub_checked",
                "Blobs and manifests whose stored content was hashed",
                None,
                counts.checked,
            ),
            (
                "scrub_hashed",
                "Bytes of stored content that were hashed",
                Some(Unit::Bytes),
                counts.bytes,
            ),
            (
                "scrub_damaged",
                "Blobs and manifests whose stored content is damaged",
                None,
                counts.damaged,
            ),
        ] {
            let counter = ConstCounter::new(value);
            let kind = MetricType::Counter;
            let metric = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
            counter.encode(metric)?;
        }
        Ok(())
    }
}
