//! Lists of tags: order, pages, and when a repository exists.

use roadstead_tests::content::{empty_index, random_bytes};
use roadstead_tests::http::Connection;
use roadstead_tests::server::Server;
use serde_json::{Value, json};

/// Sets tags in an order that is not theirs.
fn push_tags(connection: &mut Connection, repository: &str, tags: &[String]) {
    let manifest = empty_index("tags");
    for number in 0..tags.len() {
        let tag = &tags[number * 7919 % tags.len()];
        connection.push_manifest(repository, tag, &manifest);
    }
}

/// Follows the links from a target to the last page; returns the entries of each page.
pub(crate) fn pages(connection: &mut Connection, target: &str, member: &str) -> Vec<Vec<String>> {
    let mut target = target.to_owned();
    let mut pages: Vec<Vec<String>> = Vec::new();
    loop {
        let answer = connection.get(&target);
        answer.expect_status(200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let document = answer.json();
        let entries = document[member].as_array().expect("there is a list");
        let entries = entries.iter().filter_map(Value::as_str);
        pages.push(entries.map(str::to_owned).collect());
        assert!(pages.len() < 1000, "the pages have no end");
        let Some(link) = answer.header("link") else {
            return pages;
        };
        let next = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""));
        let next = next.unwrap_or_else(|| panic!("{link}"));
        assert!(next.starts_with("/v2/"), "{next}");
        next.clone_into(&mut target);
    }
}

#[test]
fn tags_are_listed_in_the_order_of_their_bytes() {
    let server = Server::start();
    let mut connection = server.connect();
    let mut tags: Vec<String> = [
        "latest",
        "LATEST",
        "1.0",
        "1.0-alpine",
        "1.0.1",
        "10",
        "2",
        "_x",
    ]
    .map(str::to_owned)
    .into();
    push_tags(&mut connection, "a", &tags);
    tags.sort();
    let list = connection.get("/v2/a/tags/list");
    assert_eq!(list.json(), json!({"name": "a", "tags": tags}));
    assert_eq!(list.header("link"), None);
}

#[test]
fn pages_of_any_size_make_the_whole_list() {
    let server = Server::start();
    let mut connection = server.connect();
    let mut tags: Vec<String> = (0..53).map(|number| format!("v{number}")).collect();
    push_tags(&mut connection, "team/app", &tags);
    tags.sort();
    for size in [1, 2, 10, 52, 53, 54, 1000] {
        let target = format!("/v2/team/app/tags/list?n={size}");
        let pages = pages(&mut connection, &target, "tags");
        assert_eq!(pages.concat(), tags, "{size}");
        let (last, full) = pages.split_last().expect("there is a page");
        assert!(full.iter().all(|page| page.len() == size), "{size}");
        assert!(!last.is_empty() && last.len() <= size, "{size}");
    }
}

#[test]
fn a_list_goes_on_after_any_entry() {
    let server = Server::start();
    let mut connection = server.connect();
    let tags: Vec<String> = (10..40).map(|number| format!("t{number}")).collect();
    push_tags(&mut connection, "a", &tags);
    for (query, expected) in [
        ("last=t19", &tags[10..]),
        ("last=t19x", &tags[10..]),
        ("last=t19&n=5", &tags[10..15]),
        ("n=5&last=t19", &tags[10..15]),
        ("last=t39", &tags[30..]),
        ("last=a", &tags[..]),
        ("last=", &tags[..]),
    ] {
        let list = connection.get(format!("/v2/a/tags/list?{query}"));
        assert_eq!(list.json()["tags"], json!(expected), "{query}");
    }
}

#[test]
fn a_page_does_not_miss_what_is_set_between_two_of_them() {
    let server = Server::start();
    let mut connection = server.connect();
    push_tags(
        &mut connection,
        "a",
        &["b".to_owned(), "d".to_owned(), "f".to_owned()],
    );
    let first = connection.get("/v2/a/tags/list?n=2");
    assert_eq!(first.json()["tags"], json!(["b", "d"]));
    push_tags(&mut connection, "a", &["a".to_owned(), "e".to_owned()]);
    connection.delete("/v2/a/manifests/d").expect_status(202);
    let link = first.expect_header("link");
    let next = link.trim_start_matches('<').split('>').next();
    let second = connection.get(next.expect("the link has a target"));
    assert_eq!(second.json()["tags"], json!(["e", "f"]));
}

#[test]
fn a_repository_exists_from_its_first_manifest() {
    let server = Server::start();
    let mut connection = server.connect();
    let target = "/v2/a/tags/list";
    connection.get(target).expect_error(404, "NAME_UNKNOWN");
    connection.push_blob("a", &random_bytes(100));
    connection.get(target).expect_error(404, "NAME_UNKNOWN");
    let manifest = empty_index("first");
    connection.push_manifest("a", &manifest.digest(), &manifest);
    let list = connection.get(target);
    assert_eq!(list.json(), json!({"name": "a", "tags": []}));
}

#[test]
fn the_tags_of_a_repository_are_not_those_of_one_below_it() {
    let server = Server::start();
    let mut connection = server.connect();
    for name in ["a", "a/b", "a/b/c", "a-b"] {
        push_tags(&mut connection, name, &[name.replace('/', "_")]);
    }
    for name in ["a", "a/b", "a/b/c", "a-b"] {
        let list = connection.get(format!("/v2/{name}/tags/list")).json();
        let expected = json!({"name": name, "tags": [name.replace('/', "_")]});
        assert_eq!(list, expected);
    }
}
