//! The suite of all drivers over the fake.

use futures::FutureExt;
use futures::future::BoxFuture;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::s3::{S3Credentials, S3Settings, S3Store, Secret};
use roadstead_storage::suite::Subject;
use roadstead_tests::s3_fake::{FakeOptions, S3Fake};
use std::sync::Arc;

fn settings(fake: &S3Fake) -> S3Settings {
    let options = fake.options();
    S3Settings {
        prefix: "a/prefix".to_owned(),
        endpoint: Some(fake.endpoint()),
        path_style: true,
        credentials: S3Credentials::Keys {
            access_key: options.access_key.clone(),
            secret_key: Secret::new(&options.secret_key),
            session_token: None,
        },
        ..S3Settings::new("images")
    }
}

fn subject(fake: Arc<S3Fake>) -> BoxFuture<'static, Subject> {
    let open = async move {
        let clock = Arc::new(MachineClock::new());
        let store = S3Store::open(settings(&fake), clock).await.unwrap();
        Subject::new(
            Arc::new(store.records()),
            Arc::new(store.data()),
            move || subject(fake),
        )
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
