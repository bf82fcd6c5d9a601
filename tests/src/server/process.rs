//! What the system and the disk tell of a server: memory, open files, files it keeps.

use super::Server;
use std::fs;
use std::path::{Path, PathBuf};

impl Server {
    /// Returns the memory that the process holds now, in bytes.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// Returns the most memory that the process has held since its start, in bytes.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// Returns how many files and sockets the process has open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        fs::read_dir(folder).map_or(0, Iterator::count)
    }

    /// Returns how many unfinished uploads lie in the data folder.
    #[must_use]
    pub fn staged_files(&self) -> usize {
        fs::read_dir(self.data_folder().join("uploads")).map_or(0, Iterator::count)
    }

    /// Returns how many bytes the unfinished uploads take together.
    #[must_use]
    pub fn staged_bytes(&self) -> u64 {
        let entries = fs::read_dir(self.data_folder().join("uploads"));
        let entries = entries.expect("the folder can be read").flatten();
        entries
            .filter_map(|entry| entry.metadata().ok())
            .map(|metadata| metadata.len())
            .sum()
    }

    /// Returns the files of finished blobs.
    #[must_use]
    pub fn data_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect_files(&self.data_folder().join("data"), &mut files);
        files
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: u64 = number
            .and_then(|number| number.parse().ok())
            .expect("the system tells the size in kB");
        kib * 1024
    }
}

fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            collect_files(&path, files);
        } else {
            files.push(path);
        }
    }
}
