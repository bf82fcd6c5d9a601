//! How many events there were, and how many of them are in no log.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry as MetricsRegistry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    event: &'static str,
}

/// Counts of the audit log. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct AuditCounts {
    events: Family<Labels, Counter>,
    lost: Counter,
}

impl AuditCounts {
    /// Names the counts in `registry`: `audit_events` by event, and `audit_lost_events`.
    pub fn register(&self, registry: &mut MetricsRegistry) {
        registry.register(
            "audit_events",
            "Events for the audit log",
            self.events.clone(),
        );
        registry.register(
            "audit_lost_events",
            "Events that could not be kept in the audit log",
            self.lost.clone(),
        );
    }

    pub(super) fn event(&self, event: &'static str) {
        self.events.get_or_create(&Labels { event }).inc();
    }

    /// Counts events that are in no log.
    pub fn lost(&self, events: u64) {
        self.lost.inc_by(events);
    }

    #[cfg(test)]
    pub(super) fn lost_so_far(&self) -> u64 {
        self.lost.get()
    }
}
