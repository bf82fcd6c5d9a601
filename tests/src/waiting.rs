//! Waiting for what nobody announces: a process closing a file, a background task coming round.

use std::time::{Duration, Instant};

/// How long anything may take before a test has failed. A machine under load is slow.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// How often to look.
const INTERVAL: Duration = Duration::from_millis(10);

/// Looks again and again until `is_so`, and panics with `what` when that takes longer than
/// [`PATIENCE`]. Only for what has no event that could be awaited.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(INTERVAL);
    }
}
