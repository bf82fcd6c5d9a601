//! The audit log: one event for each failed login, each denial, and each change of what is stored.
//!
//! Here events are made and queued; who owns the log takes them from the queue and keeps them. A
//! request that has one to tell waits for a place in the queue, so that no change goes unrecorded
//! because the log is slow. An event never holds a password, a secret or a token.

mod counts;
mod event;
mod moment;
mod notes;
mod witness;

pub use counts::AuditCounts;
pub use event::AuditEvent;
pub(crate) use event::{ContentChange, IDENTITY_CHANGE};
pub use notes::Whence;
pub(crate) use notes::{FailedLogin, note_caller, note_failed_login, whence};
pub(crate) use witness::Witness;

use roadstead_auth::Clock;
use std::fmt;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many events wait to be written, at a few hundred bytes each.
const QUEUE: usize = 4096;

/// Where events go, or that they go nowhere. Clones share the queue.
#[derive(Clone)]
pub struct AuditLog(Option<Arc<Open>>);

struct Open {
    queue: mpsc::Sender<AuditEvent>,
    clock: Arc<dyn Clock>,
    counts: AuditCounts,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_on() { "on" } else { "off" };
        write!(formatter, "AuditLog({state})")
    }
}

impl AuditLog {
    /// Returns a log that keeps nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Opens a log and returns the other end of its queue, which must be emptied until it ends: it
    /// does so when the last clone of the log is gone.
    #[must_use]
    pub fn open(clock: Arc<dyn Clock>, counts: AuditCounts) -> (Self, mpsc::Receiver<AuditEvent>) {
        let (queue, events) = mpsc::channel(QUEUE);
        let open = Open {
            queue,
            clock,
            counts,
        };
        (Self(Some(Arc::new(open))), events)
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Queues an event, once there is room for it.
    pub async fn record(&self, event: AuditEvent) {
        let Some(open) = &self.0 else { return };
        let event = open.stamp(event);
        if open.queue.send(event).await.is_err() {
            open.counts.lost(1);
        }
    }

    /// Queues an event of a request that nobody waits for any more. Without room it is lost, and
    /// counted as such.
    pub(crate) fn record_now(&self, event: AuditEvent) {
        let Some(open) = &self.0 else { return };
        let event = open.stamp(event);
        if open.queue.try_send(event).is_err() {
            open.counts.lost(1);
        }
    }
}

impl Open {
    fn stamp(&self, mut event: AuditEvent) -> AuditEvent {
        event.time = moment::of_millis(self.clock.now().as_millis());
        self.counts.event(event.event);
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_storage::clock::MachineClock;

    #[tokio::test]
    async fn nobody_waits_for_what_is_told_in_passing_but_it_is_counted() {
        let counts = AuditCounts::default();
        let (log, mut events) = AuditLog::open(Arc::new(MachineClock::new()), counts.clone());
        for _ in 0..=QUEUE {
            log.record_now(AuditEvent::change("somebody", "did it".to_owned()));
        }
        assert_eq!(counts.lost_so_far(), 1);
        let event = events.recv().await.expect("is there");
        assert!(event.time.ends_with('Z'), "{event:?}");
    }

    #[tokio::test]
    async fn a_full_queue_makes_the_next_event_wait() {
        let counts = AuditCounts::default();
        let (log, mut events) = AuditLog::open(Arc::new(MachineClock::new()), counts.clone());
        for _ in 0..QUEUE {
            log.record(AuditEvent::change("somebody", "did it".to_owned()))
                .await;
        }
        let one_more = log.record(AuditEvent::change("somebody", "the last".to_owned()));
        let mut one_more = std::pin::pin!(one_more);
        assert!(futures::poll!(&mut one_more).is_pending());
        assert!(events.recv().await.is_some());
        one_more.await;
        assert_eq!(counts.lost_so_far(), 0);
    }
}
