//! The audit log over a real socket: each kind of event once, who and where in it, no secret in it.

use crate::fixture::{Guarded, PASSWORD, RULES, basic, bearer};
use roadstead_tests::content::{empty_index, random_bytes, sha256};
use roadstead_tests::http::{Answer, Request};
use roadstead_tests::server::Server;
use roadstead_tests::waiting::wait_until;
use serde_json::{Value, json};
use std::fs;

const AUDITED: &str = "audit: {file: audit.log}\n";

fn events(server: &Server) -> Vec<Value> {
    let text = fs::read_to_string(server.folder().join("audit.log")).unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("is JSON"));
    lines.collect()
}

/// Waits until the log has so many events: it is written behind the answers.
#[track_caller]
fn await_events(server: &Server, count: usize) -> Vec<Value> {
    wait_until(&format!("{count} events"), || events(server).len() >= count);
    let events = events(server);
    assert_eq!(events.len(), count, "{events:#?}");
    events
}

fn request_id(answer: &Answer) -> Value {
    json!(answer.expect_header("x-request-id"))
}

/// Holds an event against what it must have, and it alone, beside time, client and request id.
#[track_caller]
fn assert_event(event: &Value, answer: &Answer, wanted: &Value) {
    let mut rest = event.as_object().expect("is a map").clone();
    let time = rest.remove("time").expect("has a time");
    let time = time.as_str().expect("is text");
    assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    assert_eq!(rest.remove("client"), Some(json!("127.0.0.1")));
    assert_eq!(rest.remove("request_id"), Some(request_id(answer)));
    assert_eq!(&Value::Object(rest), wanted);
}

#[test]
fn each_change_is_told_once() {
    let guarded = Guarded::start_with(&format!("{RULES}{AUDITED}"));
    let root = basic("root", PASSWORD);
    // The two users that every test begins with.
    let changes = await_events(&guarded.0, 2);
    assert_eq!(changes[0]["event"], "identity.change");
    assert_eq!(changes[0]["change"], "added user ops");
    assert_eq!(changes[0]["by"], "local:operator");

    let blob = random_bytes(1000);
    let digest = sha256(&blob);
    let request = Request::post(format!("/v2/team-a/app/blobs/uploads/?digest={digest}"));
    let pushed_blob = guarded.send(&root, request.body(&blob));
    pushed_blob.expect_status(201);
    let begun = guarded.send(&root, Request::post("/v2/team-a/app/blobs/uploads/"));
    let location = begun.expect_header("location").to_owned();
    let appended = guarded.send(&root, Request::patch(&location).body(random_bytes(10)));
    appended.expect_status(202);
    guarded
        .send(&root, Request::delete(&location))
        .expect_status(204);
    let mount = format!("/v2/root/app/blobs/uploads/?mount={digest}&from=team-a/app");
    let mounted = guarded.send(&root, Request::post(mount));
    mounted.expect_status(201);
    let index = empty_index("x");
    let pushed = guarded.push(&root, "team-a/app", "1", "x");
    pushed.expect_status(201);
    guarded.pull(&root, "team-a/app", "1").expect_status(200);
    let untag = Request::delete("/v2/team-a/app/manifests/1");
    let untagged = guarded.send(&root, untag);
    untagged.expect_status(202);
    let delete = Request::delete(format!("/v2/team-a/app/manifests/{}", index.digest()));
    let deleted = guarded.send(&root, delete);
    deleted.expect_status(202);
    let delete = Request::delete(format!("/v2/team-a/app/blobs/{digest}"));
    let deleted_blob = guarded.send(&root, delete);
    deleted_blob.expect_status(202);

    let events = await_events(&guarded.0, 9);
    let told = |event: &str, repository: &str, key: &str, value: &str| json!({"event": event, "outcome": "done", "by": "root", "repository": repository, key: value});
    let app = "team-a/app";
    assert_event(
        &events[2],
        &pushed_blob,
        &told("blob.push", app, "digest", &digest),
    );
    assert_event(
        &events[3],
        &mounted,
        &told("blob.push", "root/app", "digest", &digest),
    );
    let push = told("manifest.push", app, "digest", &index.digest());
    assert_event(&events[4], &pushed, &push);
    let mut tag = told("tag.set", app, "digest", &index.digest());
    tag["tag"] = json!("1");
    assert_event(&events[5], &pushed, &tag);
    assert_event(&events[6], &untagged, &told("tag.delete", app, "tag", "1"));
    let delete = told("manifest.delete", app, "digest", &index.digest());
    assert_event(&events[7], &deleted, &delete);
    assert_event(
        &events[8],
        &deleted_blob,
        &told("blob.delete", app, "digest", &digest),
    );
}

#[test]
fn each_refusal_is_told_once_and_no_secret_is() {
    let guarded = Guarded::start_with(&format!("{RULES}{AUDITED}"));
    await_events(&guarded.0, 2);
    let ops = basic("ops", PASSWORD);
    let token = guarded.token(Some(&ops), &["repository:team-a/app:pull"]);
    // What every client begins with is no failure.
    guarded.connect().get("/v2/").expect_status(401);

    let wrong = guarded.send(&basic("ops", "my-other-password"), Request::get("/v2/"));
    wrong.expect_status(401);
    let typed_wrong = guarded.send(&basic(PASSWORD, "ops"), Request::get("/v2/"));
    typed_wrong.expect_status(401);
    let for_token = guarded.ask_for_token(Some(&basic("ops", "my-other-password")), &[]);
    for_token.expect_status(401);
    let broken = guarded.send(&bearer(&token[..token.len() - 9]), Request::get("/v2/"));
    broken.expect_status(401);
    let denied = guarded.push(&ops, "team-b/app", "1", "x");
    denied.expect_status(403);
    let narrow = guarded.push(&bearer(&token), "team-a/app", "1", "x");
    assert!([401, 403].contains(&narrow.status), "{narrow:?}");
    guarded
        .push(&ops, "team-a/app", "v1", "x")
        .expect_status(201);
    let kept = guarded.push(&ops, "team-a/app", "v1", "y");
    kept.expect_status(403);

    let events = await_events(&guarded.0, 2 + 7 + 2);
    let failure = |name: Option<&str>, reason: &str| {
        let mut event = json!({"event": "login.failure", "outcome": "refused", "reason": reason});
        if let Some(name) = name {
            event["by"] = json!(name);
        }
        event
    };
    let password = "wrong name or password";
    assert_event(&events[2], &wrong, &failure(Some("ops"), password));
    assert_event(&events[3], &typed_wrong, &failure(None, password));
    assert_event(&events[4], &for_token, &failure(Some("ops"), password));
    assert_event(&events[5], &broken, &failure(None, "no valid token"));
    let refusal = |repository: &str, tag: &str| {
        json!({
            "event": "access.denied", "outcome": "refused", "by": "ops",
            "repository": repository, "tag": tag,
            "needed": format!("repository:{repository}:push"),
        })
    };
    assert_event(&events[6], &denied, &refusal("team-b/app", "1"));
    assert_event(&events[7], &narrow, &refusal("team-a/app", "1"));
    assert_event(&events[10], &kept, &refusal("team-a/app", "v1"));

    let text = fs::read_to_string(guarded.0.folder().join("audit.log")).expect("is there");
    let encoded = ops.strip_prefix("Basic ").expect("is Basic");
    for secret in [PASSWORD, "my-other-password", encoded, &token, &token[..40]] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn slowed_logins_are_told_as_such() {
    let guarded = Guarded::start_with(&format!("{RULES}{AUDITED}"));
    await_events(&guarded.0, 2);
    for _ in 0..6 {
        guarded.send(&basic("ops", "wrong"), Request::get("/v2/"));
    }
    let events = await_events(&guarded.0, 8);
    assert_eq!(events[7]["reason"], "too many failures before");
    assert_eq!(events[7]["by"], "ops");
}

#[test]
fn an_open_registry_has_an_audit_log_too() {
    let server = Server::start_with(AUDITED);
    let mut connection = server.connect();
    connection.push_image("a", "1");
    let events = await_events(&server, 4);
    let kinds: Vec<&Value> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(
        kinds,
        ["blob.push", "blob.push", "manifest.push", "tag.set"]
    );
    assert!(
        events.iter().all(|event| event["by"] == "anonymous"),
        "{events:#?}"
    );
}

#[test]
fn a_large_log_is_set_aside_and_the_oldest_goes() {
    let server = Server::start_with("audit: {file: audit.log, max_size: 64KiB, keep: 2}\n");
    let mut connection = server.connect();
    let mut pushed = 0;
    let aside = |number: u32| server.folder().join(format!("audit.log.{number}"));
    while !aside(2).exists() {
        connection.push_manifest("a", &format!("t{pushed}"), &empty_index("x"));
        pushed += 1;
        assert!(pushed < 2000, "nothing was set aside");
    }
    for file in [aside(1), aside(2)] {
        let text = fs::read_to_string(file).expect("is there");
        assert!((60_000..=65_536).contains(&text.len()), "{}", text.len());
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).expect("is JSON");
            assert_eq!(event["outcome"], "done");
        }
    }
    // None is missing between the files, and none is there twice.
    let all = || {
        let files = [aside(2), aside(1), server.folder().join("audit.log")];
        let text = files.map(|file| fs::read_to_string(file).unwrap_or_default());
        text.concat()
    };
    let tags = || all().matches("\"tag.set\"").count();
    wait_until("all events are there", || tags() == pushed);
    assert!(!aside(3).exists());
}

#[test]
fn commands_without_a_server_write_to_the_same_log() {
    let mut guarded = Guarded::start_with(&format!("{RULES}{AUDITED}"));
    await_events(&guarded.0, 2);
    guarded.0.terminate();
    guarded.0.wait();
    guarded.run(&["user", "rm", "ops"]);
    let told = await_events(&guarded.0, 3);
    assert_eq!(told[2]["change"], "removed user ops");
    guarded.0.start_again();
    guarded
        .push(&basic("root", PASSWORD), "a", "1", "x")
        .expect_status(201);
    await_events(&guarded.0, 5);
}

#[test]
fn a_log_that_cannot_be_opened_keeps_the_server_from_starting() {
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    let configuration = folder.path().join("roadstead.yaml");
    roadstead_tests::server::write_file(&configuration, b"audit: {file: no/such/audit.log}\n");
    let arguments = [
        "serve",
        "--config",
        "roadstead.yaml",
        "--listen",
        "127.0.0.1:0",
    ];
    let output = roadstead_tests::server::run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("cannot open the audit log no/such/audit.log"),
        "{said}"
    );
}
