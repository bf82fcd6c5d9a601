//! `PUT /v2/<name>/manifests/<reference>`.

use super::Asked;
use crate::access;
use crate::body::{CollectError, RequestBody};
use crate::call::Call;
use crate::error::{ApiError, DigestParameterError, TagParameterError};
use crate::handlers::uploads::refuse_encoding;
use crate::parameters;
use crate::respond::{self, OCI_SUBJECT, OCI_TAG, Reply};
use actix_web::http::StatusCode;
use actix_web::http::header;
use bytes::Bytes;
use roadstead_oci::{Digest, Reference, RepositoryName, Tag};
use roadstead_registry::ManifestPush;

/// The most different tags that one request can set.
const MAX_TAGS: usize = 100;

/// Answers `PUT`.
pub(crate) async fn put(
    call: &Call<'_>,
    name: RepositoryName,
    reference: Asked,
    body: &mut RequestBody,
) -> Result<Reply, ApiError> {
    let reference = reference.map_err(ApiError::InvalidReference)?;
    let tags = tag_parameters(call.query(), &reference)?;
    let kept_tags = access::kept_tags(call, &name, &reference, &tags)?;
    refuse_encoding(call.headers())?;
    let limit = call.state.registry.settings().manifest_bytes;
    let bytes = body.collect(limit).await.map_err(|error| match error {
        CollectError::TooLarge => ApiError::ManifestTooLarge { limit },
        CollectError::Body(error) => error.into(),
    })?;
    check_digest_parameter(call.query(), &bytes)?;
    let content_type = call.headers().get(header::CONTENT_TYPE);
    let push = ManifestPush {
        repository: name.clone(),
        reference,
        tags,
        content_type: content_type
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        bytes,
        kept_tags,
        by: call.by().into_owned(),
    };
    let pushed = call.state.registry.manifest_put(push).await?;

    let mut reply = respond::empty(StatusCode::CREATED);
    let headers = reply.headers_mut();
    let location = format!("/v2/{name}/manifests/{}", pushed.digest);
    headers.insert(header::LOCATION, respond::header_value(location));
    respond::insert_digest(headers, &pushed.digest);
    if let Some(subject) = pushed.subject {
        headers.insert(
            OCI_SUBJECT.clone(),
            respond::header_value(subject.to_string()),
        );
    }
    if !pushed.tags.is_empty() {
        let tags: Vec<&str> = pushed.tags.iter().map(Tag::as_str).collect();
        headers.insert(OCI_TAG.clone(), respond::header_value(tags.join(", ")));
    }
    Ok(reply)
}

/// Reads the `tag` parameters, which go only with a digest. All must be tags, or none is set.
fn tag_parameters(query: &str, reference: &Reference) -> Result<Vec<Tag>, ApiError> {
    let mut tags: Vec<Tag> = Vec::new();
    for value in parameters::values(query, "tag") {
        if reference.tag().is_some() {
            return Err(TagParameterError::UnderTag.into());
        }
        let value = value.map_err(TagParameterError::from)?;
        let tag = Tag::parse(&value).map_err(TagParameterError::from)?;
        if tags.contains(&tag) {
            continue;
        }
        if tags.len() == MAX_TAGS {
            return Err(ApiError::TooManyTags { limit: MAX_TAGS });
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// Holds a `digest` parameter against the content: regclient sends one where it pushes by tag to
/// have another algorithm than sha256.
fn check_digest_parameter(query: &str, bytes: &Bytes) -> Result<(), ApiError> {
    let refuse = |problem: DigestParameterError| ApiError::DigestParameter {
        name: "digest",
        problem,
    };
    let Some(text) =
        parameters::single(query, "digest").map_err(|problem| refuse(problem.into()))?
    else {
        return Ok(());
    };
    let digest = Digest::parse(&text).map_err(|problem| refuse(problem.into()))?;
    if digest == Digest::of(digest.algorithm(), bytes) {
        Ok(())
    } else {
        Err(refuse(DigestParameterError::Mismatch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_oci::Algorithm;

    fn digest() -> Digest {
        Digest::of(Algorithm::Sha256, b"x")
    }

    #[test]
    fn tags_are_read_once_each_and_in_order() {
        let tags = tag_parameters("tag=b&tag=a&x=1&tag=b", &digest().into()).unwrap();
        assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn one_bad_tag_spoils_all() {
        for query in ["tag=a&tag=.b", "tag=", "tag=%zz", "tag=a%0d%0a"] {
            let error = tag_parameters(query, &digest().into()).unwrap_err();
            assert_eq!(error.status().0, StatusCode::BAD_REQUEST, "{query}");
        }
    }

    #[test]
    fn too_many_tags_make_the_address_too_long() {
        let many = |count: usize| {
            (0..count)
                .map(|n| format!("tag=t{n}"))
                .collect::<Vec<_>>()
                .join("&")
        };
        assert_eq!(
            tag_parameters(&many(100), &digest().into()).unwrap().len(),
            100
        );
        let error = tag_parameters(&many(101), &digest().into()).unwrap_err();
        assert_eq!(error.status().0, StatusCode::URI_TOO_LONG);
    }

    #[test]
    fn a_tag_in_the_path_takes_no_further_tags() {
        let reference = Reference::from(Tag::parse("a").unwrap());
        assert!(tag_parameters("", &reference).unwrap().is_empty());
        assert!(tag_parameters("tag=b", &reference).is_err());
    }

    #[test]
    fn a_digest_parameter_must_be_that_of_the_content() {
        let content = Bytes::from_static(b"x");
        assert!(check_digest_parameter("", &content).is_ok());
        assert!(check_digest_parameter(&format!("digest={}", digest()), &content).is_ok());
        assert!(check_digest_parameter(&format!("digest={}", digest()), &Bytes::new()).is_err());
        assert!(check_digest_parameter("digest=sha256:00", &content).is_err());
    }
}
