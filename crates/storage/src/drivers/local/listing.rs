//! The finished objects in the data folder, in the order of their keys.
//!
//! A key begins with the names of its two folders, so that folders in order are keys in order: one
//! folder at a time is read, and none before the page's begin or behind its end.

use super::failure;
use super::folder::Folder;
use super::place::Place;
use super::staging::modified;
use crate::{ListedObject, ObjectPage, Operation, Result};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

/// Lists up to `limit` objects after `start`. Blocks.
pub(super) fn page(folder: &Folder, start: Option<Place>, limit: usize) -> Result<ObjectPage> {
    let mut page = ObjectPage::default();
    let first = start.map_or(0, Place::folder_number);
    let [first_outer, _] = first.to_be_bytes();
    for outer in numbers(folder, "data")? {
        if outer < first_outer {
            continue;
        }
        for inner in numbers(folder, &format!("data/{outer:02x}"))? {
            let number = u16::from_be_bytes([outer, inner]);
            if number < first {
                continue;
            }
            add(folder, number, start, limit, &mut page)?;
            if page.more {
                return Ok(page);
            }
        }
    }
    Ok(page)
}

/// Returns the numbers of the folders in a folder, in order.
fn numbers(folder: &Folder, path: &str) -> Result<Vec<u8>> {
    let mut numbers: Vec<u8> = Vec::new();
    for name in names(folder, path)? {
        let text = std::str::from_utf8(&name).unwrap_or_default();
        if let Ok(number) = u8::from_str_radix(text, 16)
            && format!("{number:02x}") == text
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Adds the objects of one folder to the page, until it is full.
fn add(
    folder: &Folder,
    number: u16,
    start: Option<Place>,
    limit: usize,
    page: &mut ObjectPage,
) -> Result<()> {
    let [outer, inner] = number.to_be_bytes();
    let path = format!("data/{outer:02x}/{inner:02x}");
    let places = names(folder, &path)?
        .into_iter()
        .filter_map(|name| Place::of_name(&name));
    // What lies in the folder of another is not found by its key.
    let mut places: Vec<Place> = places
        .filter(|place| place.folder_number() == number && start.is_none_or(|at| *place > at))
        .collect();
    places.sort_unstable();
    for place in places {
        let published = place.published();
        let status = rustix::fs::statat(folder.directory(), published, AtFlags::SYMLINK_NOFOLLOW);
        let status = match status {
            Ok(status) => status,
            // It was deleted meanwhile.
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(failed(place.key().as_str(), error)),
        };
        if page.objects.len() == limit {
            page.more = true;
            return Ok(());
        }
        page.objects.push(ListedObject {
            key: place.key(),
            length: u64::try_from(status.st_size).unwrap_or(0),
            modified: modified(&status),
        });
    }
    Ok(())
}

/// Returns the names in a folder; none where it is not there.
fn names(folder: &Folder, path: &str) -> Result<Vec<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let opened = rustix::fs::openat(folder.directory(), path, flags, Mode::empty());
    let opened: OwnedFd = match opened {
        Ok(opened) => opened,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Vec::new()),
        Err(error) => return Err(failed(path, error)),
    };
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(&opened).map_err(|error| failed(path, error))? {
        let entry = entry.map_err(|error| failed(path, error))?;
        names.push(entry.file_name().to_bytes().to_vec());
    }
    Ok(names)
}

fn failed(what: &str, error: Errno) -> crate::StorageError {
    failure::from_io(Operation::Objects, what, error)
}
