//! Every call to the disk fails once, and in another run from then on: what was answered as done
//! is there and whole, nothing half-written can be read, and the store goes on or says that it
//! must be opened again.

use super::scenario::Scenario;
use super::watched::{About, Call, Fate, Watched};
use super::{fast_folder, open_on, runtime, tell};
use crate::drivers::local::LocalStore;
use crate::suite::pattern;
use crate::{Condition, DataStore, Kind, RecordStore, Upload, UploadHint};
use bytes::Bytes;
use rustix::io::Errno;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const MIB: usize = 1024 * 1024;

/// A fault of the calls of one kind, by number.
#[derive(Clone, Copy, Debug)]
struct Fault {
    call: Call,
    number: usize,
    fate: Fate,
    is_lasting: bool,
}

impl Fault {
    fn decide(self, about: &About<'_>) -> Fate {
        let is_hit = about.call == self.call
            && (about.number == self.number || self.is_lasting && about.number > self.number);
        if is_hit { self.fate } else { Fate::Done }
    }
}

fn fates(call: Call) -> &'static [Fate] {
    const IO: Fate = Fate::Fails(Errno::IO);
    const FULL: Fate = Fate::Fails(Errno::NOSPC);
    match call {
        Call::Write => &[IO, FULL, Fate::Short],
        Call::Create | Call::MakeFolder => &[IO, FULL],
        Call::SetLength => &[IO],
        Call::Keep => &[FULL, Fate::Fails(Errno::OPNOTSUPP)],
        Call::SyncData => &[IO, FULL, Fate::FailsDone(Errno::IO)],
        Call::SyncFolder | Call::Rename | Call::Remove => &[IO, Fate::FailsDone(Errno::IO)],
    }
}

/// Lives through the scenario with a fault and looks at what is left; returns how many calls were
/// answered with an error.
fn suffer(fault: Fault) -> usize {
    let folder = fast_folder();
    let disk = Watched::new(move |about| fault.decide(about));
    let mut scenario = Scenario::new(Arc::clone(&disk));
    let mut told = 0;
    runtime().block_on(async {
        match open_on(&folder, &disk) {
            Ok(store) => {
                scenario.run(&store).await;
                disk.set(|_| Fate::Done);
                assert_usable_or_ended(&mut scenario, &store, fault).await;
            }
            Err(error) => {
                assert!(matches!(error.kind(), Kind::Io | Kind::Full), "{error}");
                scenario.errors.push(error);
            }
        }
        let store = open_on(&folder, &Watched::new(|_| Fate::Done)).unwrap();
        told = scenario.errors.len();
        let checked = scenario.ledger.check(&store).await;
        checked.unwrap_or_else(|reason| panic!("{fault:?}: {reason}"));
        scenario.errors.clear();
        scenario.put(&store, "after", 10).await;
        scenario.upload(&store, 7, 1000, 500).await.unwrap();
        assert!(scenario.errors.is_empty(), "{fault:?}");
    });
    told
}

/// Once the fault has gone, calls succeed; after a failed fsync of records they say what to do.
async fn assert_usable_or_ended(scenario: &mut Scenario, store: &LocalStore, fault: Fault) {
    let before = scenario.errors.len();
    scenario.put(store, "after", 10).await;
    scenario.upload(store, 6, 1000, 500).await;
    if fault.call == Call::SyncData {
        let mut told = scenario.errors[before..].iter();
        assert!(
            told.all(|error| error.to_string().contains("start the server again")),
            "{fault:?}: {:?}",
            scenario.errors
        );
        return;
    }
    assert_eq!(
        scenario.errors.len(),
        before,
        "{fault:?}: {:?}",
        scenario.errors
    );
}

#[test]
fn every_call_to_the_disk_may_fail_and_nothing_that_was_answered_is_lost() {
    let folder = fast_folder();
    let disk = Watched::new(|_| Fate::Done);
    runtime().block_on(async {
        let store = open_on(&folder, &disk).unwrap();
        let mut scenario = Scenario::new(Arc::clone(&disk));
        scenario.run(&store).await;
        assert!(scenario.errors.is_empty(), "{:?}", scenario.errors);
        scenario.ledger.check(&store).await.unwrap();
    });
    let mut points = 0;
    for call in Call::ALL {
        let count = disk.count(call);
        assert!(count > 0, "the scenario has no {call:?}");
        let mut unnoticed = 0;
        for number in 0..count {
            for &fate in fates(call) {
                for is_lasting in [false, true] {
                    if fate == Fate::Short && is_lasting {
                        continue;
                    }
                    let fault = Fault {
                        call,
                        number,
                        fate,
                        is_lasting,
                    };
                    points += 1;
                    if suffer(fault) == 0 {
                        unnoticed += 1;
                    }
                }
            }
        }
        tell(&format!(
            "{call:?}: {count} calls, {unnoticed} faults that no caller was told of"
        ));
    }
    tell(&format!("{points} faults"));
}

/// Makes a disk that tells up to where blocks were taken in advance.
fn watch_what_is_kept() -> (Arc<Watched>, Arc<AtomicU64>) {
    let kept_to = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&kept_to);
    let disk = Watched::new(move |about| {
        if about.call == Call::Keep {
            seen.fetch_max(about.end, Ordering::SeqCst);
        }
        Fate::Done
    });
    (disk, kept_to)
}

#[test]
fn a_full_disk_is_told_as_full_and_deletes_go_on() {
    let folder = fast_folder();
    let (disk, kept_to) = watch_what_is_kept();
    runtime().block_on(async {
        let store = open_on(&folder, &disk).unwrap();
        let mut scenario = Scenario::new(Arc::clone(&disk));
        let key = scenario.upload(&store, 1, 100_000, 50_000).await.unwrap();
        scenario.put(&store, "a", 100_000).await;

        // The record file may still write to the blocks that it has.
        let kept_to = kept_to.load(Ordering::SeqCst);
        disk.set(move |about| match about.call {
            Call::Write if about.path.starts_with("uploads/") => Fate::Fails(Errno::NOSPC),
            Call::Write | Call::Keep if about.end > kept_to => Fate::Fails(Errno::NOSPC),
            Call::Create | Call::MakeFolder => Fate::Fails(Errno::NOSPC),
            _ => Fate::Done,
        });
        let (records, data) = (store.records(), store.data());
        let mut upload = data.begin(UploadHint::default()).await.unwrap();
        data.reserve(&mut upload);
        data.append(&mut upload, Bytes::from_static(b"x"))
            .await
            .unwrap();
        let error = data.checkpoint(&mut upload).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Full);
        scenario.remove(&store, &key).await;
        scenario.delete(&store, "a").await;
        assert!(scenario.errors.is_empty(), "{:?}", scenario.errors);
        scenario.ledger.check(&store).await.unwrap();

        let large = Bytes::from(vec![1; 200_000]);
        let mut errors = Vec::new();
        for number in 0..100 {
            let key = format!("k{number}");
            let put = records.put(&key, large.clone(), Condition::Any);
            errors.extend(put.await.err().map(|error| error.kind()));
            scenario.ledger.record_may_be(&key, Some(&large));
        }
        assert!(!errors.is_empty());
        assert!(errors.iter().all(|kind| *kind == Kind::Full), "{errors:?}");
        scenario.ledger.check(&store).await.unwrap();
        for number in 0..200 {
            let key = format!("k{}", number % 100);
            if number < 100 {
                scenario.put(&store, &key, 500).await;
            } else {
                scenario.delete(&store, &key).await;
            }
        }
        assert!(scenario.errors.is_empty(), "{:?}", scenario.errors);
        scenario.ledger.check(&store).await.unwrap();

        disk.set(|_| Fate::Done);
        scenario.put(&store, "a", 100_000).await;
        scenario.upload(&store, 2, 100_000, 50_000).await.unwrap();
        assert!(scenario.errors.is_empty());
        scenario.ledger.check(&store).await.unwrap();
    });
}

#[test]
fn what_the_journal_has_always_fits_onto_a_disk_that_is_full_by_then() {
    // How many records there are when the disk is full: the journal then has more or less.
    for count in [1, 40, 90, 140, 190, 400, 700, 1000] {
        let folder = fast_folder();
        let (disk, kept_to) = watch_what_is_kept();
        let key = |number: u64| format!("{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        runtime().block_on(async {
            let store = open_on(&folder, &disk).unwrap();
            let mut scenario = Scenario::new(Arc::clone(&disk));
            for number in 0..count {
                scenario.put(&store, &key(number), 1500).await;
            }
            let kept_to = kept_to.load(Ordering::SeqCst);
            disk.set(move |about| match about.call {
                Call::Write | Call::Keep if about.end > kept_to => Fate::Fails(Errno::NOSPC),
                _ => Fate::Done,
            });
            // What a server that is killed now leaves, and what a start on the full disk makes of it.
            let crashed = fast_folder();
            std::fs::create_dir(crashed.path().join("store")).unwrap();
            for name in [
                "store/records.redb",
                "store/records.journal",
                "store/format",
            ] {
                std::fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
            }
            let after_crash = open_on(&crashed, &disk).unwrap();
            scenario.ledger.check(&after_crash).await.unwrap();
            scenario.put(&after_crash, "small", 10).await;
            scenario.put(&store, "small", 10).await;
            for number in 0..count {
                scenario.delete(&store, &key(number)).await;
            }
            assert!(scenario.errors.is_empty(), "{count}: {:?}", scenario.errors);
            drop(store);
            let store = open_on(&folder, &disk).unwrap();
            scenario.ledger.check(&store).await.unwrap();
        });
    }
}

#[tokio::test]
async fn bytes_that_a_failed_fsync_lost_on_the_way_are_never_finished() {
    let folder = fast_folder();
    let disk = Watched::new(|about| match about.call {
        Call::SyncData if about.path.starts_with("uploads/") => Fate::Fails(Errno::IO),
        _ => Fate::Done,
    });
    let data = open_on(&folder, &disk).unwrap().data();
    let mut upload = data.begin(UploadHint::default()).await.unwrap();
    data.reserve(&mut upload);
    // Enough for an fsync beside the upload. It fails, and the next one says that all is well.
    for _ in 0..31 {
        data.append(&mut upload, pattern(1, MIB)).await.unwrap();
    }
    data.checkpoint(&mut upload).await.unwrap();
    let state = upload.state().clone();
    let mut result = Ok(());
    for _ in 0..3 {
        let appended = data.append(&mut upload, pattern(1, MIB)).await;
        result = result.and(appended);
    }
    let finished = data.finish(upload).await;
    result.and(finished.map(drop)).unwrap_err();
    disk.set(|_| Fate::Done);
    let again = data.finish(Upload::resume(state.clone())).await;
    assert_eq!(again.unwrap_err().kind(), Kind::NotFound);
    drop(data);
    let data = open_on(&folder, &disk).unwrap().data();
    let again = data.finish(Upload::resume(state)).await;
    assert_eq!(again.unwrap_err().kind(), Kind::NotFound);
}
