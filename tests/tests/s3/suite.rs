//! The suite of all drivers over the fake.

use crate::fixture::{Fixture, PART};
use futures::FutureExt;
use futures::future::BoxFuture;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::decorators::single_writer::{Lease, SingleWriter};
use roadstead_storage::drivers::s3::S3Settings;
use roadstead_storage::suite::Subject;
use roadstead_tests::s3_fake::{FakeOptions, S3Fake};
use std::sync::Arc;

/// The least part there is, so that the suite's uploads have parts and tails.
const SMALL: usize = S3Settings::LEAST_PART_BYTES;

fn subject(fake: Arc<S3Fake>, part_bytes: usize) -> BoxFuture<'static, Subject> {
    let open = async move {
        let Fixture {
            fake,
            records,
            data,
            ..
        } = Fixture::over(fake, |settings| settings.part_bytes = part_bytes).await;
        Subject::new(Arc::new(records), Arc::new(data), move || {
            subject(fake, part_bytes)
        })
    };
    open.boxed()
}

async fn fresh(part_bytes: usize) -> Subject {
    let fake = S3Fake::start(FakeOptions::default()).await.unwrap();
    subject(Arc::new(fake), part_bytes).await
}

/// A store that looks at no condition, as one server alone has it.
fn lone_subject(fake: Arc<S3Fake>) -> BoxFuture<'static, Subject> {
    let open = async move {
        let fixture = Fixture::over(fake, |settings| settings.part_bytes = PART).await;
        fixture.store.keep_conditions();
        let lease = Lease::unlimited(Arc::new(MachineClock::new()));
        let records = SingleWriter::new(fixture.records, lease);
        let (data, fake) = (fixture.data, fixture.fake);
        Subject::new(Arc::new(records), Arc::new(data), move || {
            lone_subject(fake)
        })
    };
    open.boxed()
}

async fn without_conditions() -> Subject {
    let options = FakeOptions {
        has_conditional_put: false,
        has_conditional_delete: false,
        ..FakeOptions::default()
    };
    lone_subject(Arc::new(S3Fake::start(options).await.unwrap())).await
}

roadstead_storage::driver_suite!(fake, || fresh(PART));
roadstead_storage::driver_suite!(fake_without_conditions, without_conditions);
roadstead_storage::driver_suite!(fake_with_small_parts, || fresh(SMALL));
