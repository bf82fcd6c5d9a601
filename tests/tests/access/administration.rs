//! Commands on a running server, and without one.

use crate::fixture::{Guarded, PASSWORD, RULES, basic, bearer};
use roadstead_tests::http::Request;
use roadstead_tests::server::{run, write_file};

#[test]
fn users_and_groups_change_while_the_server_runs() {
    let guarded = Guarded::start();
    assert_eq!(
        guarded.columns(&["user", "ls"], 2),
        ["ops team-a", "root -"]
    );
    let made = guarded.run(&["user", "add", "new"]);
    let new = basic("new", made.trim());
    guarded
        .push(&new, "team-a/app", "1", "x")
        .expect_status(403);
    guarded.run(&["group", "add", "team-a", "new"]);
    guarded
        .push(&new, "team-a/app", "1", "x")
        .expect_status(201);
    assert_eq!(guarded.columns(&["group", "ls"], 2), ["team-a new,ops"]);
    guarded.run(&["group", "rm", "team-a", "new"]);
    guarded
        .push(&new, "team-a/app", "1", "x")
        .expect_status(403);
    let output = guarded.run_with(&["user", "passwd", "new", "--password-stdin"], "other");
    assert!(output.status.success(), "{output:?}");
    guarded.push(&new, "new/app", "1", "x").expect_status(401);
    guarded
        .push(&basic("new", "other"), "new/app", "1", "x")
        .expect_status(201);
    guarded.run(&["user", "rm", "new"]);
    guarded
        .push(&basic("new", "other"), "new/app", "1", "x")
        .expect_status(401);
    let output = guarded.run_with(&["user", "rm", "new"], "");
    assert_eq!(output.stderr, b"roadstead: there is no user new\n");
}

#[test]
fn what_was_added_without_a_server_is_there_when_one_starts() {
    let guarded = Guarded::start();
    let mut guarded = guarded;
    guarded.0.terminate();
    guarded.0.wait();
    let secret = guarded.run(&[
        "robot",
        "create",
        "ci",
        "--repositories",
        "team-a/**",
        "--actions",
        "push",
        "--expires",
        "90d",
    ]);
    guarded.0.start_again();
    let robot = basic("robot+ci", secret.trim());
    guarded
        .push(&robot, "team-a/app", "1", "x")
        .expect_status(201);
    assert_eq!(guarded.columns(&["robot", "ls"], 2), ["ci team-a/**:push"]);
}

#[test]
fn an_explanation_names_the_rule() {
    let guarded = Guarded::start();
    let explain = |who: &str, action: &str, target: &str| {
        guarded.run(&["access", "explain", "--as", who, "--action", action, target])
    };
    let told = explain("ops", "push", "team-a/app:1.0");
    assert!(told.starts_with("yes: allowed by rule 2: {"), "{told}");
    let told = explain("ops", "tag-overwrite", "team-a/app:v1");
    assert!(told.starts_with("no: denied by rule 5: {"), "{told}");
    assert_eq!(
        explain("anonymous", "pull", "team-a/app"),
        "no: no rule allows it\n"
    );
}

#[test]
fn a_key_that_is_dropped_ends_every_token() {
    let guarded = Guarded::start();
    let ops = basic("ops", PASSWORD);
    let scope = "repository:team-a/app:pull,push";
    let token = || bearer(&guarded.token(Some(&ops), &[scope]));
    let push = |token: &str| guarded.push(token, "team-a/app", "1", "x").status;
    let first = token();
    guarded.run(&["access", "rotate-keys"]);
    let second = token();
    assert_eq!((push(&first), push(&second)), (201, 201));
    guarded.run(&["access", "rotate-keys", "--drop-old"]);
    assert_eq!(
        (push(&first), push(&second), push(&token())),
        (401, 401, 201)
    );
}

#[test]
fn a_token_lives_through_a_restart() {
    let mut guarded = Guarded::start();
    let scope = "repository:team-a/app:pull,push";
    let token = bearer(&guarded.token(Some(&basic("ops", PASSWORD)), &[scope]));
    guarded.0.kill();
    guarded.0.start_again();
    guarded
        .push(&token, "team-a/app", "1", "x")
        .expect_status(201);
    assert_eq!(
        guarded.columns(&["user", "ls"], 2),
        ["ops team-a", "root -"]
    );
}

#[test]
fn a_pull_secret_is_ready_for_kubernetes() {
    let guarded = Guarded::start();
    let create = [
        "robot",
        "create",
        "node",
        "--repositories",
        "**",
        "--actions",
        "pull",
        "--image-pull-secret",
        "registry",
    ];
    let output = guarded.run_with(&create, "");
    assert!(!output.status.success(), "no host is known");
    let host = ["--registry-host", "registry.example.com"];
    let text = guarded.run(&[&create[..], &host].concat());
    assert!(text.starts_with("apiVersion: v1\nkind: Secret\n"), "{text}");
    assert!(
        text.contains("type: kubernetes.io/dockerconfigjson\n"),
        "{text}"
    );
}

#[test]
fn without_rules_other_machines_are_kept_out() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let output = run(folder.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).expect("is text");
    assert!(message.contains("`access: {open: true}`"), "{message}");
    write_file(
        &folder.path().join("roadstead.yaml"),
        RULES.replace("group:team-a", "team-a").as_bytes(),
    );
    let output = run(folder.path(), &["config", "check", "roadstead.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).expect("is text");
    assert!(
        message.contains("access.rules: rule 2: \"team-a\" is no subject"),
        "{message}"
    );
}

#[test]
fn an_open_registry_has_no_tokens() {
    let server = roadstead_tests::server::Server::start();
    let mut connection = server.connect();
    connection.get("/v2/").expect_status(200);
    connection.send(&Request::get("/token")).expect_status(404);
}
