//! The answer to a pull that is sent to the storage: an address in place of the bytes.
//!
//! Only GETs of blobs are. The client repeats its request at the storage, headers and all, so what
//! the storage would read otherwise than the registry is answered here.

use crate::call::Call;
use crate::error::ApiError;
use crate::origin::Origin;
use crate::respond::{self, Reply};
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::uri::Authority;
use actix_web::http::{StatusCode, Uri};
use roadstead_oci::{Digest, RangeOutcome};
use roadstead_registry::Blob;
use std::str::FromStr as _;

pub(crate) mod policy;

use policy::RedirectPolicy;

/// Conditions on the digest, which is not the storage's entity tag, and on dates, which content
/// does not have here.
const CONDITIONS: [HeaderName; 4] = [
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
];

/// Answers 307 with an address of the blob at the storage; `None` when it is to be served here.
pub(crate) async fn elsewhere(
    call: &Call<'_>,
    blob: &Blob,
    digest: &Digest,
    asked: &RangeOutcome,
) -> Result<Option<Reply>, ApiError> {
    let RedirectPolicy::By(rules) = &call.state.redirect else {
        return Ok(None);
    };
    let origin = call.state.proxies.origin(call.request);
    let Some(client) = origin.client() else {
        return Ok(None);
    };
    if !rules.allow(client, blob.size()) || !means_the_same_there(call.headers(), asked) {
        return Ok(None);
    }
    let Some(address) = blob.address(rules.lifetime).await? else {
        return Ok(None);
    };
    let has_credentials = call.headers().contains_key(header::AUTHORIZATION);
    if has_credentials && takes_credentials_along(&name_of(&origin, call.request), &address) {
        return Ok(None);
    }
    Ok(location(&address).map(|location| reply(location, digest)))
}

/// Tells whether the storage reads the request as we do. It knows a single range at most.
fn means_the_same_there(headers: &HeaderMap, asked: &RangeOutcome) -> bool {
    if CONDITIONS.iter().any(|name| headers.contains_key(name)) {
        return false;
    }
    let mut ranges = headers.get_all(header::RANGE);
    match (ranges.next(), asked) {
        (None, RangeOutcome::Whole) => true,
        // Several ranges may have become one, and one that is ignored here might not be there.
        (Some(range), RangeOutcome::Single(_)) => {
            ranges.next().is_none() && !range.as_bytes().contains(&b',')
        }
        _ => false,
    }
}

/// Tells whether clients would show the storage the credentials that they have for us, which makes
/// it refuse the request: an address may be signed or the sender be known, not both. Go's client
/// does so within a host, whatever the port, and on to what lies below its name.
fn takes_credentials_along(ours: &str, address: &str) -> bool {
    let address = address.parse::<Uri>().unwrap_or_default();
    let theirs = address.host().unwrap_or_default().to_ascii_lowercase();
    let before = theirs.strip_suffix(&ours.to_ascii_lowercase());
    before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Returns the name that the client knows the registry by, without the port.
fn name_of(origin: &Origin, request: &HttpRequest) -> String {
    let authority = origin.host(request).map(Authority::from_str);
    match authority {
        Some(Ok(authority)) => authority.host().to_owned(),
        _ => String::new(),
    }
}

/// Makes a header of an address, which is as good as a password until it expires.
fn location(address: &str) -> Option<HeaderValue> {
    let mut location = HeaderValue::from_str(address).ok()?;
    location.set_sensitive(true);
    Some(location)
}

fn reply(location: HeaderValue, digest: &Digest) -> Reply {
    let mut reply = respond::empty(StatusCode::TEMPORARY_REDIRECT);
    let headers = reply.headers_mut();
    headers.insert(header::LOCATION, location);
    // The address is this client's, and a cache would keep it longer than it is good.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    respond::insert_digest(headers, digest);
    reply
}

#[cfg(test)]
mod tests;
