//! How long work tells how far it is, and hears that it should end: it need not know who listens.

use crate::record::JobProgress;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What a piece of long work holds. Clones tell the same listener.
#[derive(Clone, Debug)]
pub struct Progress {
    told: watch::Sender<JobProgress>,
    stop: CancellationToken,
}

impl Progress {
    /// Makes a handle whose work should end once `stop` is cancelled.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            told: watch::Sender::default(),
            stop,
        }
    }

    /// Says what is being done from now on, and how much of it there is, where that is known.
    pub fn begin(&self, text: impl Into<String>, total: Option<u64>) {
        self.told.send_replace(JobProgress {
            done: 0,
            total,
            text: text.into(),
        });
    }

    /// Says that so much more is done.
    pub fn add(&self, done: u64) {
        self.told.send_modify(|progress| progress.done += done);
    }

    /// Returns what was said last.
    #[must_use]
    pub fn now(&self) -> JobProgress {
        self.told.borrow().clone()
    }

    /// Tells whether the work should end where it is.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }
}

impl Default for Progress {
    /// Makes a handle to which nobody listens and which is never stopped.
    fn default() -> Self {
        Self::new(CancellationToken::new())
    }
}
