//! Logging in, pushing and pulling as clients do.

use crate::fixture::{Guarded, PASSWORD, assert_challenged, basic, bearer};
use roadstead_tests::http::Request;

#[test]
fn docker_login_ends_with_a_ping_by_token() {
    let guarded = Guarded::start();
    assert_challenged(&guarded.connect().get("/v2/"), None, None);
    let token = guarded.token(Some(&basic("ops", PASSWORD)), &[]);
    let ping = guarded.send(&bearer(&token), Request::get("/v2/"));
    ping.expect_status(200);
    assert_eq!(ping.header("www-authenticate"), None);
    guarded
        .send(&basic("ops", PASSWORD), Request::get("/v2/"))
        .expect_status(200);
    let wrong = guarded.ask_for_token(Some(&basic("ops", "wrong")), &[]);
    wrong.expect_error(401, "UNAUTHORIZED");
    assert_challenged(
        &guarded.send(&basic("ops", "wrong"), Request::get("/v2/")),
        None,
        None,
    );
}

#[test]
fn a_token_pushes_and_pulls_what_it_was_made_for() {
    let guarded = Guarded::start();
    let scope = "repository:team-a/app:pull,push";
    let token = bearer(&guarded.token(Some(&basic("ops", PASSWORD)), &[scope]));
    let mut connection = guarded.connect();
    let content = b"layer";
    let digest = roadstead_tests::content::sha256(content);
    let start = Request::post("/v2/team-a/app/blobs/uploads/").header("Authorization", &token);
    let started = connection.send(&start);
    started.expect_status(202);
    let location = started.expect_header("location");
    let close = Request::put(format!("{location}?digest={digest}"))
        .header("Authorization", &token)
        .body(content);
    connection.send(&close).expect_status(201);
    let pulled = guarded.send(
        &token,
        Request::get(format!("/v2/team-a/app/blobs/{digest}")),
    );
    pulled.expect_status(200);
    assert!(pulled.expect_header("cache-control").starts_with("private"));
    guarded
        .push(&token, "team-a/app", "1", "x")
        .expect_status(201);
    guarded.pull(&token, "team-a/app", "1").expect_status(200);
}

#[test]
fn an_upload_belongs_to_who_began_it() {
    let guarded = Guarded::start();
    let start = Request::post("/v2/team-a/app/blobs/uploads/");
    let started = guarded.send(&basic("ops", PASSWORD), start);
    let location = started.expect_header("location").to_owned();
    let asked = guarded.send(&basic("root", PASSWORD), Request::get(&location));
    asked.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
    guarded
        .send(&basic("ops", PASSWORD), Request::get(&location))
        .expect_status(204);
}

#[test]
fn a_refused_push_is_told_in_the_words_of_its_credentials() {
    let guarded = Guarded::start();
    let scope = "repository:other/app:pull,push";
    let token = bearer(&guarded.token(Some(&basic("ops", PASSWORD)), &[scope]));
    let refused = guarded.push(&token, "other/app", "1", "x");
    assert_challenged(&refused, Some(scope), Some("insufficient_scope"));
    guarded
        .push(&basic("ops", PASSWORD), "other/app", "1", "x")
        .expect_error(403, "DENIED");
    let start = Request::post("/v2/other/app/blobs/uploads/");
    assert_challenged(&guarded.connect().send(&start), Some(scope), None);
}

#[test]
fn everybody_pulls_from_the_public_corner_and_from_no_other() {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    guarded
        .push(&root, "public/app", "1", "x")
        .expect_status(201);
    guarded
        .push(&root, "team-a/app", "1", "x")
        .expect_status(201);
    let mut connection = guarded.connect();
    connection
        .get("/v2/public/app/manifests/1")
        .expect_status(200);
    let scopes = [
        "repository:public/app:pull",
        "repository:team-a/app:pull,push",
    ];
    let token = bearer(&guarded.token(None, &scopes));
    guarded.pull(&token, "public/app", "1").expect_status(200);
    let scope = Some("repository:team-a/app:pull");
    assert_challenged(
        &guarded.pull(&token, "team-a/app", "1"),
        scope,
        Some("insufficient_scope"),
    );
    assert_challenged(&connection.get("/v2/team-a/app/manifests/1"), scope, None);
    assert_challenged(
        &connection.send(&Request::post("/v2/public/app/blobs/uploads/")),
        Some("repository:public/app:pull,push"),
        None,
    );
    let bad = guarded.pull("Bearer a.b.c", "public/app", "1");
    assert_challenged(
        &bad,
        Some("repository:public/app:pull"),
        Some("invalid_token"),
    );
}

#[test]
fn the_oauth_form_of_containerd_and_helm_gets_a_token_too() {
    let guarded = Guarded::start();
    let form = |text: &str| {
        let request = Request::post("/token")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(text);
        guarded.connect().send(&request)
    };
    let right = "grant_type=password&service=roadstead&client_id=containerd-client&username=ops&\
                 password=correct%3A+horse&scope=repository%3Ateam-a%2Fapp%3Apull%2Cpush";
    let answer = form(right);
    answer.expect_status(200);
    let body = answer.json();
    assert_eq!(body["scope"], "repository:team-a/app:pull,push");
    assert!(body["expires_in"].as_u64().is_some_and(|secs| secs >= 60));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let token = bearer(body["access_token"].as_str().expect("is text"));
    guarded
        .push(&token, "team-a/app", "1", "x")
        .expect_status(201);
    form(&right.replace("horse", "mule")).expect_error(401, "UNAUTHORIZED");
}

#[test]
fn a_rotated_robot_keeps_one_old_secret_until_it_is_dropped() {
    let guarded = Guarded::start();
    let create = [
        "robot",
        "create",
        "ci",
        "--repositories",
        "team-a/**",
        "--actions",
        "pull,push",
    ];
    let login = |secret: &str| basic("robot+ci", secret.trim());
    let push = |secret: &str| guarded.push(&login(secret), "team-a/app", "1", "x").status;
    let first = guarded.run(&create);
    assert!(first.starts_with("rsr_"), "{first}");
    assert_eq!(push(&first), 201);
    let second = guarded.run(&["robot", "rotate", "ci"]);
    assert_eq!((push(&first), push(&second)), (201, 201));
    let third = guarded.run(&["robot", "rotate", "ci", "--drop-old"]);
    assert_eq!((push(&second), push(&third)), (401, 201));
    guarded
        .push(&login(&third), "other/app", "1", "x")
        .expect_status(403);
    guarded.run(&["robot", "rm", "ci"]);
    assert_eq!(push(&third), 401);
}

#[test]
fn an_access_token_logs_its_user_in_with_less() {
    let guarded = Guarded::start();
    let create = [
        "token",
        "create",
        "--user",
        "ops",
        "--repositories",
        "team-a/**",
    ];
    let secret = guarded.run(&[&create[..], &["--actions", "pull"]].concat());
    let ops = basic("ops", secret.trim());
    guarded
        .push(&basic("ops", PASSWORD), "team-a/app", "1", "x")
        .expect_status(201);
    guarded.pull(&ops, "team-a/app", "1").expect_status(200);
    guarded
        .push(&ops, "team-a/app", "2", "x")
        .expect_status(403);
}

#[test]
fn users_of_a_htpasswd_file_log_in_beside_the_others() {
    // Made by `htpasswd -nbB file myPassword`.
    const LINE: &str = "file:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n";
    let guarded = Guarded::start();
    let path = guarded.0.folder().join("htpasswd");
    roadstead_tests::server::write_file(&path, LINE.as_bytes());
    let yaml = crate::fixture::RULES.replace("access:\n", "access:\n  htpasswd: htpasswd\n");
    let file = guarded.0.folder().join("roadstead.yaml");
    roadstead_tests::server::write_file(&file, yaml.as_bytes());
    let mut guarded = guarded;
    guarded.0.start_again();
    guarded
        .push(&basic("file", "myPassword"), "file/app", "1", "x")
        .expect_status(201);
    guarded
        .push(&basic("ops", PASSWORD), "team-a/app", "1", "x")
        .expect_status(201);
    guarded
        .push(&basic("file", "wrong"), "file/app", "1", "x")
        .expect_status(401);
}
