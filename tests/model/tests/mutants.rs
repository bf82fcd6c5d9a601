//! Every rule is needed: without it the model finds something broken. One test for each.

use roadstead_model::{Mutant, mutated};
use std::collections::BTreeSet;

fn is_missed(mutant: Mutant) {
    let run = mutated(mutant).expect("a part of the model has the rule");
    let report = run.check(1);
    assert!(
        report.counterexample.is_some(),
        "nothing is broken when {}",
        mutant.rule()
    );
}

#[test]
fn every_mutant_has_a_test_and_a_name_of_its_own() {
    let source = include_str!("mutants.rs");
    for mutant in Mutant::ALL {
        let asked = format!("is_missed(Mutant::{mutant:?});");
        assert!(source.contains(&asked), "{asked} is not here");
    }
    let rules: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.rule()).collect();
    assert_eq!(rules.len(), Mutant::ALL.len());
}

#[test]
fn it_is_noticed_when_a_reference_is_sent_however_long_ago_its_target_was_protected() {
    is_missed(Mutant::WindowNotChecked);
}

#[test]
fn it_is_noticed_when_the_window_is_checked_before_the_first_send_and_not_before_the_next() {
    is_missed(Mutant::RetryNotChecked);
}

#[test]
fn it_is_noticed_when_something_condemned_dies_in_the_next_pass_however_young() {
    is_missed(Mutant::CondemnedAgeNotWaited);
}

#[test]
fn it_is_noticed_when_c_is_shorter_than_d_and_r_together() {
    is_missed(Mutant::CondemnedAgeTooShort);
}

#[test]
fn it_is_noticed_when_a_pass_kills_what_it_has_condemned_itself_by_the_same_scan() {
    is_missed(Mutant::NoFreshScan);
}

#[test]
fn it_is_noticed_when_c_is_counted_to_the_kill_not_to_the_beginning_of_the_scan() {
    is_missed(Mutant::AgeCountedToTheKill);
}

#[test]
fn it_is_noticed_when_a_manifest_that_cannot_be_read_counts_as_none() {
    is_missed(Mutant::UnreadableIsNoReference);
}

#[test]
fn it_is_noticed_when_the_kill_does_not_ask_for_the_condemned_version() {
    is_missed(Mutant::KilledUnconditionally);
}

#[test]
fn it_is_noticed_when_protect_leaves_a_condemned_record_as_it_is() {
    is_missed(Mutant::CondemnedNotRevived);
}

#[test]
fn it_is_noticed_when_protect_brings_a_dead_record_back() {
    is_missed(Mutant::DeadRevived);
}

#[test]
fn it_is_noticed_when_a_mount_protects_the_link_of_its_source_not_the_blob_record() {
    is_missed(Mutant::MountProtectsTheLink);
}

#[test]
fn it_is_noticed_when_level_2_does_not_count_a_condemned_link() {
    is_missed(Mutant::CondemnedLinkIsNone);
}

#[test]
fn it_is_noticed_when_level_2_does_not_count_a_hidden_link() {
    is_missed(Mutant::HiddenLinkIsNone);
}

#[test]
fn it_is_noticed_when_delete_of_a_blob_kills_its_link_instead_of_hiding_it() {
    is_missed(Mutant::HiddenDiesAtOnce);
}

#[test]
fn it_is_noticed_when_a_hidden_link_dies_though_a_manifest_names_it() {
    is_missed(Mutant::HiddenNotBroughtBack);
}

#[test]
fn it_is_noticed_when_the_data_goes_before_the_record_is_dead() {
    is_missed(Mutant::DataBeforeTheKill);
}

#[test]
fn it_is_noticed_when_a_dead_record_is_removed_before_its_data() {
    is_missed(Mutant::RemovedBeforeItsData);
}

#[test]
fn it_is_noticed_when_a_dead_record_is_removed_on_whatever_version() {
    is_missed(Mutant::RemovedUnconditionally);
}

#[test]
fn it_is_noticed_when_a_dead_record_is_written_over_and_its_data_left() {
    is_missed(Mutant::DeadDataLeft);
}

#[test]
fn it_is_noticed_when_the_next_generation_has_the_data_key_of_the_one_before() {
    is_missed(Mutant::DataKeyReused);
}

#[test]
fn it_is_noticed_when_own_data_is_dropped_though_the_record_names_it() {
    is_missed(Mutant::OwnWriteNotKnown);
}

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
fn it_is_noticed_when_put_of_an_index_looks_at_its_children_and_protects_none() {
    is_missed(Mutant::ChildNotProtected);
}

#[test]
fn it_is_noticed_when_a_tag_or_an_index_is_sent_however_long_ago_the_manifest_was_protected() {
    is_missed(Mutant::ParentSentAtAnyTime);
}

#[test]
fn it_is_noticed_when_put_of_a_subject_does_not_protect_its_referrers() {
    is_missed(Mutant::SubjectProtectsNothing);
}

#[test]
fn it_is_noticed_when_an_untagged_manifest_dies_in_the_next_pass_however_short_it_was_condemned() {
    is_missed(Mutant::UntaggedAgeNotWaited);
}

#[test]
fn it_is_noticed_when_a_pass_kills_the_manifest_that_it_has_condemned_itself_by_the_same_scan() {
    is_missed(Mutant::UntaggedNotScannedAgain);
}

#[test]
fn it_is_noticed_when_level_0_marks_a_manifest_on_whatever_version() {
    is_missed(Mutant::UntaggedKilledUnconditionally);
}

#[test]
fn it_is_noticed_when_what_was_removed_is_recorded_after_the_manifest_record_is_gone() {
    is_missed(Mutant::RemovedToldAfterwards);
}

#[test]
fn it_is_noticed_when_what_was_removed_does_not_count_as_a_reference() {
    is_missed(Mutant::RemovedIsNoReference);
}

#[test]
fn it_is_noticed_when_a_manifest_is_put_back_without_its_links_being_protected() {
    is_missed(Mutant::RestoreProtectsNothing);
}

#[test]
fn it_is_noticed_when_what_is_condemned_is_listed_after_it_was_condemned() {
    is_missed(Mutant::ListedAfterwards);
}

#[test]
fn it_is_noticed_when_a_list_goes_while_what_it_announces_may_be_under_way() {
    is_missed(Mutant::ListRemovedYoung);
}

#[test]
fn it_is_noticed_when_something_is_condemned_however_long_ago_its_list_was_written() {
    is_missed(Mutant::CondemnedLongAfterItsList);
}

#[test]
fn it_is_noticed_when_the_age_of_a_list_is_asked_when_it_goes_not_before_its_link_is_looked_at() {
    is_missed(Mutant::ListAgeAskedAfterwards);
}

#[test]
fn it_is_noticed_when_delete_of_a_blob_leaves_what_its_replica_remembers() {
    is_missed(Mutant::MemoryNotForgotten);
}

#[test]
fn it_is_noticed_when_a_head_that_looked_before_a_delete_may_be_remembered_after_it() {
    is_missed(Mutant::ForgetsOnlyWhatIsThere);
}

#[test]
fn it_is_noticed_when_a_replica_remembers_a_link_for_longer_than_d() {
    is_missed(Mutant::MemoryOutlivesItsWindow);
}

#[test]
fn it_is_noticed_when_protect_does_not_touch_an_old_record() {
    is_missed(Mutant::OldNotTouched);
}

#[test]
fn it_is_noticed_when_something_unreferenced_is_condemned_however_young() {
    is_missed(Mutant::GraceNotWaited);
}

#[test]
fn it_is_noticed_when_head_leaves_a_condemned_record_as_it_is() {
    is_missed(Mutant::HeadLeavesCondemned);
}
