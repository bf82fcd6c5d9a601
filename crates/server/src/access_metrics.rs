//! Metrics of logins: how they end, and how busy the hashing of passwords is.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry as MetricsRegistry;
use roadstead_auth::{Authenticator, Passwords};
use std::fmt;
use std::sync::Arc;

/// Names the metrics in `registry`: `logins` by outcome (of a request with credentials, or of one for
/// a token), `password_hashes_running` and `password_hashes_waiting`.
pub(crate) fn register(
    registry: &mut MetricsRegistry,
    authenticator: &Arc<Authenticator>,
    passwords: &Arc<Passwords>,
) {
    registry.register_collector(Box::new(AccessMetrics {
        authenticator: Arc::clone(authenticator),
        passwords: Arc::clone(passwords),
    }));
}

#[derive(Debug)]
struct AccessMetrics {
    authenticator: Arc<Authenticator>,
    passwords: Arc<Passwords>,
}

impl Collector for AccessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.authenticator.login_counts();
        let outcomes = [
            ("right", counts.right),
            ("wrong", counts.wrong),
            ("slowed", counts.slowed),
            ("failed", counts.failed),
        ];
        let mut logins = encoder.encode_descriptor(
            "logins",
            "Logins by how they ended",
            None,
            MetricType::Counter,
        )?;
        for (outcome, count) in outcomes {
            let labels = [("outcome", outcome)];
            let series = logins.encode_family(&labels)?;
            ConstCounter::new(count).encode(series)?;
        }
        let (running, waiting) = self.passwords.load();
        for (name, help, value) in [
            (
                "password_hashes_running",
                "Passwords that are hashed right now",
                running,
            ),
            (
                "password_hashes_waiting",
                "Passwords that wait to be hashed",
                waiting,
            ),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}
