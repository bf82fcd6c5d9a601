//! Tests of the error body.

use serde_json::{Value, json};

use super::*;

fn parsed(body: &ErrorBody) -> Value {
    serde_json::from_str(&body.to_json()).unwrap()
}

#[test]
fn an_entry_without_detail_leaves_it_out() {
    let body = ErrorBody::new(ErrorCode::BlobUnknown, "no such blob");

    assert_eq!(
        body.to_json(),
        r#"{"errors":[{"code":"BLOB_UNKNOWN","message":"no such blob"}]}"#
    );
    assert_eq!(body.code(), ErrorCode::BlobUnknown);
}

#[test]
fn entries_keep_their_order_and_details() {
    let body = ErrorBody::new(ErrorCode::ManifestBlobUnknown, "missing")
        .detail("sha256:aa")
        .and(ErrorCode::ManifestBlobUnknown, "missing")
        .detail("sha256:bb")
        .and(ErrorCode::Unknown, "last");

    assert_eq!(
        parsed(&body),
        json!({"errors": [
            {"code": "MANIFEST_BLOB_UNKNOWN", "message": "missing", "detail": "sha256:aa"},
            {"code": "MANIFEST_BLOB_UNKNOWN", "message": "missing", "detail": "sha256:bb"},
            {"code": "UNKNOWN", "message": "last"},
        ]})
    );
    assert_eq!(body.code(), ErrorCode::ManifestBlobUnknown);
}

#[test]
fn hostile_text_is_escaped() {
    let body = ErrorBody::new(ErrorCode::NameInvalid, "a\"}]\r\n\0").detail("\u{2028}</script>");

    assert_eq!(parsed(&body)["errors"][0]["message"], "a\"}]\r\n\0");
    assert!(!body.to_json().contains(['\r', '\n', '\0']));
}

#[test]
fn a_body_stays_below_64_kib() {
    let mut body =
        ErrorBody::new(ErrorCode::Unknown, "\0".repeat(100_000)).detail("é\0".repeat(100_000));
    for number in 0..5_000 {
        body = body
            .and(ErrorCode::ManifestBlobUnknown, "missing")
            .detail(format!("{number:0100}"));
    }

    assert!(body.to_json().len() < 64 * 1024);
    assert!(parsed(&body)["errors"].as_array().unwrap().len() > 1);
}

#[test]
fn a_long_list_ends_early() {
    let mut body = ErrorBody::new(ErrorCode::ManifestBlobUnknown, "missing");
    for _ in 0..10_000 {
        body = body.and(ErrorCode::ManifestBlobUnknown, "missing");
    }

    let length = body.to_json().len();
    assert!((50 * 1024..64 * 1024).contains(&length), "{length}");
    assert!(parsed(&body)["errors"].as_array().unwrap().len() > 100);
}
