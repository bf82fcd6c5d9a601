//! `/v2/<name>/blobs/uploads/`: starting an upload, or doing it in one request.

mod receive;
mod session;

pub(crate) use session::Target;

use crate::access;
use crate::body::RequestBody;
use crate::call::Call;
use crate::error::{ApiError, DigestParameterError};
use crate::parameters;
use crate::respond::{self, EmptyRange, Reply};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use roadstead_oci::{Algorithm, Digest, RepositoryName};
use roadstead_registry::{MountSource, Mounted};

/// Answers `POST /v2/<name>/blobs/uploads/` in all its forms.
pub(crate) async fn start(
    call: &Call<'_>,
    name: &RepositoryName,
    body: &mut RequestBody,
) -> Result<Reply, ApiError> {
    if let Some(digest) = digest_parameter(call.query(), "mount")? {
        body.drain().await?;
        return mount(call, name, &digest).await;
    }
    if let Some(digest) = digest_parameter(call.query(), "digest")? {
        return push(call, name, &digest, body).await;
    }
    let algorithm = algorithm_parameter(call.query())?.unwrap_or(Algorithm::Sha256);
    body.drain().await?;
    begin_session(call, name, algorithm).await
}

/// Mounts a blob of another repository, or begins a session when there is none to be had. Why
/// there is none is not told.
async fn mount(call: &Call<'_>, name: &RepositoryName, digest: &Digest) -> Result<Reply, ApiError> {
    let (state, caller) = (call.state, &call.caller);
    let may_pull = |source: &RepositoryName| access::may_pull(state, caller, source);
    let mounted = match parameters::values(call.query(), "from").next() {
        None => {
            state
                .registry
                .blob_mount(name, digest, MountSource::Anywhere(&may_pull))
                .await?
        }
        Some(_) => match access::mount_source(call.query()) {
            Some(from) if access::may_mount(call, name, &from)? => {
                state
                    .registry
                    .blob_mount(name, digest, MountSource::Repository(&from))
                    .await?
            }
            _ => Mounted::No,
        },
    };
    match mounted {
        Mounted::Yes => Ok(respond::blob_created(name, digest)),
        Mounted::No => begin_session(call, name, digest.algorithm()).await,
    }
}

/// Takes a whole blob. Without a body, and when nothing cannot be the content, it begins a session
/// instead: the client means to send the content later.
async fn push(
    call: &Call<'_>,
    name: &RepositoryName,
    digest: &Digest,
    body: &mut RequestBody,
) -> Result<Reply, ApiError> {
    refuse_encoding(call.headers())?;
    let first = body.next().await?;
    if first.is_none() && *digest != Digest::of(digest.algorithm(), b"") {
        return begin_session(call, name, digest.algorithm()).await;
    }
    let registry = &call.state.registry;
    let mut writer = registry
        .blob_push(name, &call.by(), &client(call), digest, body.length())
        .await?;
    if let Some(bytes) = first {
        writer.write(bytes).await?;
    }
    let writer = receive::receive(call, writer, body, None).await?;
    writer.commit().await?;
    Ok(respond::blob_created(name, digest))
}

async fn begin_session(
    call: &Call<'_>,
    name: &RepositoryName,
    algorithm: Algorithm,
) -> Result<Reply, ApiError> {
    let id = call
        .state
        .registry
        .upload_start(name, &call.by(), &client(call), algorithm)
        .await?;
    let mut reply = respond::empty(StatusCode::ACCEPTED);
    respond::insert_upload_state(reply.headers_mut(), name, id, 0, EmptyRange::Zero);
    Ok(reply)
}

/// Returns whom the number of open sessions is counted for.
fn client(call: &Call<'_>) -> String {
    let origin = call.state.proxies.origin(call.request);
    origin.address().to_string()
}

/// Reads a digest parameter; `None` when it is not there.
fn digest_parameter(query: &str, name: &'static str) -> Result<Option<Digest>, ApiError> {
    let refuse = |problem| ApiError::DigestParameter { name, problem };
    let Some(text) = parameters::single(query, name).map_err(|problem| refuse(problem.into()))?
    else {
        return Ok(None);
    };
    Digest::parse(&text)
        .map(Some)
        .map_err(|problem| refuse(problem.into()))
}

fn algorithm_parameter(query: &str) -> Result<Option<Algorithm>, ApiError> {
    let refuse = |problem: DigestParameterError| ApiError::DigestParameter {
        name: "digest-algorithm",
        problem,
    };
    let Some(text) =
        parameters::single(query, "digest-algorithm").map_err(|problem| refuse(problem.into()))?
    else {
        return Ok(None);
    };
    Algorithm::parse(&text)
        .map(Some)
        .map_err(|problem| refuse(problem.into()))
}

/// Refuses an encoded body: content is stored as it comes, and its digest is that of the encoded
/// bytes, which is not what a client means that encodes.
pub(crate) fn refuse_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let is_identity = value
            .to_str()
            .is_ok_and(|text| text.trim().eq_ignore_ascii_case("identity"));
        if !is_identity {
            return Err(ApiError::ContentEncoding);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn a_digest_parameter_is_decoded_and_must_be_a_digest() {
        let digest = Digest::of(Algorithm::Sha256, b"x");
        let query = format!("digest={}", digest.to_string().replace(':', "%3A"));
        assert_eq!(digest_parameter(&query, "digest").unwrap(), Some(digest));
        assert!(digest_parameter("mount=a", "digest").unwrap().is_none());
        for query in [
            "digest=",
            "digest=md5:00",
            "digest=%00",
            "digest=%zz",
            "digest=a&digest=b",
        ] {
            assert!(digest_parameter(query, "digest").is_err(), "{query}");
        }
    }

    #[test]
    fn only_supported_algorithms_can_be_asked_for() {
        assert_eq!(
            algorithm_parameter("digest-algorithm=sha512").unwrap(),
            Some(Algorithm::Sha512)
        );
        assert_eq!(algorithm_parameter("").unwrap(), None);
        assert!(algorithm_parameter("digest-algorithm=md5").is_err());
    }

    #[test]
    fn encoded_bodies_are_refused() {
        let headers = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(value));
            headers
        };
        assert!(refuse_encoding(&HeaderMap::new()).is_ok());
        assert!(refuse_encoding(&headers("Identity")).is_ok());
        assert!(refuse_encoding(&headers("gzip")).is_err());
        assert!(refuse_encoding(&headers("identity, gzip")).is_err());
    }
}
