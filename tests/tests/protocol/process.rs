//! The process around the protocol: how it stops, and what it says when it cannot start.

use roadstead_tests::content::{random_bytes, sha256};
use roadstead_tests::http::Request;
use roadstead_tests::server::{Server, run, write_file};
use rustix::fs::{Mode, chmod};
use std::net::TcpStream;
use std::process::Output;

/// Returns what a command that failed has said: one sentence.
#[track_caller]
fn sentence(output: &Output, exit_code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(exit_code), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("roadstead: "), "{text}");
    text
}

#[test]
fn a_signal_lets_downloads_and_uploads_in_flight_end() {
    let mut server = Server::start();
    let content = random_bytes(8_000_000);
    let digest = server.connect().push_blob("a", &content);
    let location = server.connect().start_upload("a");
    let mut download = server.connect();
    download.write(&Request::get(format!("/v2/a/blobs/{digest}")).to_bytes());
    let start = download.read_exactly(1000);
    let mut upload = server.connect();
    let target = format!("{location}?digest={}", sha256(b"halves"));
    let head = format!(
        "PUT {target} HTTP/1.1\r\nHost: registry.test\r\nContent-Length: 6\r\n\
         Expect: 100-continue\r\n\r\n"
    );
    upload.write(head.as_bytes());
    // The word to go on shows that the request has been taken.
    let word = b"HTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(upload.read_exactly(word.len()), word);
    upload.write(b"hal");
    server.terminate();
    server
        .log()
        .wait_for("that it stops", |line| line["signal"] == "SIGTERM");
    while TcpStream::connect(server.address()).is_ok() {
        std::thread::yield_now();
    }

    upload.write(b"ves");
    upload.read_answer(false).expect_status(201);
    let rest = download.read_to_end();
    let whole = [start, rest].concat();
    assert!(whole.ends_with(&content), "the download was cut");
    assert_eq!(server.wait().code(), Some(0));

    server.start_again();
    let blob = server
        .connect()
        .get(format!("/v2/a/blobs/{}", sha256(b"halves")));
    assert_eq!(blob.body, b"halves");
}

#[test]
fn a_request_that_does_not_end_is_cut_when_its_time_is_over() {
    let mut server = Server::start_with("timeouts: {shutdown: 1s}");
    let location = server.connect().start_upload("a");
    let mut upload = server.connect();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: registry.test\r\nContent-Length: 1000\r\n\
         Expect: 100-continue\r\n\r\n"
    );
    upload.write(head.as_bytes());
    let word = b"HTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(upload.read_exactly(word.len()), word);
    upload.write(b"some bytes");
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    server.start_again();
    let range = server.connect().upload_range(&location);
    assert!(matches!(&*range, "0-9" | "0--1"), "{range}");
}

#[test]
fn a_killed_server_leaves_its_folder_to_the_next() {
    let mut server = Server::start();
    let second = run(server.folder(), &["serve", "--listen", "127.0.0.1:0"]);
    let text = sentence(&second, 1);
    assert!(
        text.contains("another server has the data folder"),
        "{text}"
    );
    server.connect().assert_usable();
    server.kill();
    server.start_again();
    server.connect().assert_usable();
}

#[test]
fn a_taken_port_is_one_sentence_that_names_the_way_out() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let address = server.address().to_string();
    let output = run(folder.path(), &["serve", "--listen", &address]);
    let text = sentence(&output, 1);
    assert!(
        text.contains(&address) && text.contains("already in use"),
        "{text}"
    );
    assert!(text.contains("--listen"), "{text}");
}

#[test]
fn a_folder_that_cannot_be_written_is_one_sentence_that_names_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    write_file(&file, b"");
    let locked = folder.path().join("locked");
    std::fs::create_dir(&locked).expect("a folder can be made");
    chmod(&locked, Mode::RUSR | Mode::XUSR).expect("a folder can be locked");
    let mut places = vec![
        "file".to_owned(),
        "file/below".to_owned(),
        "/proc/roadstead".to_owned(),
    ];
    // Whoever may do anything is not stopped by a locked folder.
    if !rustix::process::geteuid().is_root() {
        places.push("locked".to_owned());
    }
    for place in places {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", &place];
        let text = sentence(&run(folder.path(), &arguments), 1);
        // What is in the way is named: the folder, or a file above it.
        let in_the_way = place.split("/below").next();
        assert!(in_the_way.is_some_and(|name| text.contains(name)), "{text}");
    }
}

#[test]
fn a_disk_below_the_reserve_is_one_sentence_that_names_the_setting() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("roadstead.yaml");
    write_file(
        &file,
        b"listen: 127.0.0.1:0\nstorage: {local: {reserve: 1000TiB}}\n",
    );
    let text = sentence(
        &run(folder.path(), &["serve", "--config", "roadstead.yaml"]),
        1,
    );
    assert!(text.contains("storage.local.reserve"), "{text}");
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest_right_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("roadstead.yaml");
    write_file(&file, b"listen: 127.0.0.1:0\nlimits:\n  manifst: 4MiB\n");
    for arguments in [
        &["serve", "--config", "roadstead.yaml"][..],
        &["config", "check", "roadstead.yaml"],
    ] {
        let text = sentence(&run(folder.path(), arguments), 2);
        assert!(text.contains("roadstead.yaml:3:3"), "{text}");
        assert!(text.contains("limits.manifst"), "{text}");
        assert!(text.contains("did you mean `manifest`?"), "{text}");
    }
}
