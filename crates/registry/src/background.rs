//! Owns every task that outlives its request: each has a name, ends at shutdown and is waited for.

use std::future::Future;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where tasks are spawned. Clones share the tasks.
#[derive(Clone, Debug)]
pub struct Background {
    tasks: TaskTracker,
    stop: CancellationToken,
    runtime: Handle,
}

impl Background {
    /// Spawns on `runtime`, which must outlive the last task.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self {
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            runtime,
        }
    }

    /// Spawns a task that ends by itself; `shutdown` waits for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(task, &self.runtime);
    }

    /// Returns the token that a repeating task watches between its passes.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.child_token()
    }

    /// Waits until no task is left, which asks none of them to end.
    #[cfg(test)]
    pub(crate) async fn wait_until_idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Asks repeating tasks to end and waits for all. Call within a time limit.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
