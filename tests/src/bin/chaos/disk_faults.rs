//! What goes wrong below a server on a folder: which of its system calls fail, drawn anew for each of
//! its lives.
//!
//! A fault is one call that strace answers with an error in the kernel's place, or a kill. strace
//! counts the calls of a kind by thread. It sees only the calls that are to fail, so that a server goes
//! on as fast as ever.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// One life of a server, from its start to its kill.
#[derive(Debug)]
pub(crate) struct Life {
    /// How long clients work.
    pub(crate) time: Duration,
    /// What strace is told; nothing for a life in which only the kill goes wrong.
    pub(crate) injections: Vec<String>,
}

/// Calls with which the driver changes something beside its records: every how many-th of a thread
/// fails in the worst life, and how many lives of eight have it.
const CALLS: [(&str, &[&str], u32, u8); 5] = [
    ("fsync", &["EIO", "ENOSPC"], 2, 7),
    ("renameat,renameat2", &["EIO", "ENOSPC"], 2, 7),
    ("unlinkat", &["EIO"], 2, 7),
    ("mkdirat", &["ENOSPC", "EIO"], 2, 1),
    ("fallocate,ftruncate", &["ENOSPC"], 2, 1),
];
/// Calls of a kind that a start makes at most in one thread. Mostly they are spared.
const CALLS_OF_A_START: u32 = 1;

/// Draws a life.
pub(crate) fn draw(random: &mut fastrand::Rng) -> Life {
    match random.u8(..10) {
        // Nothing but the kill, at whatever moment.
        0 => Life {
            time: Duration::from_millis(random.u64(50..800)),
            injections: Vec::new(),
        },
        // A write or a sync fails. If it is one of the record file, the server refuses further
        // writes, so such a life is short.
        1..3 => {
            let nth = random.u32(8..80);
            let call = ["fdatasync:error=EIO", "pwritev,pwritev2:error=ENOSPC"];
            let call = call[random.usize(..call.len())];
            Life {
                time: Duration::from_millis(random.u64(500..1500)),
                injections: vec![format!("{call}:when={nth}")],
            }
        }
        _ => Life {
            time: Duration::from_millis(random.u64(5000..12_000)),
            injections: draw_calls(random),
        },
    }
}

/// Draws which calls fail, and every how many-th of them.
fn draw_calls(random: &mut fastrand::Rng) -> Vec<String> {
    let mildness = random.u32(1..=2);
    let spared = if random.u8(..8) == 0 {
        0
    } else {
        CALLS_OF_A_START
    };
    let mut injections = Vec::new();
    for (calls, errors, worst, lives) in CALLS {
        if random.u8(..8) >= lives {
            continue;
        }
        let error = errors[random.usize(..errors.len())];
        let step = worst * mildness;
        let first = spared + random.u32(1..=step);
        injections.push(format!("{calls}:error={error}:when={first}+{step}"));
    }
    injections
}

/// Returns which calls failed, by the name of the fault, from what strace wrote.
pub(crate) fn count(trace: &Path) -> std::io::Result<BTreeMap<&'static str, u64>> {
    let mut counts = BTreeMap::new();
    let text = match std::fs::read(trace) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&text);
    for line in text.lines().filter(|line| line.contains("INJECTED")) {
        *counts.entry(name_of(line)).or_default() += 1;
    }
    Ok(counts)
}

fn name_of(line: &str) -> &'static str {
    const NAMES: [(&str, &str); 9] = [
        ("fdatasync", "fdatasync"),
        ("fsync", "fsync of a folder"),
        ("renameat", "rename"),
        ("unlinkat", "remove"),
        ("mkdirat", "make a folder"),
        ("pwritev", "write"),
        ("fallocate", "take blocks"),
        ("ftruncate", "cut a file"),
        ("", "another call"),
    ];
    let call = line.split('(').next().unwrap_or_default();
    let named = NAMES.iter().find(|(part, _)| call.contains(part));
    named.map_or("another call", |(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn injected_failures_are_counted_by_call_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let trace = folder.path().join("trace");
        assert!(count(&trace).unwrap().is_empty());
        let text = "12 fdatasync(14) = -1 EIO (Input/output error) (INJECTED)\n\
                    12 mkdirat(4, \"data\") = -1 EEXIST (File exists)\n\
                    13 fsync(9) = -1 EIO (Input/output error) (INJECTED)\n\
                    13 fsync(9) = -1 EIO (Input/output error) (INJECTED)\n";
        let mut file = std::fs::File::create(&trace).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let counts = count(&trace).unwrap();
        let expected = BTreeMap::from([("fdatasync", 1), ("fsync of a folder", 2)]);
        assert_eq!(counts, expected);
    }
}
