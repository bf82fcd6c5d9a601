//! Single requests to the blob service, signed with what `object_store` finds for credentials.
//!
//! `object_store` finds credentials and signs. Its own requests are not used: its block lists take
//! no condition and its deletes neither, it draws the ids of blocks itself, and its errors hide the
//! service's code.

use super::failure::Failure;
use super::settings::{AzureCredentials, AzureSettings};
use super::wire::Wire;
use crate::clock::Clock;
use crate::drivers::conditional::retry::Retries;
use crate::drivers::conditional::store_clock::StoreClock;
use crate::{Kind, Operation, Result, StorageError};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, Uri};
use object_store::RetryConfig;
use object_store::azure::{AzureAuthorizer, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::client::{HttpClient, HttpRequest, HttpResponse};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

/// What is written plainly in a path.
const OUTSIDE_NAMES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// How much is read of an answer that tells of an error.
const MOST_ERROR_BYTES: usize = 64 * 1024;

/// Everything that calls of the driver share.
#[derive(Debug)]
pub(super) struct AzureClient {
    /// Finds credentials, and signs addresses for clients.
    pub(super) store: MicrosoftAzure,
    http: HttpClient,
    /// The address of the container, without a slash at the end.
    container: String,
    pub(super) settings: AzureSettings,
    pub(super) clock: Arc<StoreClock>,
    pub(super) retries: Retries,
}

/// A request that is not signed yet.
#[derive(Clone, Debug)]
pub(super) struct Request {
    method: Method,
    /// The name of the blob; the container itself when it is empty.
    name: String,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Request {
    pub(super) fn new(method: Method, name: impl Into<String>) -> Self {
        Self {
            method,
            name: name.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }
}

impl AzureClient {
    pub(super) fn new(settings: AzureSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        check(&settings)?;
        let refused = |error: Box<dyn std::error::Error + Send + Sync>| {
            let container = settings.container.as_str();
            StorageError::new(Kind::Invalid, Operation::Open, container, error)
        };
        let service = settings.endpoint.clone().unwrap_or_else(|| {
            let account = &settings.account;
            format!("https://{account}.blob.core.windows.net")
        });
        let service = service.trim_end_matches('/');
        let uri: Uri = service
            .parse()
            .map_err(|error: hyper::http::uri::InvalidUri| refused(error.into()))?;
        let authority: Option<Authority> = uri.authority().cloned();
        if authority.is_none() || !matches!(uri.scheme_str(), Some("http" | "https")) {
            let reason = format!("the endpoint {service:?} is no address of HTTP");
            return Err(refused(reason.into()));
        }
        let clock = Arc::new(StoreClock::new(clock));
        let wire = Wire::new(&settings, authority, Arc::clone(&clock))?;
        let store = store(&settings, service, wire.clone());
        let store = store.map_err(|error| refused(error.into()))?;
        let retries = Retries::new(settings.attempts, settings.retry_budget);
        Ok(Self {
            store,
            http: wire.into(),
            container: format!("{service}/{}", settings.container),
            settings,
            clock,
            retries,
        })
    }

    /// Returns the name of a blob in the container.
    pub(super) fn name(&self, below_prefix: &str) -> String {
        if self.settings.prefix.is_empty() {
            return below_prefix.to_owned();
        }
        format!("{}/{below_prefix}", self.settings.prefix)
    }

    /// Returns what follows the prefix in a name of the container.
    pub(super) fn below_prefix<'a>(&self, name: &'a str) -> Option<&'a str> {
        if self.settings.prefix.is_empty() {
            return Some(name);
        }
        name.strip_prefix(&self.settings.prefix)?.strip_prefix('/')
    }

    /// Sends a request once; what is answered by anything but success is a failure.
    pub(super) async fn send(
        &self,
        request: &Request,
    ) -> std::result::Result<HttpResponse, Failure> {
        let signed = self.signed(request).await.map_err(Failure::unsigned)?;
        let answer = self.http.execute(signed).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MOST_ERROR_BYTES).collect().await;
        // The status says enough where the body is cut.
        let body = body.map(http_body_util::Collected::to_bytes);
        let code = text(&head.headers, "x-ms-error-code");
        Err(Failure::answered(
            head.status,
            code,
            &body.unwrap_or_default(),
        ))
    }

    async fn signed(&self, request: &Request) -> object_store::Result<HttpRequest> {
        let invalid = |error: hyper::http::Error| object_store::Error::Generic {
            store: "request",
            source: error.into(),
        };
        let mut address = self.container.clone();
        if !request.name.is_empty() {
            address.push('/');
            address.extend(utf8_percent_encode(&request.name, OUTSIDE_NAMES));
        }
        for (index, (name, value)) in request.query.iter().enumerate() {
            address.push(if index == 0 { '?' } else { '&' });
            address.push_str(name);
            address.push('=');
            address.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        let mut builder = hyper::Request::builder()
            .method(&request.method)
            .uri(&address);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let body = request.body.clone();
        let length = body.len();
        let mut signed = builder.body(body.into()).map_err(invalid)?;
        if request.method == Method::PUT {
            // The length is signed too.
            let headers = signed.headers_mut();
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let credential = self.store.credentials().get_credential().await?;
        let authorizer = AzureAuthorizer::new(&credential, &self.settings.account);
        authorizer.try_authorize(&mut signed)?;
        Ok(signed)
    }

    /// Sends a request that may be sent as often as one likes, until it is answered or the time is
    /// up. A failure that is no fault of the moment is returned at once.
    pub(super) async fn retrying<T, F>(
        &self,
        operation: Operation,
        key: &str,
        mut send: impl FnMut() -> F + Send,
    ) -> std::result::Result<T, Failure>
    where
        F: Future<Output = std::result::Result<T, Failure>> + Send,
        T: Send,
    {
        let mut pauses = self.retries.start(self.settings.call_timeout);
        loop {
            let failure = match send().await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let shown = StorageError::new(failure.kind(), operation, key, failure.to_string());
            if !failure.may_pass() || !pauses.pause(&shown).await {
                return Err(failure);
            }
        }
    }
}

/// Reads a header of an answer.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Reads the entity tag of an answer, in the form that a condition takes.
pub(super) fn entity_tag(headers: &HeaderMap) -> Option<String> {
    text(headers, "etag").map(quoted)
}

/// Brings an entity tag to one form: listings give it without quotes.
pub(super) fn quoted(text: &str) -> String {
    let bare = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
    format!("\"{bare}\"")
}

/// Lets `object_store` find the credentials. It must not retry what they ask for either: a call of
/// ours has a budget.
fn store(
    settings: &AzureSettings,
    service: &str,
    wire: Wire,
) -> object_store::Result<MicrosoftAzure> {
    let builder = match &settings.credentials {
        AzureCredentials::Chain => MicrosoftAzureBuilder::from_env(),
        AzureCredentials::Key(key) => MicrosoftAzureBuilder::new().with_access_key(key.expose()),
        AzureCredentials::Sas(token) => {
            let token = object_store::azure::split_sas(token.expose())?;
            MicrosoftAzureBuilder::new().with_sas_authorization(token)
        }
    };
    let retry = RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    };
    builder
        .with_use_emulator(false)
        .with_account(&settings.account)
        .with_container_name(&settings.container)
        .with_endpoint(service.to_owned())
        .with_allow_http(true)
        .with_retry(retry)
        .with_http_connector(wire)
        .build()
}

/// Refuses settings that no store takes, so that the first request need not tell.
fn check(settings: &AzureSettings) -> Result<()> {
    let invalid = |reason: String| {
        let container = settings.container.as_str();
        Err(StorageError::new(
            Kind::Invalid,
            Operation::Open,
            container,
            reason,
        ))
    };
    if settings.account.is_empty() || settings.container.is_empty() {
        return invalid("an account and a container must be named".to_owned());
    }
    if settings.container.contains('/') {
        return invalid("a container has no slash".to_owned());
    }
    let prefix = &settings.prefix;
    if prefix.starts_with('/') || prefix.ends_with('/') || prefix.contains("//") {
        return invalid(format!("the prefix {prefix:?} has a slash too many"));
    }
    let lengths = AzureSettings::LEAST_PART_BYTES..=AzureSettings::MOST_PART_BYTES;
    if !lengths.contains(&settings.part_bytes) {
        return invalid(format!(
            "blocks of {} bytes are outside 1 to 4,000 MiB",
            settings.part_bytes
        ));
    }
    if settings.call_timeout > AzureSettings::LONGEST_CALL {
        return invalid("a call may take at most 15 minutes".to_owned());
    }
    if settings.connections == 0 || settings.attempts == 0 {
        return invalid("at least one connection and one attempt are needed".to_owned());
    }
    Ok(())
}
