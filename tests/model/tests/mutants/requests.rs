//! Rules of requests among themselves: names, manifests, uploads, one record.

use super::is_missed;
use roadstead_model::Mutant;

#[test]
fn it_is_noticed_when_tombstones_have_no_nonce_so_that_all_have_one_entity_tag() {
    is_missed(Mutant::TombstonesAlike);
}

#[test]
fn it_is_noticed_when_a_delete_leaves_no_tombstone() {
    is_missed(Mutant::DeleteLeavesNothing);
}

#[test]
fn it_is_noticed_when_a_tombstone_is_swept_while_older_requests_are_under_way() {
    is_missed(Mutant::TombstoneSweptAtOnce);
}

#[test]
fn it_is_noticed_when_another_s_record_after_a_lost_answer_is_called_a_conflict() {
    is_missed(Mutant::UnknownIsConflict);
}

#[test]
fn it_is_noticed_when_another_s_record_after_a_lost_answer_is_a_reason_to_try_again() {
    is_missed(Mutant::UnknownTriedAgain);
}

#[test]
fn it_is_noticed_when_a_refusal_is_believed_though_an_answer_was_lost_before() {
    is_missed(Mutant::RefusalBelieved);
}

#[test]
fn it_is_noticed_when_an_unconditional_put_is_sent_again_after_a_lost_answer() {
    is_missed(Mutant::UnconditionalSentAgain);
}

#[test]
fn it_is_noticed_when_a_deleter_fences_no_tag() {
    is_missed(Mutant::NotFenced);
}

#[test]
fn it_is_noticed_when_absence_has_no_version_so_an_absent_tag_cannot_be_fenced() {
    is_missed(Mutant::AbsenceHasNoVersion);
}

#[test]
fn it_is_noticed_when_a_push_looks_at_the_manifest_before_it_reads_the_tag() {
    is_missed(Mutant::ManifestBeforeTag);
}

#[test]
fn it_is_noticed_when_a_push_does_not_look_at_the_manifest_again_after_a_conflict_of_the_tag() {
    is_missed(Mutant::NotLookedAtAgain);
}

#[test]
fn it_is_noticed_when_the_reverse_entry_is_put_after_the_manifest_was_looked_at() {
    is_missed(Mutant::ReverseAfterManifest);
}

#[test]
fn it_is_noticed_when_a_deleter_removes_reverse_entries() {
    is_missed(Mutant::ReverseRemoved);
}

#[test]
fn it_is_noticed_when_a_tag_is_sent_however_long_ago_its_reverse_entry_was_put() {
    is_missed(Mutant::TagSentAtAnyTime);
}

#[test]
fn it_is_noticed_when_a_deleter_does_not_mark_the_record_before_it_looks_at_the_tags() {
    is_missed(Mutant::NotMarked);
}

#[test]
fn it_is_noticed_when_a_deleter_removes_the_record_before_the_tags() {
    is_missed(Mutant::RecordBeforeNames);
}

#[test]
fn it_is_noticed_when_a_deleter_removes_the_record_on_whatever_version() {
    is_missed(Mutant::ManifestRemovedUnconditionally);
}

#[test]
fn it_is_noticed_when_a_push_writes_over_a_half_done_delete_without_finishing_it() {
    is_missed(Mutant::DeleteNotFinished);
}

#[test]
fn it_is_noticed_when_a_manifest_that_is_made_again_has_its_old_generation() {
    is_missed(Mutant::NoGenerations);
}

#[test]
fn it_is_noticed_when_a_delete_goes_on_with_the_next_generation_after_a_lost_answer() {
    is_missed(Mutant::DeletesTheNext);
}

#[test]
fn it_is_noticed_when_the_history_is_written_after_the_tag() {
    is_missed(Mutant::HistoryAfterTag);
}

#[test]
fn it_is_noticed_when_get_by_tag_does_not_read_the_tag_again_when_its_manifest_is_gone() {
    is_missed(Mutant::TagNotFollowed);
}

#[test]
fn it_is_noticed_when_a_lost_answer_of_a_tag_is_taken_for_a_conflict() {
    is_missed(Mutant::LostIsConflict);
}

#[test]
fn it_is_noticed_when_after_a_lost_answer_the_history_is_not_asked_whether_the_tag_was_set() {
    is_missed(Mutant::HistoryNotAsked);
}

#[test]
fn it_is_noticed_when_a_push_that_makes_its_manifest_again_counts_as_one_request() {
    is_missed(Mutant::RestartIsNoRetry);
}

#[test]
fn it_is_noticed_when_the_collector_removes_a_young_reverse_entry() {
    is_missed(Mutant::YoungReverseCleaned);
}

#[test]
fn it_is_noticed_when_the_age_of_a_reverse_entry_is_counted_to_when_it_is_read_not_to_when_the_pass_began()
 {
    is_missed(Mutant::ReverseAgeCountedLate);
}

#[test]
fn it_is_noticed_when_the_collector_removes_a_reverse_entry_on_whatever_version() {
    is_missed(Mutant::ReverseCleanedUnconditionally);
}

#[test]
fn it_is_noticed_when_a_deleter_does_not_fence_the_referrer_entry() {
    is_missed(Mutant::EntryNotFenced);
}

#[test]
fn it_is_noticed_when_a_push_is_answered_before_its_repository_is_in_the_catalog() {
    is_missed(Mutant::CatalogAfterAnswer);
}

#[test]
fn it_is_noticed_when_data_is_registered_however_long_ago_its_session_went_to_committing() {
    is_missed(Mutant::RegisteredAtAnyTime);
}

#[test]
fn it_is_noticed_when_a_repeated_put_opens_a_window_of_its_own() {
    is_missed(Mutant::WindowRenewed);
}

#[test]
fn it_is_noticed_when_a_put_registers_its_data_though_it_did_not_win_the_session() {
    is_missed(Mutant::NotCommitted);
}

#[test]
fn it_is_noticed_when_a_repeated_put_drops_the_data_though_the_record_names_it() {
    is_missed(Mutant::OwnNotCompared);
}

#[test]
fn it_is_noticed_when_the_sweeper_judges_a_committing_session_at_once() {
    is_missed(Mutant::SweeperDoesNotWait);
}

#[test]
fn it_is_noticed_when_the_sweeper_does_not_ask_the_blob_record() {
    is_missed(Mutant::SweeperDoesNotAsk);
}

#[test]
fn it_is_noticed_when_the_sweeper_forgets_a_session_before_it_deletes_its_data() {
    is_missed(Mutant::SessionForgottenFirst);
}

#[test]
fn it_is_noticed_when_a_cancellation_deletes_the_data_before_it_claims_the_session() {
    is_missed(Mutant::CancelledUnclaimed);
}

#[test]
fn it_is_noticed_when_a_put_leaves_the_data_that_it_finished_after_a_cancellation() {
    is_missed(Mutant::UnclaimedNotDropped);
}

#[test]
fn it_is_noticed_when_a_session_that_is_gone_counts_as_cancelled_however_long_ago_it_was_read() {
    is_missed(Mutant::GoneMeansCancelled);
}

#[test]
fn it_is_noticed_when_staged_bytes_become_a_manifest_s_however_long_ago_they_were_staged() {
    is_missed(Mutant::LargeRegisteredAtAnyTime);
}

#[test]
fn it_is_noticed_when_the_data_of_a_manifest_goes_while_it_is_readable() {
    is_missed(Mutant::LargeDataBeforeDead);
}

#[test]
fn it_is_noticed_when_a_dead_manifest_is_written_over_and_its_data_left() {
    is_missed(Mutant::LargeDeadDataLeft);
}

#[test]
fn it_is_noticed_when_a_dead_manifest_is_removed_on_whatever_version() {
    is_missed(Mutant::LargeRemovedUnconditionally);
}

#[test]
fn it_is_noticed_when_staged_bytes_are_dropped_after_a_lost_answer_though_a_record_may_name_them() {
    is_missed(Mutant::StagedDroppedAfterLostAnswer);
}

#[test]
fn it_is_noticed_when_the_sweeper_does_not_ask_the_manifest_record() {
    is_missed(Mutant::SweeperDoesNotAskTheManifest);
}
