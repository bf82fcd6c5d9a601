//! Cases 105 to 107: a store that is full, broken or damaged, and a server that is killed.

use crate::refusal::refused;
use roadstead_tests::content::{image, random_bytes, sha256};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;
use roadstead_tests::waiting::wait_until;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

const MIB: u64 = 1024 * 1024;

fn free_bytes(folder: &Path) -> u64 {
    let status = statvfs(folder).expect("the system tells the free space");
    status.f_bavail * status.f_frsize
}

/// Takes so much of the disk that less than `reserve` is left, also after others freed some.
fn fill(file: &File, folder: &Path, reserve: u64) {
    let excess = free_bytes(folder).saturating_sub(reserve - 256 * MIB);
    if excess > 0 {
        let length = file.metadata().expect("an open file has a length").len();
        let more = excess + 256 * MIB;
        fallocate(file, FallocateFlags::empty(), length, more).expect("the disk has the space");
    }
}

#[test]
fn case_105_on_a_full_disk_uploads_are_refused_for_now_and_pulls_go_on() {
    let free = free_bytes(&std::env::temp_dir());
    let reserve = free - 1024 * MIB;
    let server = Server::start_with(&format!("storage: {{local: {{reserve: {reserve}}}}}"));
    let mut connection = server.connect();
    let image_before = connection.push_image("a", "before");
    let begun = connection.start_upload_with("a", b"begun ");
    let folder = server.data_folder();
    let filling = folder.with_file_name("filling");
    let file = File::create(&filling).expect("a file can be made");
    // For a moment the server goes by the free space that it saw last.
    wait_until("the server sees how full the disk is", || {
        fill(&file, &folder, reserve);
        let content = random_bytes(100_000);
        let post = format!("/v2/a/blobs/uploads/?digest={}", sha256(&content));
        connection.send(&Request::post(post).body(&content)).status == 503
    });

    let content = random_bytes(100_000);
    let digest = sha256(&content);
    let post = Request::post(format!("/v2/a/blobs/uploads/?digest={digest}")).body(&content);
    refused(&mut connection, &post, 503, "UNAVAILABLE");
    let patch = Request::patch(&begun).body(&content);
    let answer = connection.send(&patch);
    answer.expect_error(503, "UNAVAILABLE");
    let blob = Request::get(format!("/v2/a/blobs/{digest}"));
    refused(&mut connection, &blob, 404, "BLOB_UNKNOWN");

    let layer = connection.get(format!("/v2/a/blobs/{}", sha256(&image_before.layer)));
    assert_eq!(layer.body, image_before.layer);
    let manifest = connection.get("/v2/a/manifests/before");
    assert_eq!(manifest.body, image_before.manifest.bytes);
    let tag = connection.delete("/v2/a/manifests/before");
    tag.expect_status(202);

    std::fs::remove_file(&filling).expect("the file can be removed");
    drop(file);
    connection.send(&post).expect_status(201);
    let offset = connection.upload_range(&begun);
    assert!(offset.starts_with("0-"), "{offset}");
}

#[test]
fn case_105_a_store_that_fails_is_an_error_of_the_server_and_commits_nothing() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100_000);
    let digest = sha256(&content);
    let location = connection.start_upload("a");
    // Where unfinished uploads are written, there is a file instead of a folder.
    let uploads = server.data_folder().join("uploads");
    std::fs::remove_dir_all(&uploads).expect("the folder can be removed");
    File::create(&uploads).expect("a file can be made");
    let post = Request::post(format!("/v2/a/blobs/uploads/?digest={digest}")).body(&content);
    let put = Request::put(format!("{location}?digest={digest}")).body(&content);
    for request in [post, put.clone()] {
        let answer = connection.send(&request);
        assert!(matches!(answer.status, 500 | 503), "{answer:?}");
        answer.assert_error_form();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!text.contains("uploads/"), "tells a path: {text}");
        connection.assert_usable();
        let id = answer.expect_header("x-request-id").to_owned();
        server.log().wait_for("the cause", |line| {
            line["level"] == "WARN" && line["id"] == id.as_str()
        });
    }
    let blob = Request::get(format!("/v2/a/blobs/{digest}"));
    refused(&mut connection, &blob, 404, "BLOB_UNKNOWN");
    std::fs::remove_file(&uploads).expect("the file can be removed");
    std::fs::create_dir(&uploads).expect("the folder can be made again");
    connection.send(&put).expect_status(201);
}

/// Changes one byte of the only data file.
fn damage(server: &Server) {
    let files = server.data_files();
    let [path] = &files[..] else {
        panic!("{} files", files.len());
    };
    let options = OpenOptions::new().read(true).write(true).open(path);
    let file = options.expect("the file can be opened");
    let mut byte = [0];
    file.read_exact_at(&mut byte, 70_000)
        .expect("the file is long enough");
    byte[0] ^= 1;
    file.write_all_at(&byte, 70_000)
        .expect("the file can be written");
}

/// Asks for a blob whose bytes are damaged: the connection must end before the body does.
fn assert_is_cut(connection: &mut Connection, target: &str) {
    connection.write(&Request::get(target).to_bytes());
    let cut = connection.try_read_answer(false);
    assert!(
        matches!(&cut, Ok(None) | Err(_)),
        "damaged bytes came whole: {cut:?}"
    );
}

#[test]
fn case_106_a_damaged_blob_is_never_read_whole_and_a_push_heals_it() {
    let server = Server::start();
    let content = random_bytes(3 * 1024 * 1024);
    let digest = server.connect().push_blob("a", &content);
    let target = format!("/v2/a/blobs/{digest}");
    damage(&server);
    assert_is_cut(&mut server.connect(), &target);
    server.log().wait_for("the damage", |line| {
        line["level"] == "ERROR" && line["digest"] == digest.as_str()
    });

    let mut connection = server.connect();
    wait_until("the blob is in quarantine", || {
        connection.head(&target).status == 404
    });
    let answer = connection.get(&target);
    answer.expect_error(500, "UNKNOWN");
    // A manifest cannot count on it.
    let config = random_bytes(10);
    connection.push_blob("a", &config);
    let manifest = image(&config, &[&content]);
    let refusal = connection.put_manifest("a", "tag", &manifest);
    refusal.expect_error(400, "MANIFEST_BLOB_UNKNOWN");

    assert_eq!(connection.push_blob("a", &content), digest);
    connection.head(&target).expect_status(200);
    let healed = connection.get(&target);
    assert!(healed.body == content, "{healed:?}");
    connection.push_manifest("a", "tag", &manifest);
}

#[test]
fn case_106_damage_is_found_by_another_repository_too() {
    let server = Server::start();
    let content = random_bytes(300_000);
    let mut connection = server.connect();
    let digest = connection.push_blob("a", &content);
    let mount = format!("/v2/b/blobs/uploads/?mount={digest}&from=a");
    connection.send(&Request::post(mount)).expect_status(201);
    damage(&server);
    let (ours, theirs) = (
        format!("/v2/a/blobs/{digest}"),
        format!("/v2/b/blobs/{digest}"),
    );
    assert_is_cut(&mut server.connect(), &ours);
    // The other one has no word of it yet; what it reads must not be taken for whole, either.
    let mut other = server.connect();
    other.write(&Request::get(&theirs).to_bytes());
    if let Ok(Some(answer)) = other.try_read_answer(false) {
        assert!(answer.status >= 500, "{answer:?}");
    }
    assert_eq!(connection.push_blob("b", &content), digest);
    let healed = connection.get(&theirs);
    assert!(healed.body == content, "{healed:?}");
}

#[test]
fn case_107_after_a_kill_a_blob_is_whole_or_not_there() {
    let mut server = Server::start();
    let mut whole = 0;
    for round in 0..12 {
        let size = if round % 2 == 0 { 5_000 } else { 500_000 };
        let content = random_bytes(size);
        let digest = sha256(&content);
        let location = server
            .connect()
            .start_upload_with("a", &content[..size / 2]);
        let close = format!("{location}?digest={digest}");
        let rest = &content[size / 2..];
        let mut connection = server.connect();
        connection.write(&Request::put(&close).body(rest).to_bytes());
        if round % 3 == 0 {
            // Otherwise the server is killed wherever it just is.
            connection.read_answer(false).expect_status(201);
        }
        server.kill();
        server.start_again();

        let mut connection = server.connect();
        let blob = connection.get(format!("/v2/a/blobs/{digest}"));
        if blob.status == 200 {
            assert!(blob.body == content, "half a blob: {blob:?}");
            whole += 1;
            continue;
        }
        blob.expect_error(404, "BLOB_UNKNOWN");
        assert_ne!(round % 3, 0, "an acknowledged blob is gone");
        let status = connection.get(&location);
        if status.status == 404 {
            continue;
        }
        let expected = format!("0-{}", size / 2 - 1);
        assert_eq!(status.header("range"), Some(&*expected), "{status:?}");
        let again = Request::put(&close).body(rest);
        connection.send(&again).expect_status(201);
    }
    assert!(whole >= 4, "{whole} blobs are whole");
}
