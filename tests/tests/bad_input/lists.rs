//! Cases 77 to 82: pages of tags, repositories and referrers.

use crate::refusal::{refused, refused_with_any};
use roadstead_tests::content::{INDEX, Manifest, empty_index, referrer, unknown_digest};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A repository with five tags.
fn begin() -> (Server, Connection) {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("lists");
    for tag in ["a", "b", "c", "d", "e"] {
        connection.push_manifest("a", tag, &manifest);
    }
    (server, connection)
}

const LISTS: [&str; 2] = ["/v2/a/tags/list", "/v2/_catalog"];

/// Returns the target of the next page.
fn next(link: &str) -> &str {
    let target = link
        .strip_prefix('<')
        .and_then(|link| link.strip_suffix(">; rel=\"next\""));
    let target = target.unwrap_or_else(|| panic!("{link} is no link"));
    assert!(target.starts_with("/v2/"), "{target} is not relative");
    target
}

#[test]
fn case_77_a_number_that_is_none_is_refused() {
    let (_server, mut connection) = begin();
    let referrers = format!("/v2/a/referrers/{}", unknown_digest());
    for target in LISTS.into_iter().chain([&*referrers]) {
        for number in [
            "-1",
            "abc",
            "1.5",
            "99999999999999999999",
            "+1",
            "0x1",
            "1%20",
            "%00",
        ] {
            let request = Request::get(format!("{target}?n={number}"));
            refused(&mut connection, &request, 400, "PAGINATION_NUMBER_INVALID");
        }
        let answer = connection.get(format!("{target}?n="));
        if answer.status != 200 {
            answer.expect_error(400, "PAGINATION_NUMBER_INVALID");
        }
        let twice = Request::get(format!("{target}?n=1&n=2"));
        refused_with_any(&mut connection, &twice, &[400]);
    }
}

#[test]
fn case_78_a_page_of_none_is_empty_and_has_no_next() {
    let (_server, mut connection) = begin();
    for target in LISTS {
        let answer = connection.get(format!("{target}?n=0"));
        answer.expect_status(200);
        assert_eq!(answer.header("link"), None);
        let list = answer.json();
        let entries = list.get("tags").or(list.get("repositories"));
        assert_eq!(entries, Some(&json!([])));
    }
    // Even an empty page of a repository that is not there is not found.
    let unknown = Request::get("/v2/nobody/tags/list?n=0");
    refused(&mut connection, &unknown, 404, "NAME_UNKNOWN");
}

#[test]
fn case_79_a_huge_number_is_cut_to_a_page_with_a_next() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("case 79");
    let mut expected: Vec<String> = (0..1100).map(|number| format!("t{number:04}")).collect();
    for tags in expected.chunks(100) {
        let query: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
        let reference = format!("{}?{}", manifest.digest(), query.join("&"));
        connection.push_manifest("a", &reference, &manifest);
    }
    expected.sort();
    let mut found = Vec::new();
    let mut target = "/v2/a/tags/list?n=1000000000".to_owned();
    let mut pages = 0;
    loop {
        let answer = connection.get(&target);
        answer.expect_status(200);
        let page = answer.json();
        let tags = page["tags"].as_array().expect("tags are a list");
        assert!(tags.len() <= 1000, "{} tags on a page", tags.len());
        found.extend(tags.iter().filter_map(Value::as_str).map(str::to_owned));
        pages += 1;
        match answer.header("link") {
            Some(link) => next(link).clone_into(&mut target),
            None => break,
        }
    }
    assert_eq!(found, expected);
    assert_eq!(pages, 2);
}

#[test]
fn case_80_any_last_entry_is_a_place_to_go_on_from() {
    let (_server, mut connection) = begin();
    connection.delete("/v2/a/manifests/c").expect_status(202);
    let tags_after = |connection: &mut Connection, last: &str| {
        let answer = connection.get(format!("/v2/a/tags/list?last={last}"));
        answer.expect_status(200);
        answer.json()["tags"].clone()
    };
    assert_eq!(tags_after(&mut connection, "bb"), json!(["d", "e"]));
    assert_eq!(tags_after(&mut connection, "c"), json!(["d", "e"]));
    assert_eq!(tags_after(&mut connection, "z"), json!([]));
    assert_eq!(tags_after(&mut connection, ""), json!(["a", "b", "d", "e"]));
    let dots = tags_after(&mut connection, "..%2F..%2F");
    assert_eq!(dots, json!(["a", "b", "d", "e"]));
    for target in LISTS {
        for last in [
            "x".repeat(10 * 1024),
            "%00".to_owned(),
            "a%0d%0aX:%20y".to_owned(),
        ] {
            let answer = connection.get(format!("{target}?last={last}"));
            if answer.status != 200 {
                answer.assert_error_form();
                assert_eq!(answer.status, 400);
            }
            assert_eq!(answer.header("x"), None);
        }
        let page = connection.get(format!("{target}?n=1&last=%22%3E%3B%2F.."));
        page.expect_status(200);
        if let Some(link) = page.header("link") {
            next(link);
        }
    }
}

#[test]
fn case_81_referrers_of_no_digest_are_refused_and_of_an_unknown_one_empty() {
    let (_server, mut connection) = begin();
    let bad = Request::get("/v2/a/referrers/sha256:bad");
    refused(&mut connection, &bad, 400, "DIGEST_INVALID");
    for repository in ["a", "nobody"] {
        let target = format!("/v2/{repository}/referrers/{}", unknown_digest());
        let answer = connection.get(target);
        answer.expect_status(200);
        let empty = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
        assert_eq!(answer.json(), empty);
    }
}

/// Follows a list of referrers to its end; returns the digests of each page.
fn pages_of_referrers(connection: &mut Connection, target: &str) -> Vec<Vec<String>> {
    let mut target = target.to_owned();
    let mut pages = Vec::new();
    loop {
        let answer = connection.get(&target);
        answer.expect_status(200);
        assert!(answer.body.len() < 4 * 1024 * 1024, "{}", answer.body.len());
        let list = answer.json();
        let entries = list["manifests"].as_array().expect("referrers are a list");
        let digests = entries.iter().map(|entry| entry["digest"].to_string());
        pages.push(digests.collect());
        match answer.header("link") {
            Some(link) => next(link).clone_into(&mut target),
            None => return pages,
        }
    }
}

#[test]
fn case_82_many_referrers_come_in_pages_of_bounded_size_each_once() {
    let server = Server::start();
    let mut connection = server.connect();
    let subject = empty_index("case 82").descriptor();
    let target = format!("/v2/a/referrers/{}", subject["digest"].as_str().unwrap());
    let mut expected = BTreeSet::new();
    for number in 0..12 {
        let document = json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "artifactType": "application/x-large",
            "manifests": [],
            "subject": subject,
            "annotations": {"number": number.to_string(), "filling": "x".repeat(900_000)},
        });
        let manifest = Manifest::of_json(INDEX, &document);
        connection.push_manifest("a", &manifest.digest(), &manifest);
        expected.insert(format!("\"{}\"", manifest.digest()));
    }
    let pages = pages_of_referrers(&mut connection, &target);
    assert!(pages.len() >= 3, "{} pages", pages.len());
    let found: Vec<String> = pages.concat();
    assert_eq!(found.len(), expected.len());
    assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), expected);
    let again = pages_of_referrers(&mut connection, &target).concat();
    assert_eq!(again, found, "the order has changed");
}

#[test]
fn case_82_many_small_referrers_fill_one_page_and_can_be_asked_for_by_number() {
    let server = Server::start();
    let mut connection = server.connect();
    let subject = empty_index("case 82").descriptor();
    let target = format!("/v2/a/referrers/{}", subject["digest"].as_str().unwrap());
    for number in 0..1500 {
        let kind = format!("application/x-kind-{}", number % 3);
        let manifest = referrer(&subject, &kind, &number.to_string());
        connection.push_manifest("a", &manifest.digest(), &manifest);
    }
    let whole = pages_of_referrers(&mut connection, &target);
    assert_eq!(whole.len(), 1, "clients look at no second page");
    assert_eq!(whole[0].len(), 1500);
    let paged = pages_of_referrers(&mut connection, &format!("{target}?n=400"));
    assert!(paged.iter().all(|page| page.len() <= 400));
    assert_eq!(paged.concat(), whole[0]);
    let filtered = format!("{target}?n=100&artifactType=application%2Fx-kind-1");
    let filtered = pages_of_referrers(&mut connection, &filtered).concat();
    assert_eq!(filtered.len(), 500);
    assert_eq!(filtered.iter().collect::<BTreeSet<_>>().len(), 500);
}
