//! The suite of all drivers over the fake.

use crate::fixture::Fixture;
use futures::FutureExt;
use futures::future::BoxFuture;
use roadstead_storage::suite::Subject;
use roadstead_tests::s3_fake::{FakeOptions, S3Fake};
use std::sync::Arc;

fn subject(fake: Arc<S3Fake>) -> BoxFuture<'static, Subject> {
    let open = async move {
        let Fixture {
            fake,
            records,
            data,
            ..
        } = Fixture::over(fake, |_| {}).await;
        Subject::new(Arc::new(records), Arc::new(data), move || subject(fake))
    };
    open.boxed()
}

async fn fresh() -> Subject {
    subject(Arc::new(
        S3Fake::start(FakeOptions::default()).await.unwrap(),
    ))
    .await
}

roadstead_storage::driver_suite!(fake, fresh);
