//! Tests of the answers to failures.

use super::*;
use roadstead_oci::{Algorithm, Digest};
use roadstead_registry::RandomIds;

fn body_of(reply: Reply) -> serde_json::Value {
    use actix_web::body::MessageBody as _;
    let bytes = reply
        .into_body()
        .try_into_bytes()
        .expect("errors are in memory");
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn an_error_is_json_with_code_and_message() {
    let reply = ApiError::Route(RouteError::NotFound).into_reply();

    assert_eq!(reply.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        reply.headers().get(header::CONTENT_TYPE).unwrap(),
        "application/json"
    );
    let body = body_of(reply);
    assert_eq!(body["errors"][0]["code"], "NAME_UNKNOWN");
    assert_eq!(body["errors"][0]["message"], "no such path");
}

#[test]
fn a_chunk_out_of_order_tells_where_the_upload_stands() {
    let id = UploadId::draw(&RandomIds);
    let name = RepositoryName::parse("team/app").unwrap();
    let reply = ApiError::Chunk {
        problem: ChunkError::OutOfOrder,
        name,
        id,
        offset: 0,
    }
    .into_reply();

    assert_eq!(reply.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(reply.headers().get(header::RANGE).unwrap(), "0--1");
    let location = reply.headers().get(header::LOCATION).unwrap();
    assert_eq!(location, &format!("/v2/team/app/blobs/uploads/{id}"));
}

#[test]
fn a_wrong_method_names_the_right_ones() {
    let reply = ApiError::Method { allow: "GET, HEAD" }.into_reply();
    assert_eq!(reply.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(reply.headers().get(header::ALLOW).unwrap(), "GET, HEAD");
}

#[test]
fn every_missing_digest_has_its_own_entry() {
    let digests = [b"a", b"b"].map(|content| Digest::of(Algorithm::Sha256, content));
    let error = RegistryError::ManifestBlobUnknown(digests.to_vec());

    let body = body_of(ApiError::from(error).into_reply());

    let details: Vec<&str> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["detail"].as_str().unwrap())
        .collect();
    assert_eq!(details, digests.each_ref().map(ToString::to_string));
}

#[test]
fn a_failure_of_the_registry_tells_the_client_nothing_of_its_inside() {
    let error = RegistryError::RecordUnreadable {
        key: "m/secret".into(),
        reason: "version 9".into(),
    };

    let reply = ApiError::from(error).into_reply();

    assert_eq!(reply.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let text = body_of(reply).to_string();
    assert!(
        !text.contains("secret") && !text.contains("version 9"),
        "{text}"
    );
}

#[test]
fn temporary_failures_say_when_to_come_back() {
    let contended = ApiError::from(RegistryError::Contended("t/key".into())).into_reply();
    assert_eq!(contended.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(contended.headers().get(header::RETRY_AFTER).unwrap(), "5");

    let busy = ApiError::from(RegistryError::TooManyUploads { limit: 1 }).into_reply();
    assert_eq!(busy.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(busy.headers().get(header::RETRY_AFTER).unwrap(), "30");
}

#[test]
fn a_range_outside_the_blob_tells_its_size() {
    let reply = ApiError::Range { size: 1000 }.into_reply();
    assert_eq!(
        reply.headers().get(header::CONTENT_RANGE).unwrap(),
        "bytes */1000"
    );
}

#[test]
fn what_a_client_sent_is_escaped_in_the_body() {
    let problem =
        DigestParameterError::Digest(DigestError::UnsupportedAlgorithm("a\"b\r\n".into()));
    let reply = ApiError::DigestParameter {
        name: "digest",
        problem,
    }
    .into_reply();

    let body = body_of(reply);

    assert_eq!(body["errors"][0]["code"], "DIGEST_INVALID");
    assert!(
        !body["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains('\n')
    );
}
