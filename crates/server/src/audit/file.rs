//! A file of lines that is set aside when it is large: `FILE.1` is the last one, then `FILE.2`.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file that is written to now, and where the others are.
#[derive(Debug)]
pub(super) struct RotatingFile {
    path: PathBuf,
    max_size: u64,
    keep: u32,
    file: File,
    size: u64,
    /// Whether the last line may be half there.
    is_torn: bool,
}

impl RotatingFile {
    /// Opens a file, or makes it, for its owner alone.
    pub(super) fn open(path: &Path, max_size: u64, keep: u32) -> io::Result<Self> {
        let (file, size, is_torn) = open(path)?;
        Ok(Self {
            path: path.to_owned(),
            max_size,
            keep,
            file,
            size,
            is_torn,
        })
    }

    /// Writes lines and brings them to the disk. After an error any of them may be missing.
    pub(super) fn write(&mut self, lines: &[Vec<u8>]) -> io::Result<()> {
        self.follow()?;
        let mut pending = Vec::new();
        for line in lines {
            let size = self.size + (pending.len() + line.len()) as u64;
            let is_new = self.size == 0 && pending.is_empty();
            if size > self.max_size && !is_new {
                self.append(&mut pending)?;
                self.rotate()?;
            }
            pending.extend_from_slice(line);
        }
        self.append(&mut pending)?;
        self.file.sync_data()
    }

    /// Goes on in a new file when somebody else has moved or removed this one.
    fn follow(&mut self) -> io::Result<()> {
        let is_same =
            |found: &Metadata, own: &Metadata| found.ino() == own.ino() && found.dev() == own.dev();
        match std::fs::metadata(&self.path) {
            Ok(found) if is_same(&found, &self.file.metadata()?) => {
                // Another process may have written to it: a command, for instance.
                self.size = found.len();
                Ok(())
            }
            Ok(_) => self.reopen(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.reopen(),
            Err(error) => Err(error),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        (self.file, self.size, self.is_torn) = open(&self.path)?;
        Ok(())
    }

    fn append(&mut self, pending: &mut Vec<u8>) -> io::Result<()> {
        if pending.is_empty() {
            return Ok(());
        }
        if self.is_torn {
            pending.insert(0, b'\n');
        }
        self.is_torn = true;
        self.file.write_all(pending)?;
        self.is_torn = false;
        self.size += pending.len() as u64;
        pending.clear();
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a log is no stored object: whoever finds the name finds a whole file in any case"
    )]
    fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        for number in (1..self.keep).rev() {
            match std::fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        std::fs::rename(&self.path, self.numbered(1))?;
        self.reopen()
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

/// Opens a file at its end; tells its size and whether its last line lacks an end.
fn open(path: &Path) -> io::Result<(File, u64, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    let mut file = options.open(path)?;
    let size = file.metadata()?.len();
    let mut last = [b'\n'];
    if size > 0 && file.metadata()?.is_file() {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok((file, size, last != [b'\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<Vec<u8>> {
        texts
            .iter()
            .map(|text| format!("{text}\n").into_bytes())
            .collect()
    }

    fn read(folder: &Path, name: &str) -> Option<String> {
        std::fs::read_to_string(folder.join(name)).ok()
    }

    #[test]
    fn a_large_file_is_set_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("audit.log");
        let mut file = RotatingFile::open(&path, 10, 2).expect("can be made");
        file.write(&lines(&["aaaa", "bbbb", "cccc"]))
            .expect("is written");
        assert_eq!(read(folder.path(), "audit.log").as_deref(), Some("cccc\n"));
        assert_eq!(
            read(folder.path(), "audit.log.1").as_deref(),
            Some("aaaa\nbbbb\n")
        );
        // A line that is too long for any file has one of its own.
        file.write(&lines(&["dddddddddddd", "eeee"]))
            .expect("is written");
        assert_eq!(read(folder.path(), "audit.log").as_deref(), Some("eeee\n"));
        assert_eq!(
            read(folder.path(), "audit.log.1").as_deref(),
            Some("dddddddddddd\n")
        );
        assert_eq!(
            read(folder.path(), "audit.log.2").as_deref(),
            Some("cccc\n")
        );
        assert_eq!(read(folder.path(), "audit.log.3"), None);
    }

    #[test]
    fn it_goes_on_where_it_was_and_ends_a_torn_line() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("audit.log");
        let mut file = RotatingFile::open(&path, 1000, 2).expect("can be made");
        file.write(&lines(&["a"])).expect("is written");
        file.file.write_all(b"half").expect("is written");
        let mut file = RotatingFile::open(&path, 1000, 2).expect("can be opened");
        file.write(&lines(&["b"])).expect("is written");
        assert_eq!(
            read(folder.path(), "audit.log").as_deref(),
            Some("a\nhalf\nb\n")
        );
        let mode = std::fs::metadata(&path).expect("is there").mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_moved_away_is_followed_by_a_new_one() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("audit.log");
        let mut file = RotatingFile::open(&path, 1000, 2).expect("can be made");
        file.write(&lines(&["a"])).expect("is written");
        std::fs::copy(&path, folder.path().join("moved")).expect("is copied");
        std::fs::remove_file(&path).expect("is removed");
        file.write(&lines(&["b"])).expect("is written");
        assert_eq!(read(folder.path(), "audit.log").as_deref(), Some("b\n"));
    }
}
