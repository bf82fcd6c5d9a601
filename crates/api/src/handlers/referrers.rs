//! `/v2/<name>/referrers/<digest>`: what refers to a manifest.
//!
//! Always 200: a 404 would tell clients that there is no such API here.

use crate::call::Call;
use crate::error::{ApiError, PageError};
use crate::page::{self, PageRequest};
use crate::parameters;
use crate::respond::{self, OCI_FILTERS_APPLIED, Reply};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use bytes::Bytes;
use roadstead_oci::{Digest, OCI_IMAGE_INDEX, RepositoryName, encode_query_value};
use roadstead_registry::ReferrersQuery;

const HEAD: &str = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[";
const TAIL: &str = "]}";
/// Bytes of descriptors on a page, with their commas. The whole stays below 4 MiB, which is what
/// clients read; containerd and crane look at no second page.
const PAGE_BYTES: usize = 4 * 1024 * 1024 - 64 * 1024;

/// Answers `GET /v2/<name>/referrers/<digest>`.
pub(crate) async fn list(
    call: &Call<'_>,
    name: &RepositoryName,
    subject: &Digest,
) -> Result<Reply, ApiError> {
    let page = PageRequest::parse(call.query())?;
    let asked = artifact_types(call.query())?;
    let filter = with_plus_signs(&asked);
    let query = ReferrersQuery {
        artifact_types: &filter,
        after: page.after.as_deref(),
        limit: page.limit,
        max_bytes: PAGE_BYTES,
    };
    let (descriptors, next) = if page.limit == Some(0) {
        (Vec::new(), None)
    } else {
        let found = call.state.registry.referrers(name, subject, query).await?;
        (found.descriptors, found.next)
    };
    let mut reply = respond::content(StatusCode::OK, OCI_IMAGE_INDEX, index(&descriptors));
    let headers = reply.headers_mut();
    if !asked.is_empty() {
        headers.insert(
            OCI_FILTERS_APPLIED.clone(),
            HeaderValue::from_static("artifactType"),
        );
    }
    if let Some(last) = next {
        let path = format!("/v2/{name}/referrers/{subject}");
        let mut types = String::new();
        for kind in &asked {
            types.push_str("artifactType=");
            types.push_str(&encode_query_value(kind));
            types.push('&');
        }
        headers.insert(
            header::LINK,
            page::next_link(&path, &types, page.limit, &last),
        );
    }
    Ok(reply)
}

/// Returns the values of `artifactType`; several mean any of them, an empty one means nothing.
fn artifact_types(query: &str) -> Result<Vec<String>, PageError> {
    let mut types: Vec<String> = Vec::new();
    for value in parameters::values(query, "artifactType") {
        let value = value.map_err(|problem| PageError::Parameter {
            name: "artifactType",
            problem,
        })?;
        if !value.is_empty() && !types.iter().any(|known| *known == value) {
            types.push(value.into_owned());
        }
    }
    Ok(types)
}

/// Adds the other reading of each type with a space: media types have none, but they do have plus
/// signs, which some clients send unescaped.
fn with_plus_signs(types: &[String]) -> Vec<String> {
    let mut all = types.to_vec();
    all.extend(
        types
            .iter()
            .filter(|kind| kind.contains(' '))
            .map(|kind| kind.replace(' ', "+")),
    );
    all
}

/// Joins descriptors, which are JSON already, into an index.
fn index(descriptors: &[Bytes]) -> Vec<u8> {
    let length: usize = descriptors
        .iter()
        .map(|descriptor| descriptor.len() + 1)
        .sum();
    let mut index = Vec::with_capacity(HEAD.len() + length + TAIL.len());
    index.extend_from_slice(HEAD.as_bytes());
    for (position, descriptor) in descriptors.iter().enumerate() {
        if position > 0 {
            index.push(b',');
        }
        index.extend_from_slice(descriptor);
    }
    index.extend_from_slice(TAIL.as_bytes());
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_without_referrers_is_an_index_all_the_same() {
        let value: serde_json::Value = serde_json::from_slice(&index(&[])).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"schemaVersion": 2, "mediaType": OCI_IMAGE_INDEX, "manifests": []})
        );
    }

    #[test]
    fn descriptors_are_joined_as_they_are() {
        let descriptors = [
            Bytes::from_static(b"{\"size\":1}"),
            Bytes::from_static(b"{\"size\":2}"),
        ];
        let value: serde_json::Value = serde_json::from_slice(&index(&descriptors)).unwrap();
        assert_eq!(
            value["manifests"],
            serde_json::json!([{"size": 1}, {"size": 2}])
        );
    }

    #[test]
    fn several_types_are_alternatives_and_empty_ones_are_ignored() {
        let types =
            artifact_types("artifactType=a%2Bb&artifactType=&artifactType=c&artifactType=c")
                .unwrap();
        assert_eq!(types, ["a+b", "c"]);
        assert!(artifact_types("artifactType=").unwrap().is_empty());
    }

    #[test]
    fn an_unescaped_plus_sign_is_read_both_ways() {
        let types = artifact_types("artifactType=application/spdx+json").unwrap();
        assert_eq!(
            with_plus_signs(&types),
            ["application/spdx json", "application/spdx+json"]
        );
    }
}
