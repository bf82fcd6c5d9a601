//! Paths: an accepted path, written anew from its parts, is the same route.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roadstead_oci::Route;

fuzz_target!(|path: &str| {
    let Ok(route) = Route::parse(path) else {
        return;
    };
    let written = match &route {
        Route::Ping => "/v2/".to_owned(),
        Route::Catalog => "/v2/_catalog".to_owned(),
        Route::Token => "/token".to_owned(),
        // Its own router reads what is below.
        Route::Administration => return,
        Route::TagsList { name } => format!("/v2/{name}/tags/list"),
        Route::Manifest {
            name,
            reference: Ok(reference),
        } => format!("/v2/{name}/manifests/{reference}"),
        Route::Manifest {
            reference: Err(_), ..
        } => return,
        Route::Blob { name, digest } => format!("/v2/{name}/blobs/{digest}"),
        Route::UploadStart { name } => format!("/v2/{name}/blobs/uploads/"),
        Route::Upload { name, id } => format!("/v2/{name}/blobs/uploads/{id}"),
        Route::Referrers { name, digest } => format!("/v2/{name}/referrers/{digest}"),
    };
    assert_eq!(Route::parse(&written), Ok(route));
    if !path.contains('%') {
        assert_eq!(written.trim_end_matches('/'), path.trim_end_matches('/'));
    }
});
