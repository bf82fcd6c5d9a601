//! The conformance suite: one function for each clause of the contract, run by every driver and by
//! every decorator through [`driver_suite!`](crate::driver_suite).
//!
//! A clause takes a fresh, empty store and panics when the clause does not hold. What only one
//! driver can show (a full disk, a second opener) is in that driver's own tests.

pub mod conditions;
pub mod histories;
pub mod listing;
pub mod object_listing;
pub mod objects;
pub mod races;
pub mod records;
pub mod together;
pub mod uploads;

use crate::{DataKey, DataStore, Outcome, RecordStore, Version};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use std::ops::Range;
use std::sync::Arc;

/// A store under test and the way to open it again as another process would.
pub struct Subject {
    /// The records, empty at the start.
    pub records: Arc<dyn RecordStore>,
    /// The data, empty at the start.
    pub data: Arc<dyn DataStore>,
    restart: Restart,
}

type Restart = Box<dyn FnOnce() -> BoxFuture<'static, Subject> + Send>;

impl Subject {
    /// Makes a subject. `restart` opens the same store again after this subject's handles were
    /// dropped; it also keeps alive what the store needs (a temporary folder, a server).
    pub fn new(
        records: Arc<dyn RecordStore>,
        data: Arc<dyn DataStore>,
        restart: impl FnOnce() -> BoxFuture<'static, Subject> + Send + 'static,
    ) -> Self {
        Self {
            records,
            data,
            restart: Box::new(restart),
        }
    }

    /// Drops every handle and opens the store anew.
    pub async fn restarted(self) -> Self {
        let Self {
            records,
            data,
            restart,
        } = self;
        drop((records, data));
        restart().await
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Subject").finish_non_exhaustive()
    }
}

/// Returns the version of a write that must have happened.
#[track_caller]
pub(crate) fn applied(outcome: Outcome) -> Version {
    match outcome {
        Outcome::Applied(version) => version,
        Outcome::Conflict => panic!("the write met a conflict"),
        Outcome::Unknown => panic!("the write has an unknown outcome"),
    }
}

/// Returns `length` bytes that differ at every offset and by `seed`.
pub(crate) fn pattern(seed: u64, length: usize) -> Bytes {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes.into()
}

/// Writes and finishes an object of `bytes`, appended in uneven pieces.
pub(crate) async fn store(data: &dyn DataStore, bytes: &Bytes) -> DataKey {
    let mut upload = data.begin(crate::UploadHint::default()).await.unwrap();
    data.reserve(&mut upload);
    let mut rest = bytes.clone();
    let mut step = 1;
    while !rest.is_empty() {
        let piece = rest.split_to(step.min(rest.len()));
        data.append(&mut upload, piece).await.unwrap();
        step = (step * 3).min(300_000);
    }
    let finished = data.finish(upload).await.unwrap();
    assert_eq!(finished.length, bytes.len() as u64);
    finished.key
}

/// Reads a range to its end.
pub(crate) async fn fetch(
    data: &dyn DataStore,
    key: &DataKey,
    range: Range<u64>,
) -> crate::Result<Vec<u8>> {
    let stream = data.read(key, range).await?;
    stream
        .try_fold(Vec::new(), |mut all, piece| async move {
            assert!(!piece.is_empty(), "a stream yields no empty pieces");
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}

/// Asserts that the first call or the stream's first error has this kind.
pub(crate) async fn assert_read_fails(
    data: &dyn DataStore,
    key: &DataKey,
    range: Range<u64>,
    kinds: &[crate::Kind],
) {
    let error = match data.read(key, range.clone()).await {
        Err(error) => error,
        Ok(mut stream) => loop {
            match stream.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("bytes {range:?} of {key:?} were read to the end"),
            }
        },
    };
    assert!(
        kinds.contains(&error.kind()),
        "{error} has the kind {:?}",
        error.kind()
    );
}

/// Runs every clause against a driver.
///
/// `driver_suite!(memory, || async { … })` makes a module `memory` with one test a clause; the
/// closure returns a fresh [`Subject`](crate::suite::Subject) each time.
#[macro_export]
macro_rules! driver_suite {
    ($driver:ident, $make:expr) => {
        mod $driver {
            #[allow(unused_imports, reason = "the closure may need nothing from around it")]
            use super::*;

            $crate::driver_suite!(@clauses $make, records [
                a_key_that_was_never_written_reads_as_absent
                a_put_is_read_back_whole
                a_record_of_one_byte_and_the_largest_record_are_kept
                an_empty_or_too_large_record_is_refused
                an_empty_or_too_long_key_is_refused
                odd_characters_in_keys_stay_apart
                keys_that_are_prefixes_of_each_other_live_together
                a_put_carries_the_time_of_the_store
                records_survive_a_restart
            ]);
            $crate::driver_suite!(@clauses $make, conditions [
                an_absent_put_succeeds_once
                an_absent_put_over_a_deleted_key_succeeds
                a_matching_put_replaces_the_record
                a_stale_put_is_refused_and_changes_nothing
                equal_bytes_give_a_new_version
                a_put_that_matches_an_absence_creates_the_record
                a_put_that_matches_an_older_absence_is_refused
                a_delete_leaves_an_absence_with_its_own_version
                a_stale_delete_is_refused_and_the_record_stays
                a_delete_that_matches_removes_the_record
                a_delete_of_an_absence_fences_it
                a_delete_of_a_key_that_was_never_written_fences_it
                an_unconditional_delete_of_an_absent_key_is_applied
                an_absent_delete_is_refused_while_there_is_a_record
                a_record_that_comes_back_has_a_new_version
                versions_survive_a_restart
            ]);
            $crate::driver_suite!(@clauses $make, together [
                parts_are_all_written_each_with_its_version
                one_condition_that_does_not_hold_keeps_every_part_unwritten
                a_part_without_bytes_changes_nothing
                parts_that_all_only_ask_are_answered
                two_parts_of_one_key_are_refused
                racing_writes_of_crossing_parts_lose_nothing
            ]);
            $crate::driver_suite!(@clauses $make, histories [
                random_histories_agree_with_a_simple_model
            ]);
            $crate::driver_suite!(@clauses $make, races [
                eight_racing_absent_puts_have_one_winner
                eight_racing_absent_puts_over_a_tombstone_have_one_winner
                eight_racing_matching_puts_have_one_winner
                eight_racing_deletes_have_one_winner
                a_put_racing_a_delete_has_one_winner
                a_reader_sees_a_write_that_was_answered
                racing_increments_lose_nothing
                racing_writers_of_different_keys_all_win
            ]);
            $crate::driver_suite!(@clauses $make, listing [
                a_list_is_in_byte_order
                a_list_of_nothing_is_empty
                a_list_pages_beyond_a_thousand_keys
                a_list_takes_a_page_of_ten_thousand
                a_list_leaves_tombstones_out
                more_is_unset_when_only_tombstones_follow
                a_page_full_of_tombstones_is_passed_over
                a_list_keeps_to_its_prefix
                a_list_starts_after_a_key_that_need_not_exist
                a_list_shows_the_time_of_each_record
                a_page_of_no_or_of_too_many_entries_is_refused
            ]);
            $crate::driver_suite!(@clauses $make, objects [
                sizes_around_every_limit_round_trip
                an_object_is_not_readable_before_it_is_finished
                ranges_at_every_edge_are_exact
                an_absent_object_is_not_found
                a_range_beyond_the_end_is_corrupt
                a_range_that_ends_before_it_starts_is_refused
                a_key_that_no_driver_made_reads_nothing
                a_delete_is_idempotent
                a_reader_of_a_deleted_object_never_sees_other_bytes
                concurrent_readers_each_get_all_bytes
                objects_survive_a_restart
            ]);
            $crate::driver_suite!(@clauses $make, object_listing [
                finished_objects_are_listed_in_byte_order_of_their_keys
                a_listing_of_objects_pages_to_the_end
                a_listing_of_objects_starts_after_a_key_that_need_not_exist
                a_listing_of_objects_of_an_empty_store_is_empty
                a_deleted_object_is_not_listed
                an_unfinished_upload_is_no_object_of_the_listing
                a_listing_shows_the_length_and_the_time_of_each_object
                objects_are_listed_after_a_restart
                a_page_of_no_or_of_too_many_objects_is_refused
            ]);
            $crate::driver_suite!(@clauses $make, uploads [
                keys_of_uploads_are_never_the_same
                an_upload_goes_on_from_its_serialised_state
                an_upload_goes_on_after_a_restart
                an_upload_without_bytes_goes_on_after_a_restart
                bytes_after_the_last_checkpoint_are_written_again
                a_checkpoint_moves_the_length_and_nothing_else_does
                checkpointed_bytes_are_read_back
                a_checkpoint_of_this_boot_is_not_doubtful
                a_superseded_writer_changes_nothing
                a_shorter_second_writer_leaves_no_tail_of_the_first
                an_aborted_upload_leaves_nothing
                an_abort_is_idempotent_and_spares_a_finished_object
                a_finish_is_idempotent
                a_finish_of_an_unknown_upload_is_refused
                an_unfinished_upload_is_listed
                concurrent_uploads_do_not_mix
            ]);
        }
    };
    (@clauses $make:expr, $area:ident [ $($clause:ident)* ]) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                $crate::suite::$area::$clause(($make)().await).await;
            }
        )*
    };
}
