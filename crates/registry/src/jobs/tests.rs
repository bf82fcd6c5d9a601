//! Jobs: their records, their ends, and who is told what.

use super::{Job, JobSeen};
use crate::fsck::FsckOptions;
use crate::ids::JobId;
use crate::record::{Encoded, JobProgress, JobRecord, JobState};
use crate::testing::Fixture;
use crate::{RandomIds, layout};
use bytes::Bytes;
use roadstead_storage::{Condition, Outcome, RecordStore, Timestamp};
use std::time::Duration;

fn job() -> Job {
    Job::Fsck(FsckOptions::default())
}

async fn run(fixture: &Fixture) -> JobSeen {
    let begun = fixture.registry.job_start(job(), "ops").await.unwrap();
    assert_eq!(begun.record.state, JobState::Running);
    fixture.registry.inner.background.wait_until_idle().await;
    fixture.registry.job(begun.id).await.unwrap().unwrap()
}

async fn plant(fixture: &Fixture, started: Timestamp) -> JobId {
    let id = JobId::at(started, &RandomIds);
    let record = JobRecord {
        kind: "fsck".to_owned(),
        options: serde_json::Value::Null,
        by: "ops".to_owned(),
        state: JobState::Running,
        started,
        heartbeat: started,
        progress: JobProgress::default(),
        error: None,
        report: Bytes::new(),
    };
    let put = fixture
        .records
        .put(&layout::job(&id), record.encode(), Condition::Absent)
        .await;
    assert!(matches!(put.unwrap(), Outcome::Applied(_)));
    id
}

#[tokio::test]
async fn a_job_that_ends_leaves_its_report() {
    let fixture = Fixture::new();
    let seen = run(&fixture).await;
    assert_eq!(seen.record.state, JobState::Done);
    assert_eq!(seen.record.by, "ops");
    let report: serde_json::Value = serde_json::from_slice(&seen.record.report).unwrap();
    assert!(report.is_object());
}

#[tokio::test]
async fn a_job_that_meets_a_stop_says_that_it_failed() {
    let fixture = Fixture::new();
    let begun = fixture.registry.job_start(job(), "ops").await.unwrap();
    // Nothing has run yet: the one thread is this one.
    fixture.registry.inner.background.shutdown().await;
    let seen = fixture.registry.job(begun.id).await.unwrap().unwrap();
    let ended = (seen.record.state, seen.record.error.is_some());
    assert!(
        ended == (JobState::Failed, true) || ended == (JobState::Done, false),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_job_whose_heartbeat_stands_still_is_interrupted() {
    let fixture = Fixture::new();
    let id = plant(&fixture, fixture.records.now().await.unwrap()).await;
    let is_interrupted = async || {
        let seen = fixture.registry.job(id).await.unwrap();
        seen.unwrap().is_interrupted
    };
    fixture.clock.advance(Duration::from_mins(2));
    assert!(!is_interrupted().await);
    fixture.clock.advance(Duration::from_secs(1));
    assert!(is_interrupted().await);
}

#[tokio::test]
async fn jobs_are_listed_the_newest_first_and_old_ones_go() {
    let fixture = Fixture::new();
    let first = plant(&fixture, fixture.records.now().await.unwrap()).await;
    fixture.clock.advance(Duration::from_hours(7 * 24));
    let second = run(&fixture).await.id;
    let list = async || {
        let page = fixture.registry.jobs(None, 10).await.unwrap();
        page.jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [second, first], "a week is not too old");
    fixture.clock.advance(Duration::from_secs(1));
    let third = fixture.registry.job_start(job(), "ops").await.unwrap().id;
    assert_eq!(list().await, [third, second]);
    let page = fixture.registry.jobs(None, 1).await.unwrap();
    assert_eq!(page.next.as_deref(), Some(&*third.to_string()));
    let page = fixture
        .registry
        .jobs(page.next.as_deref(), 1)
        .await
        .unwrap();
    assert_eq!(page.jobs[0].id, second);
}

#[test]
fn only_known_kinds_with_known_options_are_jobs() {
    assert_eq!(Job::parse("fsck", None), Ok(job()));
    for kind in Job::KINDS {
        assert_eq!(Job::parse(kind, None).unwrap().kind(), *kind);
    }
    assert!(Job::parse("sweep", None).unwrap_err().contains("fsck"));
    let options = serde_json::json!({"depth": 3});
    assert!(
        Job::parse("fsck", Some(options))
            .unwrap_err()
            .contains("depth")
    );
}
