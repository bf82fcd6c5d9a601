//! Several writers of one upload, and what unfinished uploads leave.

use crate::fixture::{BUCKET, Fixture, MIB, PART, pattern};
use crate::requests;
use bytes::Bytes;
use roadstead_storage::{DataStore, Kind, RecordStore, Upload};
use roadstead_tests::s3_fake::{FakeOptions, Fault, Rule, S3Operation};
use std::time::Duration;

#[tokio::test]
async fn an_upload_that_hops_on_every_request_is_put_together() {
    let fixture = Fixture::new().await;
    let bytes = pattern(1, 3 * PART + 123);
    let mut upload = fixture.begin().await;
    for chunk in bytes.chunks(5 * MIB) {
        let replica = Fixture::over(fixture.fake.clone(), |_| {}).await;
        upload = replica.resume(upload.state());
        replica
            .append(&mut upload, &Bytes::copy_from_slice(chunk))
            .await;
        replica.checkpoint(&mut upload).await;
        replica.data.release(&mut upload);
    }
    let finished = fixture
        .data
        .finish(fixture.resume(upload.state()))
        .await
        .unwrap();
    fixture.assert_holds(&finished.key, &bytes).await;
    assert!(fixture.fake.open_uploads(BUCKET).is_empty());
    fixture.store.settled().await;
    assert_eq!(fixture.names("tails"), Vec::<String>::new());
}

#[tokio::test]
async fn each_writer_deletes_the_tail_that_the_one_before_replaced() {
    let fixture = Fixture::new().await;
    let mut upload = fixture.begin().await;
    for _ in 0..5 {
        upload = fixture.resume(upload.state());
        fixture.append(&mut upload, &pattern(2, 1000)).await;
        fixture.checkpoint(&mut upload).await;
        fixture.store.settled().await;
        // The present one, and the one before it: the state that names this one may not be kept.
        assert!(fixture.names("tails").len() <= 2);
    }
}

#[tokio::test]
async fn a_process_that_goes_on_at_once_does_not_read_back_what_it_wrote() {
    let fixture = Fixture::new().await;
    let elsewhere = Fixture::over(fixture.fake.clone(), |_| {}).await;
    for is_elsewhere in [false, true] {
        let mut upload = fixture.begin().await;
        fixture.append(&mut upload, &pattern(2, 1000)).await;
        let state = fixture.checkpoint(&mut upload).await;
        let _ = fixture.requests();
        let closing = if is_elsewhere { &elsewhere } else { &fixture };
        let finished = closing.data.finish(Upload::resume(state)).await.unwrap();
        closing.store.settled().await;
        let expected = if is_elsewhere {
            requests!(GetObject: 1, PutObject: 1, DeleteObject: 1)
        } else {
            requests!(PutObject: 1, DeleteObject: 1)
        };
        assert_eq!(fixture.requests(), expected);
        fixture.assert_holds(&finished.key, &pattern(2, 1000)).await;
    }
}

#[tokio::test]
async fn a_checkpoint_that_fails_twice_leaves_what_the_one_before_kept() {
    let fixture = Fixture::with(FakeOptions::default(), |settings| settings.attempts = 1).await;
    let mut upload = fixture.begin().await;
    fixture.append(&mut upload, &pattern(2, 1000)).await;
    let state = fixture.checkpoint(&mut upload).await;
    fixture.append(&mut upload, &pattern(3, 1000)).await;
    for _ in 0..2 {
        let refused = Rule::next(S3Operation::PutObject, Fault::InternalError);
        fixture.fake.faults().add(refused);
        fixture.data.checkpoint(&mut upload).await.unwrap_err();
    }
    let finished = fixture.data.finish(fixture.resume(&state)).await.unwrap();
    fixture.assert_holds(&finished.key, &pattern(2, 1000)).await;
}

#[tokio::test]
async fn many_small_chunks_use_up_no_part_numbers() {
    let fixture = Fixture::new().await;
    let chunk = pattern(2, 1000);
    let mut upload = fixture.begin().await;
    let mut expected = Vec::new();
    for _ in 0..60 {
        upload = fixture.resume(upload.state());
        fixture.append(&mut upload, &chunk).await;
        fixture.checkpoint(&mut upload).await;
        fixture.data.release(&mut upload);
        expected.extend_from_slice(&chunk);
    }
    // The first writer alone ended without giving back what it had reserved.
    assert_eq!(upload.state().driver["end"], 257);
    let finished = fixture.data.finish(upload).await.unwrap();
    fixture.assert_holds(&finished.key, &expected.into()).await;
}

#[tokio::test]
async fn a_part_that_lands_late_meets_none_of_the_next_writer() {
    let fixture = Fixture::new().await;
    let mut zombie = fixture.begin().await;
    fixture.append(&mut zombie, &pattern(3, PART)).await;
    let state = fixture.checkpoint(&mut zombie).await;
    // The zombie's second part is on its way for long.
    let late = Fault::DelayBefore(Duration::from_millis(600));
    fixture
        .fake
        .faults()
        .add(Rule::next(S3Operation::UploadPart, late));
    fixture.append(&mut zombie, &pattern(4, PART)).await;
    let mut newer = fixture.resume(&state);
    fixture.append(&mut newer, &pattern(5, PART)).await;
    let state = fixture.checkpoint(&mut newer).await;
    fixture.data.checkpoint(&mut zombie).await.unwrap();
    let finished = fixture.data.finish(fixture.resume(&state)).await.unwrap();
    let expected = [pattern(3, PART), pattern(5, PART)].concat().into();
    fixture.assert_holds(&finished.key, &expected).await;
}

#[tokio::test]
async fn a_writer_beyond_its_numbers_gives_way_to_a_newer_one() {
    let fixture = Fixture::new().await;
    let mut zombie = fixture.begin().await;
    fixture.append(&mut zombie, &pattern(3, PART)).await;
    fixture.checkpoint(&mut zombie).await;
    // As if it had used up all it had reserved.
    fixture.data.release(&mut zombie);
    let state = zombie.state().clone();
    let mut zombie = roadstead_storage::Upload::resume(state.clone());
    let mut newer = fixture.resume(&state);
    fixture.append(&mut newer, &pattern(5, PART)).await;
    fixture.checkpoint(&mut newer).await;
    let late = fixture.data.append(&mut zombie, pattern(6, PART)).await;
    assert_eq!(late.unwrap_err().kind(), Kind::Superseded);
}

#[tokio::test]
async fn of_two_writers_that_finish_with_different_bytes_one_is_refused() {
    // Short and long, equal in length: the length must not decide. A store without conditions is as
    // good when the process keeps them.
    let cases = [
        (1000, true),
        (PART + 1000, true),
        (1000, false),
        (PART + 1000, false),
    ];
    for (length, has_conditional_put) in cases {
        let options = FakeOptions {
            has_conditional_put,
            ..FakeOptions::default()
        };
        let fixture = Fixture::with(options, |_| {}).await;
        if !has_conditional_put {
            fixture.store.keep_conditions();
        }
        let mut first = fixture.begin().await;
        let state = first.state().clone();
        let mut second = fixture.resume(&state);
        fixture.append(&mut first, &pattern(7, length)).await;
        fixture.append(&mut second, &pattern(8, length)).await;
        let finished = fixture.data.finish(first).await.unwrap();
        let refused = fixture.data.finish(second).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::NotFound);
        fixture
            .assert_holds(&finished.key, &pattern(7, length))
            .await;
    }
}

#[tokio::test]
async fn a_finish_that_another_process_made_of_the_same_bytes_is_joined() {
    for (kept, added) in [
        (1000, 0),
        (PART + 1000, 0),
        (2 * PART, 0),
        (1000, 500),
        (PART + 7, PART),
    ] {
        let fixture = Fixture::new().await;
        let bytes = pattern(9, kept + added);
        let mut upload = fixture.begin().await;
        fixture.append(&mut upload, &bytes.slice(..kept)).await;
        let state = fixture.checkpoint(&mut upload).await;
        // The second process has read the tail before the first one finishes.
        let mut second = fixture.resume(&state);
        fixture.append(&mut second, &bytes.slice(kept..)).await;
        fixture.append(&mut upload, &bytes.slice(kept..)).await;
        let first = fixture.data.finish(upload).await.unwrap();
        let joined = fixture.data.finish(second).await;
        if added < PART {
            assert_eq!(joined.unwrap(), first, "{kept} {added}");
        } else {
            // Its part was refused before it could show that it is the same.
            assert_eq!(joined.unwrap_err().kind(), Kind::NotFound);
        }
        fixture.assert_holds(&first.key, &bytes).await;
    }
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing_and_nobody_goes_on_with_it() {
    let fixture = Fixture::new().await;
    let mut upload = fixture.begin().await;
    fixture.append(&mut upload, &pattern(10, PART + 9)).await;
    let state = fixture.checkpoint(&mut upload).await;
    fixture.data.abort(fixture.resume(&state)).await.unwrap();
    assert!(fixture.fake.open_uploads(BUCKET).is_empty());
    assert!(fixture.fake.keys(BUCKET).is_empty());
    let late = fixture
        .data
        .append(&mut upload, pattern(11, 3 * PART))
        .await;
    assert_eq!(late.unwrap_err().kind(), Kind::NotFound);
    assert!(fixture.data.finish(upload).await.is_err());
    assert!(fixture.fake.keys(BUCKET).is_empty());
}

#[tokio::test]
async fn checkpoints_leave_one_tail_and_a_finish_none() {
    let fixture = Fixture::new().await;
    let mut upload = fixture.begin().await;
    for seed in 0..5 {
        fixture.append(&mut upload, &pattern(seed, 1000)).await;
        fixture.checkpoint(&mut upload).await;
        fixture.store.settled().await;
        // The present one, and the one before it until the session names the present one.
        assert!(fixture.names("tails").len() <= 2);
    }
    let _ = fixture.requests();
    fixture.checkpoint(&mut upload).await;
    assert_eq!(fixture.requests(), requests!(), "nothing was added");
    fixture.data.finish(upload).await.unwrap();
    fixture.store.settled().await;
    assert_eq!(fixture.names("tails"), [""; 0]);
}

#[tokio::test]
async fn an_upload_is_as_old_as_its_newest_part() {
    let fixture = Fixture::new().await;
    let hour = Duration::from_hours(1);
    let mut old = fixture.begin().await;
    fixture.append(&mut old, &pattern(12, PART)).await;
    fixture.checkpoint(&mut old).await;
    let mut busy = fixture.begin().await;
    fixture.append(&mut busy, &pattern(13, PART)).await;
    fixture.checkpoint(&mut busy).await;
    fixture.fake.clock().advance(2 * hour);
    fixture.append(&mut busy, &pattern(14, PART)).await;
    fixture.checkpoint(&mut busy).await;
    let now = fixture.records.now().await.unwrap();
    let listed = fixture.data.uploads(now.minus(hour), 10).await.unwrap();
    let keys: Vec<_> = listed.iter().map(|upload| &upload.state().key).collect();
    assert_eq!(keys, [&old.state().key]);
}
