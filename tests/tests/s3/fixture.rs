//! A fake server and the driver on it.

use bytes::Bytes;
use futures::TryStreamExt;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::s3::{
    S3Credentials, S3Data, S3Records, S3Settings, S3Store, Secret,
};
use roadstead_storage::{
    DataKey, DataStore, Outcome, Result, Upload, UploadHint, UploadState, Version,
};
use roadstead_tests::s3_fake::{FakeOptions, S3Fake, S3Operation};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

pub(crate) const MIB: usize = 1024 * 1024;

/// The length of the parts of the default settings.
pub(crate) const PART: usize = 8 * MIB;

pub(crate) const BUCKET: &str = "images";

pub(crate) struct Fixture {
    pub(crate) fake: Arc<S3Fake>,
    pub(crate) store: S3Store,
    pub(crate) records: S3Records,
    pub(crate) data: S3Data,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(FakeOptions::default(), |_| {}).await
    }

    pub(crate) async fn with(options: FakeOptions, adjust: impl FnOnce(&mut S3Settings)) -> Self {
        let fake = Arc::new(S3Fake::start(options).await.unwrap());
        Self::over(fake, adjust).await
    }

    /// Opens the same server once more, as another process would.
    pub(crate) async fn over(fake: Arc<S3Fake>, adjust: impl FnOnce(&mut S3Settings)) -> Self {
        let mut settings = settings(&fake);
        adjust(&mut settings);
        let store = S3Store::open(settings, Arc::new(MachineClock::new()))
            .await
            .unwrap();
        let (records, data) = (store.records(), store.data());
        Self {
            fake,
            store,
            records,
            data,
        }
    }

    /// Returns what was asked of the server since the last look.
    pub(crate) fn requests(&self) -> BTreeMap<S3Operation, u64> {
        self.fake.counts().take()
    }

    pub(crate) async fn begin(&self) -> Upload {
        let mut upload = self.data.begin(UploadHint::default()).await.unwrap();
        self.data.reserve(&mut upload);
        upload
    }

    pub(crate) async fn append(&self, upload: &mut Upload, bytes: &Bytes) {
        let mut rest = bytes.clone();
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(100_000));
            self.data.append(upload, piece).await.unwrap();
        }
    }

    pub(crate) async fn checkpoint(&self, upload: &mut Upload) -> UploadState {
        self.data.checkpoint(upload).await.unwrap();
        upload.state().clone()
    }

    /// Goes on with an upload as another process does.
    pub(crate) fn resume(&self, state: &UploadState) -> Upload {
        let text = serde_json::to_string(state).unwrap();
        let mut upload = Upload::resume(serde_json::from_str(&text).unwrap());
        self.data.reserve(&mut upload);
        upload
    }

    pub(crate) async fn store(&self, bytes: &Bytes) -> DataKey {
        let mut upload = self.begin().await;
        self.append(&mut upload, bytes).await;
        self.data.finish(upload).await.unwrap().key
    }

    pub(crate) async fn fetch(&self, key: &DataKey, range: Range<u64>) -> Result<Bytes> {
        let pieces: Vec<Bytes> = self.data.read(key, range).await?.try_collect().await?;
        Ok(pieces.concat().into())
    }

    pub(crate) async fn assert_holds(&self, key: &DataKey, expected: &Bytes) {
        let read = self.fetch(key, 0..expected.len() as u64).await.unwrap();
        assert!(
            read == expected,
            "{} bytes came back otherwise",
            expected.len()
        );
    }

    /// Returns the names below the driver's prefix and this folder.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let folder = format!("a/prefix/{folder}/");
        let keys = self.fake.keys(BUCKET);
        keys.into_iter()
            .filter(|key| key.starts_with(&folder))
            .collect()
    }
}

pub(crate) fn settings(fake: &S3Fake) -> S3Settings {
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
        ..S3Settings::new(BUCKET)
    }
}

/// Returns bytes that differ at every offset and by seed.
pub(crate) fn pattern(seed: u64, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes.into()
}

#[track_caller]
pub(crate) fn applied(outcome: Outcome) -> Version {
    let Outcome::Applied(version) = outcome else {
        panic!("the outcome is {outcome:?}")
    };
    version
}

/// Names the requests that were made, without those that there were none of.
#[macro_export]
macro_rules! requests {
    ($($operation:ident: $count:expr),* $(,)?) => {
        std::collections::BTreeMap::from([
            $((roadstead_tests::s3_fake::S3Operation::$operation, $count)),*
        ])
    };
}
