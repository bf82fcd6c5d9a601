//! What the collector did, read from the registry whenever somebody asks.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use roadstead_registry::Registry;
use std::fmt;

/// Tells what the collector of this process did.
pub(super) struct Collected {
    registry: Registry,
}

impl Collected {
    pub(super) const fn new(registry: Registry) -> Self {
        Self { registry }
    }
}

impl fmt::Debug for Collected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Collected")
    }
}

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let totals = self.registry.collector_totals();
        let counters = [
            (
                "gc_passes",
                "Passes of the collector that came to their end",
                None,
                totals.passes,
            ),
            (
                "gc_failures",
                "Passes of the collector that did not",
                None,
                totals.failures,
            ),
            (
                "gc_condemned",
                "Records that were condemned",
                None,
                totals.condemned,
            ),
            (
                "gc_revived",
                "Condemned records that a pass brought back",
                None,
                totals.revived,
            ),
            (
                "gc_removed",
                "Records that were removed",
                None,
                totals.removed,
            ),
            (
                "gc_freed",
                "Bytes of content that was deleted",
                Some(Unit::Bytes),
                totals.freed_bytes,
            ),
        ];
        for (name, help, unit, value) in counters {
            let metric =
                encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        let gauges = [
            (
                "gc_condemned_content",
                "Bytes that the last pass of this process left condemned, and that will come back",
                Unit::Bytes,
                totals.condemned_bytes,
            ),
            (
                "gc_last_pass_timestamp",
                "When the last pass of this process came to its end; 0 before the first",
                Unit::Seconds,
                totals.finished_millis / 1000,
            ),
        ];
        for (name, help, unit, value) in gauges {
            let metric = encoder.encode_descriptor(name, help, Some(&unit), MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)?;
        }
        Ok(())
    }
}
