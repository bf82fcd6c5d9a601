//! Backups by commands: of a running server and without one, checked, restored, and served again.

use crate::admin_api::ask;
use crate::fixture::{Guarded, PASSWORD, basic};
use roadstead_tests::server::{self, Server, write_file};
use serde_json::{Value, json};
use std::path::Path;

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = server::run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("is text")
}

fn fails(folder: &Path, arguments: &[&str]) -> String {
    let output = server::run(folder, arguments);
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).expect("is text")
}

#[test]
fn a_running_server_is_backed_up_and_its_backup_served() {
    let mut server = Server::start();
    let mut connection = server.connect();
    let first = connection.push_image("team/app", "1");
    let blob = roadstead_tests::content::random_bytes(500_000);
    let digest = connection.push_blob("team/app", &blob);
    connection.start_upload_with("team/app", &blob);
    let other = tempfile::tempdir().expect("there is room for a folder");
    let backups = other.path().join("backups");
    let backups = backups.to_str().expect("is text");
    let create = ["backup", "create", backups, "--output", "json"];
    let made: Value = serde_json::from_str(&run(server.folder(), &create)).expect("is JSON");
    assert_eq!(
        (&made["number"], &made["new_objects"]),
        (&json!("000001"), &json!(1))
    );

    let second = connection.push_image("team/app", "2");
    let told = run(server.folder(), &["backup", "create", backups]);
    assert!(
        told.starts_with("backup 000002 in ") && told.contains("; 0 new"),
        "{told}"
    );
    let inside = ["backup", "create", "data/backups"];
    assert!(fails(server.folder(), &inside).contains("lies in the data folder"));
    assert!(fails(server.folder(), &["backup", "restore", backups]).contains("open"));
    server.terminate();
    server.wait();
    // Without a server the command does the work itself.
    run(server.folder(), &["backup", "create", backups]);
    assert_eq!(
        run(other.path(), &["backup", "ls", backups])
            .lines()
            .count(),
        4
    );
    let checked = run(other.path(), &["backup", "verify", backups, "--checksum"]);
    assert!(
        checked.starts_with("fine: ") && checked.ends_with("all hashed\n"),
        "{checked}"
    );

    let folder = tempfile::tempdir().expect("there is room for a folder");
    write_file(&folder.path().join("roadstead.yaml"), b"");
    let restore = ["backup", "restore", backups];
    let told = run(folder.path(), &restore);
    assert!(told.contains("is the store as it was"), "{told}");
    assert!(fails(folder.path(), &restore).contains("is not empty"));
    let again = [
        &restore[..],
        &["--number", "000002", "--delete-existing-data"],
    ]
    .concat();
    run(folder.path(), &again);
    let restored = Server::start_in(folder);
    let mut connection = restored.connect();
    for (tag, image) in [("1", &first), ("2", &second)] {
        let pulled = connection.get(format!("/v2/team/app/manifests/{tag}"));
        assert_eq!(pulled.body, image.manifest.bytes);
    }
    let pulled = connection.get(format!("/v2/team/app/blobs/{digest}"));
    assert_eq!(pulled.body, blob);
    connection.push_image("team/app", "3");
    assert_eq!(run(restored.folder(), &["upload", "ls"]).lines().count(), 1);
}

#[test]
fn nobody_asks_for_a_backup_over_the_network() {
    let guarded = Guarded::start();
    let asked = json!({"kind": "backup", "options": {"directory": "/tmp/elsewhere"}});
    let root = basic("root", PASSWORD);
    let refused = ask(&guarded, &root, "POST", "/jobs", Some(asked));
    refused.expect_error(403, "DENIED");
}
