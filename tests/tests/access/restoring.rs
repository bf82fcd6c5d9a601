//! Deleted tags and manifests, brought back by commands and over the network: with blobs, by rule, told.

use crate::admin_api::{admin, ask};
use crate::fixture::{Guarded, PASSWORD, RULES, basic};
use roadstead_tests::content::empty_index;
use roadstead_tests::http::Request;
use roadstead_tests::waiting::wait_until;
use serde_json::{Value, json};
use std::fs;

/// Deletes a manifest over the registry's protocol.
fn delete(guarded: &Guarded, digest: &str) {
    let delete = Request::delete(format!("/v2/team-a/app/manifests/{digest}"));
    guarded
        .send(&basic("root", PASSWORD), delete)
        .expect_status(202);
}

#[test]
fn a_deleted_manifest_is_listed_and_comes_back_with_its_tag_by_commands() {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    let (first, second) = (empty_index("first"), empty_index("second"));
    for text in ["first", "second"] {
        let pushed = guarded.push(&root, "team-a/app", "1.0", text);
        pushed.expect_status(201);
    }
    delete(&guarded, &second.digest());
    delete(&guarded, &first.digest());

    let listed = guarded.run(&["manifest", "ls", "--deleted", "team-a/app"]);
    assert!(listed.contains(&first.digest()), "{listed}");
    assert!(
        listed.contains("root") && listed.contains("until 20"),
        "{listed}"
    );
    let tags = guarded.run(&["tag", "ls", "--deleted", "team-a/app"]);
    assert!(tags.contains("1.0") && tags.contains("until 20"), "{tags}");
    let history = guarded.run(&["tag", "history", "team-a/app:1.0"]);
    assert_eq!(history.matches("until 20").count(), 2, "{history}");

    let told = guarded.run(&["tag", "restore", "team-a/app:1.0"]);
    let digest = second.digest();
    assert_eq!(
        told,
        format!("team-a/app:1.0 names {digest} (was deleted)\nbrought back {digest}\n")
    );
    let pulled = guarded.pull(&root, "team-a/app", "1.0");
    assert_eq!(pulled.body, second.bytes);
    let target = format!("team-a/app@{}", first.digest());
    let told = guarded.run(&["manifest", "restore", &target, "--tag", "0.9"]);
    assert!(
        told.contains("as 0.9") && told.contains("brought back"),
        "{told}"
    );
    assert_eq!(guarded.pull(&root, "team-a/app", "0.9").body, first.bytes);

    let never = format!("team-a/app@{}", empty_index("never").digest());
    let output = guarded.run_with(&["manifest", "restore", &never], "");
    let told = String::from_utf8(output.stderr).expect("is text");
    assert!(told.ends_with("is not there and not retained\n"), "{told}");
    for arguments in [
        &["manifest", "ls", "team-a/app"][..],
        &["tag", "restore", "team-a/app:1.0", "--at", "yesterday"],
        &["tag", "restore", "team-a/app"],
    ] {
        assert!(!guarded.run_with(arguments, "").status.success());
    }
}

#[test]
fn what_is_restored_is_told_in_the_audit_log() {
    let guarded = Guarded::start_with(&format!("{RULES}audit: {{file: audit.log}}\n"));
    let root = basic("root", PASSWORD);
    let index = empty_index("x");
    guarded
        .push(&root, "team-a/app", "1", "x")
        .expect_status(201);
    delete(&guarded, &index.digest());
    let body = json!({"digest": index.digest()});
    let path = "/manifests/restore?repository=team-a/app";
    let restored = admin(&guarded, "POST", path, Some(body), 200).json();
    assert_eq!(restored["restored"], json!([index.digest()]));
    let path = "/tags/restore?repository=team-a/app&tag=1";
    admin(&guarded, "POST", path, None, 200);
    // Nothing is left to do, and nothing is told.
    admin(&guarded, "POST", path, None, 404);

    let events = || -> Vec<Value> {
        let text = fs::read_to_string(guarded.0.folder().join("audit.log")).unwrap_or_default();
        let events = text.lines().map(serde_json::from_str);
        let events = events.map(|event: Result<Value, _>| event.expect("is JSON"));
        let is_restore = |event: &Value| event["event"].to_string().contains("restore");
        events.filter(is_restore).collect()
    };
    wait_until("both are told", || events().len() >= 2);
    let told = events();
    assert_eq!(told.len(), 2, "{told:?}");
    for (event, kind) in told.iter().zip(["manifest.restore", "tag.restore"]) {
        assert_eq!(event["event"], kind);
        assert_eq!(event["by"], "root");
        assert_eq!(event["repository"], "team-a/app");
        assert_eq!(event["digest"], json!(index.digest()));
    }
    assert_eq!(told[1]["tag"], "1");
}

#[test]
fn a_rule_that_keeps_a_tag_keeps_it_from_being_set_back() {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    for text in ["first", "second"] {
        let pushed = guarded.push(&root, "team-a/app", "v1", text);
        pushed.expect_status(201);
    }
    let deny = json!({
        "subjects": ["user:root"],
        "repositories": ["team-a/**"],
        "tags": ["v*"],
        "actions": ["tag-overwrite"],
        "effect": "deny",
    });
    admin(&guarded, "POST", "/rules", Some(deny), 201);
    let path = "/tags/restore?repository=team-a/app&tag=v1";
    let refused = ask(&guarded, &root, "POST", path, None);
    refused.expect_error(403, "DENIED");
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(text.contains("denied by rule"), "{text}");
    assert_eq!(
        guarded.pull(&root, "team-a/app", "v1").body,
        empty_index("second").bytes
    );
    // Over the socket nobody is held back.
    guarded.run(&["tag", "restore", "team-a/app:v1"]);
    assert_eq!(
        guarded.pull(&root, "team-a/app", "v1").body,
        empty_index("first").bytes
    );
    // Who does not administer restores nothing.
    let refused = ask(&guarded, &basic("ops", PASSWORD), "POST", path, None);
    refused.expect_error(403, "DENIED");
}
