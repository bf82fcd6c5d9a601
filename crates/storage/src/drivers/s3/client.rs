//! The SDK's client as this driver wants it, and the names of its objects.

use super::failure::Failure;
use super::recent_tails::RecentTails;
use super::settings::{S3Credentials, S3Encryption, S3Settings};
use super::wire::Watched;
use crate::clock::Clock;
use crate::drivers::conditional::retry::Retries;
use crate::drivers::conditional::store_clock::StoreClock;
use crate::locks::Locks;
use crate::{Kind, Operation, Result, StorageError};
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    Credentials, RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use aws_smithy_http_client::pool::{
    Client as PoolClient, ConnectionPool, DriverSpawner, Partition, PartitionId,
};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// How long a connection that nobody uses is kept; servers close theirs after a minute or later.
const IDLE: Duration = Duration::from_secs(45);

/// The region of a request for which nobody named one.
const DEFAULT_REGION: &str = "us-east-1";

/// Everything that calls of the driver share.
#[derive(Debug)]
pub(super) struct S3Client {
    pub(super) sdk: Client,
    pub(super) settings: S3Settings,
    pub(super) clock: Arc<StoreClock>,
    pub(super) retries: Retries,
    /// Set where the store pays no attention to conditions and this process alone writes: an upload
    /// is then finished under the lock of its key.
    pub(super) finishing: OnceLock<Locks>,
    pub(super) tails: RecentTails,
    /// Deletes that nobody waits for.
    pub(super) cleaning: TaskTracker,
}

impl S3Client {
    pub(super) async fn new(settings: S3Settings, clock: Arc<dyn Clock>) -> Result<Self> {
        check(&settings)?;
        let clock = Arc::new(StoreClock::new(clock));
        let http = http_client(&settings)?;
        let watched = SharedHttpClient::new(Watched {
            inner: http.clone(),
            clock: Arc::clone(&clock),
            stall: settings.stall_timeout,
        });
        let configuration = configuration(&settings, http, watched).await;
        let retries = Retries::new(settings.attempts, settings.retry_budget);
        Ok(Self {
            sdk: Client::from_conf(configuration),
            settings,
            clock,
            retries,
            finishing: OnceLock::new(),
            tails: RecentTails::new(),
            cleaning: TaskTracker::new(),
        })
    }

    /// Returns the name of an object in the bucket.
    pub(super) fn name(&self, below_prefix: &str) -> String {
        if self.settings.prefix.is_empty() {
            return below_prefix.to_owned();
        }
        format!("{}/{below_prefix}", self.settings.prefix)
    }

    /// Returns what follows the prefix in a name of the bucket.
    pub(super) fn below_prefix<'a>(&self, name: &'a str) -> Option<&'a str> {
        if self.settings.prefix.is_empty() {
            return Some(name);
        }
        name.strip_prefix(&self.settings.prefix)?.strip_prefix('/')
    }

    pub(super) fn encryption(&self) -> Option<ServerSideEncryption> {
        match self.settings.encryption {
            S3Encryption::Bucket => None,
            S3Encryption::Store => Some(ServerSideEncryption::Aes256),
            S3Encryption::KeyService { .. } => Some(ServerSideEncryption::AwsKms),
        }
    }

    pub(super) fn encryption_key(&self) -> Option<String> {
        match &self.settings.encryption {
            S3Encryption::KeyService { key } => key.clone(),
            S3Encryption::Bucket | S3Encryption::Store => None,
        }
    }

    pub(super) fn storage_class(&self) -> Option<StorageClass> {
        self.settings
            .storage_class
            .as_deref()
            .map(StorageClass::from)
    }

    /// Sends a request that may be sent as often as one likes, until it is answered or the time is
    /// up. A failure that is no fault of the moment is returned at once.
    pub(super) async fn retrying<T, E, F>(
        &self,
        operation: Operation,
        key: &str,
        mut send: impl FnMut() -> F + Send,
    ) -> std::result::Result<T, Failure>
    where
        E: Into<Failure> + Send,
        F: Future<Output = std::result::Result<T, E>> + Send,
        T: Send,
    {
        let mut pauses = self.retries.start(self.settings.call_timeout);
        loop {
            let failure = match send().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error.into(),
            };
            let shown = StorageError::new(failure.kind(), operation, key, failure.to_string());
            if !failure.may_pass() || !pauses.pause(&shown).await {
                return Err(failure);
            }
        }
    }
}

/// Refuses settings that no store takes, so that the first request need not tell.
fn check(settings: &S3Settings) -> Result<()> {
    let invalid = |reason: String| {
        let bucket = settings.bucket.as_str();
        Err(StorageError::new(
            Kind::Invalid,
            Operation::Open,
            bucket,
            reason,
        ))
    };
    if settings.bucket.is_empty() {
        return invalid("no bucket is named".to_owned());
    }
    let prefix = &settings.prefix;
    if prefix.starts_with('/') || prefix.ends_with('/') || prefix.contains("//") {
        return invalid(format!("the prefix {prefix:?} has a slash too many"));
    }
    if settings.part_bytes < S3Settings::LEAST_PART_BYTES {
        return invalid(format!(
            "parts of {} bytes are too small",
            settings.part_bytes
        ));
    }
    if settings.call_timeout > S3Settings::LONGEST_CALL {
        return invalid("a call may take at most 15 minutes".to_owned());
    }
    if settings.connections == 0 || settings.attempts == 0 {
        return invalid("at least one connection and one attempt are needed".to_owned());
    }
    Ok(())
}

/// Makes the HTTP client: pooled and bounded connections, rustls, the machine's certificates and
/// those of the settings.
fn http_client(settings: &S3Settings) -> Result<SharedHttpClient> {
    let mut trusted = TrustStore::default().with_native_roots(true);
    if let Some(path) = &settings.ca_bundle {
        let pem = std::fs::read(path).map_err(|error| {
            let path = path.display().to_string();
            StorageError::new(Kind::Invalid, Operation::Open, path, error)
        })?;
        trusted.add_pem_certificate(pem);
    }
    let refused = |error: Box<dyn Error + Send + Sync>| {
        let bucket = settings.bucket.as_str();
        StorageError::new(Kind::Invalid, Operation::Open, bucket, error)
    };
    let tls = TlsContext::builder().with_trust_store(trusted);
    let tls = tls.build().map_err(|error| refused(error.into()))?;
    // Connections live on the runtime that opens the store, whichever thread asks for them.
    let spawner = DriverSpawner::tokio(tokio::runtime::Handle::current());
    let partition = PartitionId::from_index(0);
    let pool = ConnectionPool::builder()
        .idle_timeout(IDLE)
        .tcp_nodelay(true)
        .max_connections_per_host(settings.connections)
        .partitions([Partition::new(partition, spawner)])
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https()
        .map_err(|error| refused(error.into()))?;
    let client = PoolClient::from_partition(&pool, partition);
    let client = client.map_err(|error| refused(error.into()))?;
    Ok(SharedHttpClient::new(client))
}

/// Puts the SDK's settings together. `plain` asks for credentials: services that give them have
/// clocks of their own, of which `watched` must not hear.
async fn configuration(
    settings: &S3Settings,
    plain: SharedHttpClient,
    watched: SharedHttpClient,
) -> aws_sdk_s3::Config {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(plain);
    let named = settings.region.clone().map(Region::new);
    let mut profile = ProfileFileRegionProvider::builder();
    if let S3Credentials::Profile(name) = &settings.credentials {
        profile = profile.profile_name(name);
    }
    let own = RegionProviderChain::first_try(named)
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build());
    // Only a machine of AWS may know its region; others wait for an answer that does not come.
    loader = if settings.endpoint.is_some() {
        loader.region(own.or_else(Region::from_static(DEFAULT_REGION)))
    } else {
        loader.region(own.or_default_provider())
    };
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    match &settings.credentials {
        S3Credentials::Chain => {}
        S3Credentials::Profile(name) => loader = loader.profile_name(name),
        S3Credentials::Keys {
            access_key,
            secret_key,
            session_token,
        } => {
            let token = session_token
                .as_ref()
                .map(|token| token.expose().to_owned());
            let secret = secret_key.expose();
            let keys = Credentials::new(access_key, secret, token, None, "settings");
            loader = loader.credentials_provider(keys);
        }
    }
    let shared = loader.load().await;
    let region = shared.region().cloned();
    let mut builder = aws_sdk_s3::config::Builder::from(&shared)
        .http_client(watched)
        .region(region.unwrap_or_else(|| Region::from_static(DEFAULT_REGION)))
        .force_path_style(settings.path_style)
        // A conditional put that the SDK sent twice would hide that an answer was lost.
        .retry_config(RetryConfig::disabled())
        // Stalls are watched for below the SDK; a time-out here would include the body.
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(settings.connect_timeout)
                .build(),
        )
        // A client that takes its download slowly is no fault of the store.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if settings.endpoint.is_some() {
        // Older servers refuse checksums in trailers, or have none to give.
        builder = builder
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    builder.build()
}
