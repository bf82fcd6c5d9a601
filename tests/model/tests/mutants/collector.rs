//! Rules of the collector, and of what writers do because of it.

use super::is_missed;
use roadstead_model::Mutant;

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
