//! Commands, messages, exit codes, signals.

use crate::process::{Server, folder_with, roadstead, run, text, write};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

#[test]
fn help_teaches_by_examples() {
    let folder = tempfile::tempdir().expect("temporary folder");
    for arguments in [&["--help"][..], &["serve", "--help"]] {
        let output = run(folder.path(), arguments);
        assert!(output.status.success());
        assert!(text(&output.stdout).contains("roadstead serve --config /etc/roadstead.yaml"));
    }
    let version = text(&run(folder.path(), &["--version"]).stdout);
    assert_eq!(
        version,
        format!("roadstead {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_valid_file_is_called_valid_with_its_warnings() {
    let folder = folder_with("storage: {memory: {}}\n");
    let output = run(folder.path(), &["config", "check", "roadstead.yaml"]);
    assert!(output.status.success());
    let expected = "roadstead.yaml is valid\n\
                    warning: storage.memory: everything is gone when the server ends\n";
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn every_mistake_of_a_file_is_told_on_a_line_of_its_own() {
    let folder = folder_with("storage:\n  locl: {path: /x}\nworkers: none\n");
    let output = run(folder.path(), &["config", "check", "roadstead.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), 2, "{message}");
    let expected =
        "roadstead: roadstead.yaml:2:3: unknown key `storage.locl`; did you mean `local`?";
    assert_eq!(lines.first(), Some(&expected));
    assert!(message.contains("roadstead.yaml:3:10: workers: `none` is not a whole number"));
}

#[test]
fn the_printed_configuration_is_one_that_loads() {
    let folder = folder_with("limits: {manifest: 1MiB}\n");
    let print = |file: &str| {
        let output = roadstead(folder.path(), &["config", "print", "--config", file])
            .env("ROADSTEAD_WORKERS", "3")
            .output()
            .expect("the binary runs");
        assert!(output.status.success());
        text(&output.stdout)
    };
    let printed = print("roadstead.yaml");
    assert!(printed.contains("  manifest: 1MiB\n"), "{printed}");
    assert!(printed.contains("workers: 3\n"), "{printed}");
    write(&folder.path().join("again.yaml"), &printed);
    assert_eq!(print("again.yaml"), printed);
}

#[test]
fn a_wrong_option_of_serve_is_told_by_its_name() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let output = run(folder.path(), &["serve", "--listen", ":5000"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "roadstead: option --listen: listen: `:5000` has no address; write \
                    127.0.0.1:5000 for this machine alone or 0.0.0.0:5000 for everybody\n";
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn a_taken_port_is_one_sentence_and_leaves_no_folder_behind() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = run(folder.path(), &["serve", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "roadstead: cannot listen on {address}: the address is already in use by another process; \
         choose another with --listen\n"
    );
    assert_eq!(text(&output.stderr), expected);
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_taken_port_of_the_admin_listener_is_told_by_its_setting() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = roadstead(folder.path(), &["serve", "--listen", "127.0.0.1:0"])
        .env("ROADSTEAD_ADMIN__LISTEN", &address)
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(
        message.ends_with("choose another with the setting admin.listen\n"),
        "{message}"
    );
}

#[test]
fn a_started_server_answers_its_clients_and_its_operators() {
    let folder = folder_with("storage: {memory: {}}\nadmin: {listen: \"127.0.0.1:0\"}\n");
    let arguments = ["serve", "--config", "roadstead.yaml"];
    let (_server, line) = Server::start(folder.path(), &arguments);
    let answer = ask(
        address_in(&line),
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

/// Returns the address behind the first `http://` of a text.
fn address_in(text: &str) -> &str {
    let (_, after) = text.split_once("http://").expect("names an address");
    after
        .split(' ')
        .next()
        .map_or(after, |address| address.trim_end_matches(['.', '\n']))
}

/// Sends a request and returns the whole answer.
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("answers");
    stream.write_all(request.as_bytes()).expect("can be sent");
    read_all(stream)
}

fn read_all(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("is text");
    answer
}

#[test]
fn a_signal_stops_the_server_without_an_error() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = folder_with("storage: {memory: {}}\n");
        let (mut server, line) =
            Server::start(folder.path(), &["serve", "--config", "roadstead.yaml"]);
        assert!(line.contains("listens on http://127.0.0.1:"), "{line}");
        assert!(line.contains("keeps its data in memory"), "{line}");
        server.send(signal);
        assert_eq!(server.exit_code(), Some(0));
    }
}

#[test]
fn a_request_in_flight_ends_before_the_server_does() {
    let folder = folder_with("storage: {memory: {}}\n");
    let (mut server, line) = Server::start(folder.path(), &["serve", "--config", "roadstead.yaml"]);
    let address = address_in(&line);
    let head = |method: &str, path: &str, length: usize| {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    let opened = ask(address, &head("POST", "/v2/a/blobs/uploads/", 0));
    let location = opened
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    let mut upload = TcpStream::connect(address).expect("answers");
    let request = head("PATCH", location.expect("has a location"), 10);
    let request = request.replacen("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1);
    upload.write_all(request.as_bytes()).expect("can be sent");
    // This shows that the request has been taken.
    let mut taken = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    upload.read_exact(&mut taken).expect("is asked for more");
    assert_eq!(taken, *b"HTTP/1.1 100 Continue\r\n\r\n");
    upload.write_all(b"12345").expect("can be sent");
    server.send(Signal::TERM);
    while TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    upload.write_all(b"67890").expect("can be sent");
    let answer = read_all(upload);
    assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_folder_that_another_server_has_is_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (mut server, line) = Server::start(folder.path(), &["serve"]);
    let data = folder.path().canonicalize().expect("is there").join("data");
    assert!(
        line.ends_with(&format!("keeps its data in {}.\n", data.display())),
        "{line}"
    );
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    let output = roadstead(folder.path(), &listen)
        .env("ROADSTEAD_ADMIN__LISTEN", "off")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    let expected = "roadstead: another server has the data folder ./data open; choose another with \
                    --data\n";
    assert_eq!(text(&output.stderr), expected);
    server.send(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_folder_that_cannot_be_made_is_one_sentence() {
    let folder = folder_with("");
    let output = roadstead(folder.path(), &["serve", "--data", "roadstead.yaml/data"])
        .env("ROADSTEAD_LISTEN", "127.0.0.1:0")
        .env("ROADSTEAD_ADMIN__LISTEN", "off")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    // The part of the path that is in the way is the one that is named.
    let start = "roadstead: cannot make the data folder roadstead.yaml: ";
    assert!(message.starts_with(start), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn a_disk_below_the_reserve_is_one_sentence() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let output = roadstead(folder.path(), &["serve"])
        .env("ROADSTEAD_LISTEN", "127.0.0.1:0")
        .env("ROADSTEAD_ADMIN__LISTEN", "off")
        .env("ROADSTEAD_STORAGE__LOCAL__RESERVE", "1PiB")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(
        message.starts_with("roadstead: the disk of the data folder ./data has "),
        "{message}"
    );
    assert!(
        message.ends_with("lower storage.local.reserve\n"),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn a_check_of_the_storage_shows_what_was_tried() {
    let folder = folder_with("storage: {memory: {}}\n");
    for (arguments, why) in [
        (&["--config", "roadstead.yaml"][..], "the memory is its own"),
        (&["--data", "elsewhere"], "it locks the data folder"),
    ] {
        let output = run(folder.path(), &[&["storage", "check"], arguments].concat());
        let table = text(&output.stdout);
        assert!(output.status.success(), "{table}{}", text(&output.stderr));
        let (trials, consequences) = table.split_once("\n\n").expect("has two parts");
        assert!(trials.lines().count() >= 5, "{table}");
        assert!(
            trials.lines().all(|line| line.starts_with("ok ")),
            "{table}"
        );
        let told = format!("Roadstead   serves with one server alone: {why}\n");
        assert_eq!(consequences, told);
    }
    assert!(folder.path().join("elsewhere").is_dir());
}
