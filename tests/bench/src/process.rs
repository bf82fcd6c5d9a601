//! What the kernel charged a process: processor time and resident memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

/// What the kernel tells processor time in to those who read `/proc`, on every Linux of today.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of a process up to now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Charged {
    ticks: u64,
    /// Of each thread that lives, to the nanosecond.
    threads: HashMap<String, Duration>,
}

impl Charged {
    /// Reads what a process was charged so far.
    pub(crate) fn read(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut threads = HashMap::new();
        for entry in std::fs::read_dir(format!("/proc/{pid}/task"))
            .ok()?
            .flatten()
        {
            // A thread may end between the two looks.
            let Ok(schedule) = std::fs::read_to_string(entry.path().join("schedstat")) else {
                continue;
            };
            let nanoseconds = schedule.split_whitespace().next()?.parse().ok()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            threads.insert(name, Duration::from_nanos(nanoseconds));
        }
        Some(Self {
            ticks: ticks_of(&stat)?,
            threads,
        })
    }

    /// Returns what was charged since an earlier look. The threads know it better than the process,
    /// whose clock ticks; but what a thread did that has ended since then only the process knows.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let by_ticks = TICK * u32::try_from(self.ticks - earlier.ticks).unwrap_or(u32::MAX);
        let are_all_there = earlier
            .threads
            .keys()
            .all(|name| self.threads.contains_key(name));
        let of_now: Duration = self.threads.values().sum();
        let of_then: Duration = earlier.threads.values().sum();
        let by_threads = of_now.saturating_sub(of_then);
        if are_all_there && by_threads + 2 * TICK >= by_ticks {
            by_threads
        } else {
            by_ticks
        }
    }
}

/// User and system time out of `/proc/PID/stat`, in ticks.
fn ticks_of(stat: &str) -> Option<u64> {
    // The name before the parenthesis may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Makes the present memory the peak so far. Not everybody may: the peak is then that since the
/// process began.
pub(crate) fn reset_peak(pid: u32) {
    let file = File::options()
        .write(true)
        .open(format!("/proc/{pid}/clear_refs"));
    if let Ok(mut file) = file {
        let _ = file.write_all(b"5");
    }
}

/// The most resident memory that a process had, in KiB.
pub(crate) fn peak_kib(pid: u32) -> Option<u64> {
    status_kib(
        &std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?,
        "VmHWM:",
    )
}

/// The resident memory that a process has, in KiB.
pub(crate) fn resident_kib(pid: u32) -> Option<u64> {
    status_kib(
        &std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?,
        "VmRSS:",
    )
}

fn status_kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charged(ticks: u64, threads: &[(&str, u64)]) -> Charged {
        let threads = threads
            .iter()
            .map(|&(name, milliseconds)| (name.to_owned(), Duration::from_millis(milliseconds)));
        Charged {
            ticks,
            threads: threads.collect(),
        }
    }

    #[test]
    fn ticks_are_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 31 11 0 0 20 0 5 0";
        assert_eq!(ticks_of(stat), Some(42));
    }

    #[test]
    fn memory_is_found_by_its_name() {
        let status = "Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t  1234 kB\nVmRSS:\t 1000 kB\n";
        assert_eq!(status_kib(status, "VmHWM:"), Some(1234));
        assert_eq!(status_kib(status, "VmSwap:"), None);
    }

    #[test]
    fn threads_are_believed_while_all_are_there() {
        let before = charged(100, &[("1", 1000), ("2", 5)]);
        let after = charged(101, &[("1", 1003), ("2", 6), ("3", 2)]);
        assert_eq!(after.since(&before), Duration::from_millis(6));
    }

    #[test]
    fn a_thread_that_ended_leaves_the_ticks() {
        let before = charged(100, &[("1", 1000), ("2", 5)]);
        let after = charged(107, &[("1", 1003)]);
        assert_eq!(after.since(&before), Duration::from_millis(70));
        let before = charged(100, &[("1", 1000), ("2", 15)]);
        let after = charged(107, &[("1", 1075)]);
        assert_eq!(after.since(&before), Duration::from_millis(70));
    }

    #[test]
    fn what_threads_did_that_lived_in_between_only_is_not_lost() {
        let before = charged(100, &[("1", 1000)]);
        let after = charged(150, &[("1", 1100)]);
        assert_eq!(after.since(&before), Duration::from_millis(500));
    }

    #[test]
    fn this_process_is_charged_for_its_work() {
        let pid = std::process::id();
        let before = Charged::read(pid).unwrap();
        let mut sum = 0_u64;
        while Charged::read(pid).unwrap().since(&before) < Duration::from_millis(15) {
            sum = (0..100_000).fold(sum, |sum, number| std::hint::black_box(sum ^ number));
        }
        assert!(
            peak_kib(pid).unwrap() >= resident_kib(pid).unwrap() / 2,
            "{sum}"
        );
    }
}
