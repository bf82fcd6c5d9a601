//! The number of open upload sessions, read from the registry whenever somebody asks.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use roadstead_registry::Registry;
use std::fmt;

/// Tells how many upload sessions are open.
pub(super) struct OpenUploads {
    registry: Registry,
}

impl OpenUploads {
    pub(super) const fn new(registry: Registry) -> Self {
        Self { registry }
    }
}

impl fmt::Debug for OpenUploads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OpenUploads")
    }
}

impl Collector for OpenUploads {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let open = u64::try_from(self.registry.open_uploads()).unwrap_or(u64::MAX);
        let gauge = ConstGauge::new(open);
        let metric = encoder.encode_descriptor(
            "open_uploads",
            "Upload sessions that began at this replica and were not yet seen to end",
            None,
            MetricType::Gauge,
        )?;
        gauge.encode(metric)
    }
}
