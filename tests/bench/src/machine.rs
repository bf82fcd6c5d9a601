//! Where figures come from: machine, versions, command. No figure goes without.

use crate::servers::first_line;
use crate::statistics::{count, mebibytes};
use std::path::Path;

/// Describes the machine, in one sentence.
pub(crate) fn describe(folder: &Path) -> String {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let date = first_line(Path::new("date"), &["--utc", "+%F"]).unwrap_or_default();
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let folder = folder.canonicalize().unwrap_or_default();
    let system = file_system(&mounts, &folder).unwrap_or("an unknown file system");
    format!(
        "Measured on {date}: {} × {}, {:.0} GiB of memory, Linux {}, data on {system}; the load \
         generator runs on the same processors.",
        std::thread::available_parallelism().map_or(1, usize::from),
        field(&processors, "model name").unwrap_or("unknown processor"),
        memory_gib(&memory),
        kernel.trim(),
    )
}

/// Describes how busy the machine was already.
pub(crate) fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let before = load.split(' ').next().unwrap_or("unknown").to_owned();
    format!("Load of the machine in the minute before: {before}.")
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

/// Finds the kind of file system that a folder is on.
fn file_system<'a>(mounts: &'a str, folder: &Path) -> Option<&'a str> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = mounts.filter(|(mounted, _)| folder.starts_with(mounted));
    // Of two on the same folder the later one is seen.
    above
        .max_by_key(|(mounted, _)| mounted.len())
        .map(|(_, kind)| kind)
}

fn memory_gib(text: &str) -> f64 {
    let kib = field(text, "MemTotal").and_then(|value| value.split(' ').next());
    let kib: u64 = kib.and_then(|kib| kib.parse().ok()).unwrap_or_default();
    mebibytes(kib * 1024) / count(1024_u64)
}

/// Tells which Roadstead this is, and which sources it may be of.
pub(crate) fn roadstead(binary: &Path) -> String {
    let version = first_line(binary, &["--version"]).unwrap_or_else(|| "unknown".to_owned());
    let words = ["describe", "--always", "--dirty", "--abbrev=10"];
    let revision = first_line(Path::new("git"), &words).unwrap_or_default();
    format!("Roadstead: {version}, revision of the sources {revision}, fsync on.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_on_the_innermost_mount() {
        let mounts = "a / ext4 rw 0 0\nb /tmp tmpfs rw 0 0\nc /tmpx xfs rw 0 0\n";
        let of = |folder| file_system(mounts, Path::new(folder));
        assert_eq!(of("/tmp/a/b"), Some("tmpfs"));
        assert_eq!(of("/srv"), Some("ext4"));
    }

    #[test]
    fn memory_is_told_in_gibibytes() {
        let gib = memory_gib("MemTotal:       25165824 kB\nMemFree: 1 kB\n");
        assert!((gib - 24.0).abs() < 1e-9, "{gib}");
        assert_eq!(field("model name\t: A B\n", "model name"), Some("A B"));
    }
}
