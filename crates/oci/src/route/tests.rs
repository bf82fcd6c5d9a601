//! Tests of path parsing.

use proptest::prelude::*;

use super::*;
use crate::{Tag, TagError};

const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

fn digest() -> Digest {
    Digest::parse(DIGEST).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with results")]
fn tagged(repository: &str, tag: &str) -> Result<Route, RouteError> {
    Ok(Route::Manifest {
        name: name(repository),
        reference: Ok(Reference::Tag(Tag::parse(tag).unwrap())),
    })
}

#[test]
fn fixed_paths_are_read() {
    assert_eq!(Route::parse("/v2/"), Ok(Route::Ping));
    assert_eq!(Route::parse("/v2"), Ok(Route::Ping));
    assert_eq!(Route::parse("/v2/_catalog"), Ok(Route::Catalog));
    assert_eq!(Route::parse("/token"), Ok(Route::Token));
}

#[test]
fn repository_paths_are_read() {
    let named = || name("team/app");
    let upload = Route::Upload {
        name: named(),
        id: "0A-z_9".to_owned(),
    };
    assert_eq!(
        Route::parse("/v2/team/app/tags/list"),
        Ok(Route::TagsList { name: named() })
    );
    assert_eq!(
        Route::parse("/v2/team/app/manifests/1.0"),
        tagged("team/app", "1.0")
    );
    assert_eq!(
        Route::parse(&format!("/v2/team/app/manifests/{DIGEST}")),
        Ok(Route::Manifest {
            name: named(),
            reference: Ok(Reference::Digest(digest()))
        })
    );
    assert_eq!(
        Route::parse(&format!("/v2/team/app/blobs/{DIGEST}")),
        Ok(Route::Blob {
            name: named(),
            digest: digest()
        })
    );
    assert_eq!(
        Route::parse(&format!("/v2/team/app/referrers/{DIGEST}")),
        Ok(Route::Referrers {
            name: named(),
            digest: digest()
        })
    );
    assert_eq!(
        Route::parse("/v2/team/app/blobs/uploads/"),
        Ok(Route::UploadStart { name: named() })
    );
    assert_eq!(
        Route::parse("/v2/team/app/blobs/uploads"),
        Ok(Route::UploadStart { name: named() })
    );
    assert_eq!(
        Route::parse("/v2/team/app/blobs/uploads/0A-z_9"),
        Ok(upload)
    );
}

#[test]
fn names_that_look_like_routes_work() {
    for text in [
        "blobs/uploads",
        "a/manifests/b",
        "tags/list",
        "blobs",
        "uploads",
        "manifests",
        "a/blobs/uploads/b",
    ] {
        assert_eq!(
            Route::parse(&format!("/v2/{text}/tags/list")),
            Ok(Route::TagsList { name: name(text) })
        );
        assert_eq!(
            Route::parse(&format!("/v2/{text}/manifests/list")),
            tagged(text, "list")
        );
        assert_eq!(
            Route::parse(&format!("/v2/{text}/blobs/{DIGEST}")),
            Ok(Route::Blob {
                name: name(text),
                digest: digest()
            })
        );
        assert_eq!(
            Route::parse(&format!("/v2/{text}/blobs/uploads/")),
            Ok(Route::UploadStart { name: name(text) })
        );
        assert_eq!(
            Route::parse(&format!("/v2/{text}/blobs/uploads/uploads")),
            Ok(Route::Upload {
                name: name(text),
                id: "uploads".to_owned()
            })
        );
    }
}

#[test]
fn paths_of_no_route_are_not_found() {
    for path in [
        "",
        "/",
        "/v1/_ping",
        "/V2/",
        "//v2/",
        "/v2x",
        "/v22/",
        "/v2/_catalog/",
        "/v2/_oci/x",
        "/v2/a",
        "/v2/a/",
        "/v2/a/b",
        "/v2/a/b/c",
        "/v2/a/tags/list/",
        "/v2/a/tags/",
        "/v2/a/manifests/",
        "/v2/a/blobs/",
        "/v2/a/referrers/",
        "/token/",
        "/v2/tags/list",
        "/v2/manifests/a",
        "/v2/blobs/uploads/",
        "/v2/blobs/uploads/a",
        "/v2/uploads/a",
        "//v2/a/tags/list",
        "v2/a/tags/list",
        "/v2/a/blobs/uploads/../../x",
        "/v2/a/manifests/b/c",
        "/v2/a/uploads/b",
    ] {
        assert_eq!(Route::parse(path), Err(RouteError::NotFound), "{path}");
    }
}

#[test]
fn names_outside_the_grammar_are_told() {
    let long = "a".repeat(256);
    for text in [
        "Foo",
        "a..b",
        "../../etc/passwd",
        "a/../b",
        "/a",
        "a/",
        "a//b",
        "_a",
        "é",
        long.as_str(),
    ] {
        for item in [
            "tags/list",
            "manifests/x",
            "blobs/uploads/",
            "blobs/uploads/x",
            "blobs/x",
            "referrers/x",
        ] {
            let path = format!("/v2/{text}/{item}");
            assert!(
                matches!(Route::parse(&path), Err(RouteError::Name(_))),
                "{path}"
            );
        }
    }
    assert_eq!(
        Route::parse("/v2//tags/list"),
        Err(RouteError::Name(NameError::Empty))
    );
}

#[test]
fn escapes_never_make_a_name() {
    for text in [
        "%2e%2e",
        "%2E%2e%2f",
        "..%2f",
        "%252e%252e",
        "a%5cb",
        "a%2Fb",
        "a%2fb",
        "a%00",
        "a%0d%0a",
        "a%",
        "a%4",
        "a%zz",
        "%ff",
        "a%20b",
        "%F0%9F%98%80",
    ] {
        let parsed = Route::parse(&format!("/v2/{text}/tags/list"));
        assert!(
            matches!(parsed, Err(RouteError::Name(_))),
            "{text}: {parsed:?}"
        );
    }
}

#[test]
fn harmless_escapes_are_decoded_once() {
    let escaped = DIGEST.replace(':', "%3a");

    assert_eq!(
        Route::parse(&format!("/v2/a/blobs/{escaped}")),
        Ok(Route::Blob {
            name: name("a"),
            digest: digest()
        })
    );
    assert_eq!(Route::parse("/v2/%61/manifests/%76%31"), tagged("a", "v1"));
    assert!(matches!(
        Route::parse("/v2/a/manifests/%2541"),
        Ok(Route::Manifest {
            reference: Err(ReferenceError::Tag(TagError::Malformed)),
            ..
        })
    ));
}

#[test]
fn bad_digests_are_told() {
    for text in [
        "bad",
        "sha256:bad",
        "SHA256:00",
        "sha256",
        "md5:00",
        "sha256:%00",
        "latest",
    ] {
        for kind in ["blobs", "referrers"] {
            let path = format!("/v2/a/{kind}/{text}");
            assert!(
                matches!(Route::parse(&path), Err(RouteError::Digest(_))),
                "{path}"
            );
        }
    }
}

#[test]
fn bad_references_are_left_to_the_method() {
    for text in [".a", "-a", "a%20b", "t%C3%A9g", "a%00"] {
        assert!(
            matches!(
                Route::parse(&format!("/v2/a/manifests/{text}")),
                Ok(Route::Manifest {
                    reference: Err(ReferenceError::Tag(_)),
                    ..
                })
            ),
            "{text}"
        );
    }
    assert!(matches!(
        Route::parse("/v2/a/manifests/sha256:totallywrong"),
        Ok(Route::Manifest {
            reference: Err(ReferenceError::Digest(_)),
            ..
        })
    ));
}

#[test]
fn ids_that_no_session_has_are_told() {
    let long = "a".repeat(129);
    for id in ["..", "a.b", "a%20b", "a%00", "é", long.as_str()] {
        assert_eq!(
            Route::parse(&format!("/v2/a/blobs/uploads/{id}")),
            Err(RouteError::UploadId),
            "{id}"
        );
    }
    assert!(Route::parse(&format!("/v2/a/blobs/uploads/{}", "a".repeat(128))).is_ok());
}

proptest! {
    #[test]
    fn every_route_is_found_again(
        text in "(a|b1|blobs|uploads|tags|list|manifests|referrers)(/(a|blobs|uploads|tags|list|manifests|referrers)){0,4}",
        tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}",
        id in "[a-zA-Z0-9_-]{1,40}",
    ) {
        prop_assert_eq!(Route::parse(&format!("/v2/{text}/tags/list")), Ok(Route::TagsList { name: name(&text) }));
        prop_assert_eq!(Route::parse(&format!("/v2/{text}/manifests/{tag}")), tagged(&text, &tag));
        prop_assert_eq!(
            Route::parse(&format!("/v2/{text}/blobs/uploads/{id}")),
            Ok(Route::Upload { name: name(&text), id })
        );
        prop_assert_eq!(
            Route::parse(&format!("/v2/{text}/referrers/{DIGEST}")),
            Ok(Route::Referrers { name: name(&text), digest: digest() })
        );
    }

    #[test]
    fn no_path_makes_it_panic(path in "/v2(/(a|blobs|uploads|tags|list|%2F|%|\\.\\.|)){0,6}|\\PC{0,60}") {
        let _ = Route::parse(&path);
    }
}
