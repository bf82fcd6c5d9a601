//! The catalog: docker's list of repositories.

use crate::lists::pages;
use roadstead_tests::content::{empty_index, random_bytes};
use roadstead_tests::server::Server;
use serde_json::json;

#[test]
fn repositories_are_listed_in_the_order_of_their_bytes_page_by_page() {
    let server = Server::start();
    let mut connection = server.connect();
    let empty = connection.get("/v2/_catalog");
    empty.expect_status(200);
    assert_eq!(empty.json(), json!({"repositories": []}));

    let mut names: Vec<String> = (0..40).map(|number| format!("team/app{number}")).collect();
    names.extend(["a", "a/b", "a-b", "a.b", "a/b/c", "z"].map(str::to_owned));
    for name in names.iter().rev() {
        connection.push_manifest(name, "tag", &empty_index(name));
    }
    names.sort();
    for size in [1, 7, 45, 46, 47, 1000] {
        let pages = pages(
            &mut connection,
            &format!("/v2/_catalog?n={size}"),
            "repositories",
        );
        assert_eq!(pages.concat(), names, "{size}");
        assert!(pages.iter().all(|page| page.len() <= size));
    }
    assert_eq!(
        pages(&mut connection, "/v2/_catalog", "repositories").concat(),
        names
    );
    let after = connection.get("/v2/_catalog?last=a%2Fb&n=2");
    assert_eq!(
        after.json(),
        json!({"repositories": ["a/b/c", "team/app0"]})
    );
}

#[test]
fn a_page_has_a_hundred_repositories_when_the_client_names_no_number() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("catalog");
    for number in 0..105 {
        connection.push_manifest(&format!("r{number:03}"), "tag", &manifest);
    }
    let pages = pages(&mut connection, "/v2/_catalog", "repositories");
    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    assert_eq!(sizes, [100, 5]);
}

#[test]
fn a_repository_with_blobs_alone_is_not_listed() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_blob("blobs/only", &random_bytes(10));
    connection.start_upload("uploads/only");
    connection.push_manifest("real", "tag", &empty_index("real"));
    connection
        .delete("/v2/real/manifests/tag")
        .expect_status(202);
    let list = connection.get("/v2/_catalog");
    assert_eq!(list.json(), json!({"repositories": ["real"]}));
}
