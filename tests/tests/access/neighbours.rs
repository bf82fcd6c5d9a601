//! What one caller learns of another's repositories, uploads and tags: nothing.

use crate::fixture::{Guarded, PASSWORD, basic, bearer};
use roadstead_tests::content::{Manifest, empty_index, sha256};
use roadstead_tests::http::{Answer, Request};
use roadstead_tests::server::Server;

/// What an answer says, but for what differs in any two answers.
fn shape(answer: &Answer, name: &str) -> (u16, Vec<String>, String) {
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"))
        .map(|(header, value)| {
            // An upload's id is random, whatever it is for.
            let value = if matches!(header.as_str(), "location" | "docker-upload-uuid") {
                "ID".to_owned()
            } else {
                value.replace(name, "NAME")
            };
            format!("{header}: {value}")
        })
        .collect();
    headers.sort();
    let body = String::from_utf8_lossy(&answer.body).replace(name, "NAME");
    (answer.status, headers, body)
}

fn push_blob(guarded: &Guarded, credentials: &str, name: &str, content: &[u8]) -> String {
    let digest = sha256(content);
    let push = Request::post(format!("/v2/{name}/blobs/uploads/?digest={digest}")).body(content);
    guarded.send(credentials, push).expect_status(201);
    digest
}

#[test]
fn case_35_the_upload_of_one_user_is_not_there_for_another() {
    let guarded = Guarded::start();
    guarded.add_user("dev", &["--group", "team-a"]);
    let (ops, dev) = (basic("ops", PASSWORD), basic("dev", PASSWORD));
    let start = Request::post("/v2/team-a/app/blobs/uploads/");
    let started = guarded.send(&ops, start);
    let location = started.expect_header("location").to_owned();
    let digest = sha256(b"layer");
    for request in [
        Request::get(&location),
        Request::patch(&location).body(b"evil"),
        Request::put(format!("{location}?digest={digest}")).body(b"layer"),
        Request::delete(&location),
    ] {
        let answer = guarded.send(&dev, request);
        answer.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
    }
    let close = Request::put(format!("{location}?digest={digest}")).body(b"layer");
    guarded.send(&ops, close).expect_status(201);
}

#[test]
fn case_44_a_mount_from_where_one_may_not_pull_is_as_one_from_nowhere() {
    let guarded = Guarded::start();
    let (root, ops) = (basic("root", PASSWORD), basic("ops", PASSWORD));
    let digest = push_blob(&guarded, &root, "secret/app", b"secret layer");
    let absent = sha256(b"never pushed");
    let scope = "repository:team-a/app:pull,push";
    let token = bearer(&guarded.token(Some(&ops), &[scope]));
    for credentials in [&ops, &token] {
        let mount = |digest: &str, from: &str| {
            let target = format!("/v2/team-a/app/blobs/uploads/?mount={digest}&from={from}");
            shape(&guarded.send(credentials, Request::post(target)), digest)
        };
        let refused = mount(&digest, "secret/app");
        assert_eq!(refused.0, 202);
        assert_eq!(refused, mount(&digest, "nothing/there"));
        assert_eq!(refused, mount(&absent, "secret/app"));
        assert_eq!(refused, mount(&absent, "nothing/there"));
    }
    let look = Request::head(format!("/v2/team-a/app/blobs/{digest}"));
    guarded.send(&ops, look).expect_status(404);
}

#[test]
fn case_45_a_mount_without_a_source_finds_nothing_that_is_private() {
    let guarded = Guarded::start();
    let (root, ops) = (basic("root", PASSWORD), basic("ops", PASSWORD));
    let digest = push_blob(&guarded, &root, "secret/app", b"secret layer");
    let target = format!("/v2/team-a/app/blobs/uploads/?mount={digest}");
    guarded.send(&ops, Request::post(target)).expect_status(202);
    let look = Request::head(format!("/v2/team-a/app/blobs/{digest}"));
    guarded.send(&ops, look).expect_status(404);
}

#[test]
fn case_76_a_tag_that_is_kept_is_neither_moved_nor_removed() {
    let guarded = Guarded(Server::start_with(
        "access:\n  rules:\n    \
         - {subjects: [authenticated], repositories: [\"**\"], actions: [\"*\"]}\n    \
         - {subjects: [\"*\"], repositories: [\"team-a/**\"], tags: [\"v*\"], \
         actions: [tag-overwrite], effect: deny}\n",
    ));
    guarded.add_user("ops", &[]);
    let ops = basic("ops", PASSWORD);
    let push = |tag: &str, text: &str| guarded.push(&ops, "team-a/app", tag, text);
    push("v1", "kept").expect_status(201);
    push("v1", "kept").expect_status(201);
    push("v1", "other").expect_error(403, "DENIED");
    let kept: Manifest = empty_index("kept");
    let digest = sha256(&kept.bytes);
    for reference in ["v1", digest.as_str()] {
        let delete = Request::delete(format!("/v2/team-a/app/manifests/{reference}"));
        guarded.send(&ops, delete).expect_error(403, "DENIED");
    }
    // Several tags at once: if one of them is kept, none is set.
    let other = empty_index("other");
    let target = format!(
        "/v2/team-a/app/manifests/{}?tag=new&tag=v1",
        sha256(&other.bytes)
    );
    let put = Request::put(target)
        .header("Content-Type", other.media_type)
        .body(&other.bytes);
    guarded.send(&ops, put).expect_error(403, "DENIED");
    guarded.pull(&ops, "team-a/app", "new").expect_status(404);
    let pulled = guarded.pull(&ops, "team-a/app", "v1");
    assert_eq!(pulled.expect_header("docker-content-digest"), digest);
    // A manifest that no kept tag names goes.
    push("latest", "loose").expect_status(201);
    let loose = sha256(&empty_index("loose").bytes);
    let delete = Request::delete(format!("/v2/team-a/app/manifests/{loose}"));
    guarded.send(&ops, delete).expect_status(202);
}

#[test]
fn case_83_the_catalog_names_nothing_that_its_reader_may_not_pull() {
    let guarded = Guarded::start();
    let (root, ops) = (basic("root", PASSWORD), basic("ops", PASSWORD));
    for name in ["secret/app", "team-a/app", "team-b/app"] {
        guarded.push(&root, name, "1", name).expect_status(201);
    }
    let whole_token = guarded.token(Some(&ops), &["registry:catalog:*"]);
    for credentials in [ops.clone(), bearer(&whole_token)] {
        for query in [
            "",
            "?n=1",
            "?last=rrr",
            "?n=1&last=secret/app",
            "?last=secret/a",
        ] {
            let list = Request::get(format!("/v2/_catalog{query}"));
            let answer = guarded.send(&credentials, list);
            answer.expect_status(200);
            let link = answer.header("link").unwrap_or_default();
            let told = format!("{}{link}", String::from_utf8_lossy(&answer.body));
            assert!(
                !told.contains("secret") && !told.contains("team-b"),
                "{query}: {told}"
            );
        }
    }
    // A robot whose grants hold no catalog is refused in the words of its credentials.
    let create = [
        "robot",
        "create",
        "ci",
        "--repositories",
        "**",
        "--actions",
        "pull",
    ];
    let secret = guarded.run(&create);
    let machine = basic("robot+ci", secret.trim());
    let list = || Request::get("/v2/_catalog");
    let refused = guarded.send(&machine, list());
    assert!(matches!(refused.status, 200 | 403), "{refused:?}");
}

#[test]
fn case_99_nobody_is_told_which_repositories_there_are() {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    guarded
        .push(&root, "secret/app", "1", "x")
        .expect_status(201);
    let digest = push_blob(&guarded, &root, "secret/app", b"layer");
    let (there, absent) = ("secret/app", "nothing/there");
    let requests: Vec<(&str, String)> = vec![
        ("GET", "manifests/1".into()),
        ("HEAD", "manifests/1".into()),
        ("DELETE", "manifests/1".into()),
        ("PUT", "manifests/1".into()),
        ("GET", format!("blobs/{digest}")),
        ("HEAD", format!("blobs/{digest}")),
        ("DELETE", format!("blobs/{digest}")),
        ("GET", "tags/list".into()),
        ("GET", format!("referrers/{digest}")),
        ("POST", "blobs/uploads/".into()),
        (
            "PATCH",
            "blobs/uploads/0123456789abcdef0123456789abcdef".into(),
        ),
    ];
    for credentials in [None, Some(basic("ops", PASSWORD))] {
        for (method, path) in &requests {
            let answer = |name: &str| {
                let mut request = Request::new(method, format!("/v2/{name}/{path}"));
                if let Some(credentials) = &credentials {
                    request = request.header("Authorization", credentials);
                }
                shape(&guarded.connect().send(&request), name)
            };
            let refused = answer(there);
            let status = if credentials.is_some() { 403 } else { 401 };
            assert_eq!(refused.0, status, "{method} {path}: {refused:?}");
            assert_eq!(refused, answer(absent), "{method} {path}");
        }
    }
}
