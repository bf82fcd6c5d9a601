//! A power cut at every moment: the log of a scenario is replayed up to each of its calls, and what
//! was not synced by then reaches the disk or not, in part, in any order. Whatever disk that leaves,
//! the store opens on it and holds to everything that it had answered.
//!
//! `POWER_CUT_STATES` is how many random disks are tried after each call where there are too many
//! to try all (`make power-cut` sets it); `POWER_CUT_SEED` chooses others.

use super::disk_states::{Choices, DiskState};
use super::ledger::Ledger;
use super::scenario::Scenario;
use super::watched::{About, Call, Change, Fate, Watched};
use super::{fast_folder, open_on, runtime, tell};
use crate::suite::{applied, pattern};
use crate::{Condition, DataStore, RecordStore, Upload, UploadHint};
use rustix::io::Errno;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Up to how many disks are tried one by one after a call.
const ALL_OF: usize = 16;

fn number_from(variable: &str, otherwise: usize) -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a test runs is no setting"
    )]
    let text = std::env::var(variable);
    text.map_or(otherwise, |text| text.parse().unwrap())
}

/// What was tried.
#[derive(Debug, Default)]
struct Tried {
    prefixes: usize,
    states: usize,
}

/// Tries disks after every call of the log; an error tells what the first bad one breaks.
fn check_every_prefix(log: &[Change], random_states: usize) -> Result<Tried, String> {
    let seed = number_from("POWER_CUT_SEED", 1) as u64;
    let mut tried = Tried::default();
    let mut done = HashSet::new();
    for length in 0..=log.len() {
        let state = DiskState::after(&log[..length]);
        tried.prefixes += 1;
        let mut choices = Choices::first();
        let first = state.cut(&mut choices);
        let mut disks = vec![(first, "nothing that was not synced".to_owned())];
        let mut next = choices.next();
        while let Some(mut choices) = next
            && disks.len() < ALL_OF
        {
            disks.push((state.cut(&mut choices), format!("{choices:?}")));
            next = choices.next();
        }
        if disks.len() == ALL_OF {
            disks.truncate(1);
            disks.push((state.cut(&mut Choices::last()), "everything".to_owned()));
            for number in 0..random_states {
                let seed = seed * 1_000_000_000 + (length * 10_000 + number) as u64;
                let disk = state.cut(&mut Choices::random(seed));
                disks.push((disk, format!("the choices of {seed}")));
            }
        }
        let ledger = state.ledger();
        for (disk, choices) in disks {
            // Many prefixes leave the same disk and ask the same of it.
            if !done.insert((disk.fingerprint(), std::ptr::from_ref(&*ledger))) {
                continue;
            }
            tried.states += 1;
            let folder = fast_folder();
            disk.write_to(&folder.path().join("store"));
            check(&folder, &ledger).map_err(|reason| {
                let last = match log[..length].last() {
                    Some(Change::Note(_)) | None => "an answer or the next call".to_owned(),
                    Some(Change::Write { file, offset, .. }) => {
                        format!("a write to file {file} at {offset}")
                    }
                    Some(other) => format!("{other:?}"),
                };
                format!("cut at {length}, after {last}, with {choices}: {reason}")
            })?;
        }
    }
    Ok(tried)
}

fn check(folder: &tempfile::TempDir, ledger: &Ledger) -> Result<(), String> {
    runtime().block_on(async {
        let store = open_on(folder, &Watched::new(|_| Fate::Done));
        let store = store.map_err(|error| format!("the store does not open: {error}"))?;
        ledger.check(&store).await?;
        // It also goes on from here.
        let records = store.records();
        let put = records.put("after", pattern(1, 100), Condition::Any);
        let put = put.await;
        applied(put.map_err(|error| format!("no record can be put: {error}"))?);
        let mut upload = store.data().begin(UploadHint::default()).await;
        if let Ok(upload) = &mut upload {
            store.data().reserve(upload);
        }
        let finished = match upload {
            Ok(upload) => store.data().finish(upload).await,
            Err(error) => Err(error),
        };
        finished.map_err(|error| format!("no upload can be finished: {error}"))?;
        Ok(())
    })
}

/// Logs a scenario over a disk with these faults.
fn log_of(oracle: impl FnMut(&About<'_>) -> Fate + Send + 'static) -> Vec<Change> {
    let folder = fast_folder();
    let disk = Watched::logging(oracle);
    runtime().block_on(async {
        let store = open_on(&folder, &disk).unwrap();
        let mut scenario = Scenario::new(Arc::clone(&disk));
        scenario.run(&store).await;
        drop(store);
        let store = open_on(&folder, &disk).unwrap();
        scenario.put(&store, "again", 100).await;
        assert!(scenario.errors.is_empty(), "{:?}", scenario.errors);
    });
    disk.take_log()
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_answered() {
    let log = log_of(|_| Fate::Done);
    let tried = check_every_prefix(&log, number_from("POWER_CUT_STATES", 6));
    let tried = tried.unwrap_or_else(|reason| panic!("{reason}"));
    tell(&format!(
        "{} moments, {} disks",
        tried.prefixes, tried.states
    ));
    assert!(tried.states > 500);
}

/// Forgets the `number`th sync of one kind whose path begins so.
fn forgetting(call: Call, path: &'static str, number: usize) -> impl FnMut(&About<'_>) -> Fate {
    let mut count = 0;
    move |about| {
        let is_of_these = about.call == call && about.path.starts_with(path);
        count += usize::from(is_of_these);
        if is_of_these && count == number + 1 {
            Fate::Forgotten
        } else {
            Fate::Done
        }
    }
}

#[test]
fn a_forgotten_sync_is_found() {
    // Each finish syncs its file, its folder and, the first time, the folders around it; an open
    // ends with the data folder itself. Each batch syncs the journal; the first one, which has none,
    // ends with the second sync of its commit.
    for (call, path, number) in [
        (Call::SyncData, "uploads/", 0),
        (Call::SyncData, "uploads/", 1),
        (Call::SyncData, "records.journal", 5),
        (Call::SyncData, "records.redb", 10),
        (Call::SyncFolder, "data/", 0),
        (Call::SyncFolder, "data", 2),
    ] {
        let log = log_of(forgetting(call, path, number));
        let found = check_every_prefix(&log, 2);
        let reason = found.expect_err(&format!("{call:?} {number} of {path} is not missed"));
        tell(&format!("without {call:?} {number} of {path}: {reason}"));
    }
}

#[test]
fn a_finish_that_a_killed_server_began_is_durable_before_it_is_answered() {
    let is_dead = |from: usize| {
        let calls = AtomicUsize::new(0);
        move |_: &About<'_>| {
            if calls.fetch_add(1, Ordering::Relaxed) >= from {
                Fate::Fails(Errno::IO)
            } else {
                Fate::Done
            }
        }
    };
    let mut disks = 0;
    for calls in 0..8 {
        let folder = fast_folder();
        let disk = Watched::logging(|_| Fate::Done);
        let mut scenario = Scenario::new(Arc::clone(&disk));
        runtime().block_on(async {
            let store = open_on(&folder, &disk).unwrap();
            let data = store.data();
            let content = pattern(1, 30_000);
            let mut upload = data.begin(UploadHint::default()).await.unwrap();
            data.reserve(&mut upload);
            data.append(&mut upload, content.clone()).await.unwrap();
            data.checkpoint(&mut upload).await.unwrap();
            let state = upload.state().clone();
            scenario.ledger.object_is_begun(&state.key, &content);
            scenario.ledger.object_may_be_whole_or_not(&state.key);
            disk.note(&scenario.ledger);
            // The server gets so far and no further.
            disk.set(is_dead(calls));
            let _ = data.finish(upload).await;
            drop((data, store));
            disk.set(|_| Fate::Done);

            let store = open_on(&folder, &disk).unwrap();
            let mut upload = Upload::resume(state.clone());
            store.data().reserve(&mut upload);
            if store.data().finish(upload).await.is_ok() {
                scenario.ledger.object_is(&state.key, true);
                disk.note(&scenario.ledger);
            }
        });
        let tried = check_every_prefix(&disk.take_log(), 2);
        disks += tried.unwrap_or_else(|reason| panic!("{reason}")).states;
    }
    tell(&format!("{disks} disks"));
}
