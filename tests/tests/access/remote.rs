//! The commands as clients: of a server at an address, of one over the socket, and of a store alone.

use crate::fixture::{Guarded, PASSWORD, basic};
use crate::tls_front::TlsFront;
use roadstead_tests::http::Request;
use roadstead_tests::s3_fake::{FakeOptions, S3Fake};
use roadstead_tests::server::{self, Server, write_file};
use roadstead_tests::waiting::wait_until;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;

/// Runs a command in an empty folder, with what a client has in its environment.
fn remote(server: &str, arguments: &[&str], login: &str, password: &str) -> Output {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    server::command(folder.path(), arguments)
        .env("ROADSTEAD_SERVER", server)
        .env("ROADSTEAD_LOGIN", login)
        .env("ROADSTEAD_LOGIN_PASSWORD", password)
        .output()
        .expect("the binary can be run")
}

fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("is text")
}

fn fails(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr.clone()).expect("is text")
}

/// Goes through all commands; `run` runs one and returns what it prints.
fn use_every_command(run: impl Fn(&[&str]) -> String) {
    let lines = |arguments: &[&str]| run(arguments).lines().count() - 1;
    let json_of = |arguments: &[&str]| -> Value {
        let text = run(&[arguments, &["--output", "json"]].concat());
        serde_json::from_str(&text).expect("is JSON")
    };
    assert_eq!(lines(&["user", "ls"]), 2);
    let made = json_of(&["user", "add", "new", "--group", "team-b"]);
    assert!(made["password"].is_string(), "{made}");
    assert_eq!(json_of(&["user", "ls"])[0]["groups"], json!(["team-b"]));
    run(&["user", "passwd", "new"]);
    run(&["group", "add", "team-c", "new"]);
    run(&["group", "rm", "team-b", "new"]);
    let groups = json_of(&["group", "ls"]);
    assert_eq!(groups[1], json!({"name": "team-c", "members": ["new"]}));

    let grant = ["--repositories", "team-b/**", "--actions", "pull,push"];
    let secret = run(&[&["robot", "create", "ci"], &grant[..]].concat());
    assert!(secret.starts_with("rsr_") && secret.lines().count() == 1);
    run(&["robot", "rotate", "ci", "--keep-old", "1h"]);
    let robots = json_of(&["robot", "ls"]);
    assert_eq!(robots[0]["secrets"].as_array().map(Vec::len), Some(2));
    run(&["robot", "rm", "ci"]);

    let arguments = ["token", "create", "--user", "new", "--label", "laptop"];
    run(&[&arguments[..], &grant[..]].concat());
    let tokens = json_of(&["token", "ls", "--user", "new"]);
    let id = tokens[0]["id"].as_str().expect("has an id");
    run(&["token", "rm", "--user", "new", id]);
    assert_eq!(lines(&["token", "ls", "--user", "new"]), 0);

    let before = lines(&["access", "rules"]);
    let of = ["--subjects", "user:new", "--repositories", "team-c/**"];
    let id = run(&[&["access", "allow"], &of[..], &["--actions", "push"]].concat());
    let explain = ["access", "explain", "--as", "new", "--action", "push"];
    let explained = run(&[&explain[..], &["team-c/app:1"]].concat());
    assert!(
        explained.starts_with("yes: allowed by rule 6: {"),
        "{explained}"
    );
    let tags = ["--tags", "v*", "--actions", "push"];
    let denied = run(&[&["access", "deny"], &of[..], &tags].concat());
    let explained = json_of(&[&explain[..], &["team-c/app:v1"]].concat());
    assert_eq!(explained["reason"], "denied by rule 7");
    assert_eq!(lines(&["access", "rules"]), before + 2);
    run(&["access", "remove", id.trim()]);
    run(&["access", "remove", denied.trim()]);
    assert_eq!(lines(&["access", "rules"]), before);
    run(&["access", "rotate-keys", "--drop-old"]);

    assert_eq!(
        json_of(&["repo", "ls"]),
        json!([{"name": "a/app"}, {"name": "b/app"}])
    );
    assert_eq!(run(&["repo", "ls", "--limit", "1"]), "REPOSITORY\na/app\n");
    assert_eq!(json_of(&["tag", "ls", "a/app"])[0]["name"], "1");
    assert_eq!(lines(&["tag", "history", "a/app:1"]), 2);
    run(&["tag", "rm", "a/app:1"]);
    assert_eq!(lines(&["tag", "ls", "a/app"]), 0);
    wait_until("it is told who removed the tag", || {
        json_of(&["tag", "history", "a/app:1"])[0]["ended"]["how"] == "deleted"
    });
    restore_what_was_deleted(&run, json_of);
    let uploads = json_of(&["upload", "ls"]);
    let id = uploads[0]["id"].as_str().expect("has an id");
    run(&["upload", "abort", id]);
    assert_eq!(lines(&["upload", "ls"]), 0);
    run(&["user", "rm", "new"]);
}

/// Brings back the tag `a/app:1`, which was removed and had two values.
fn restore_what_was_deleted(run: impl Fn(&[&str]) -> String, json_of: impl Fn(&[&str]) -> Value) {
    let digest_of = |value: &Value| value["digest"].as_str().expect("has a digest").to_owned();
    let deleted = json_of(&["tag", "ls", "--deleted", "a/app"]);
    assert_eq!(deleted[0]["name"], "1");
    assert_eq!(deleted[0]["restorable"]["state"], "live");
    let last = digest_of(&deleted[0]);
    let told = run(&["tag", "restore", "a/app:1"]);
    assert_eq!(told, format!("a/app:1 names {last} (was deleted)\n"));
    assert_eq!(json_of(&["tag", "ls", "--deleted", "a/app"]), json!([]));
    let first = digest_of(&json_of(&["tag", "history", "a/app:1"])[2]);
    assert_ne!(first, last);
    let restored = json_of(&["tag", "restore", "a/app:1", "--digest", &first]);
    assert_eq!(
        restored,
        json!({"digest": first, "before": last, "restored": []})
    );
    let target = format!("a/app@{last}");
    let told = run(&["manifest", "restore", &target, "--tag", "2"]);
    assert_eq!(told, format!("a/app has {last} as 2\n"));
    assert_eq!(digest_of(&json_of(&["tag", "ls", "a/app"])[1]), last);
    assert_eq!(
        json_of(&["manifest", "ls", "--deleted", "a/app"]),
        json!([])
    );
}

/// A server with something in it.
fn filled() -> Guarded {
    let guarded = Guarded::start();
    let root = basic("root", PASSWORD);
    for (name, text) in [("a/app", "one"), ("a/app", "two"), ("b/app", "one")] {
        guarded.push(&root, name, "1", text).expect_status(201);
    }
    let upload = Request::post("/v2/a/app/blobs/uploads/");
    guarded.send(&root, upload).expect_status(202);
    guarded
}

#[test]
fn every_command_works_on_a_server_at_an_address() {
    let guarded = filled();
    let server = format!("http://{}", guarded.0.address());
    use_every_command(|arguments| succeeds(&remote(&server, arguments, "root", PASSWORD)));
}

#[test]
fn every_command_works_on_a_running_server_of_this_machine() {
    let guarded = filled();
    use_every_command(|arguments| guarded.run(arguments));
}

#[test]
fn every_command_works_on_a_store_that_no_server_has_open() {
    let mut guarded = filled();
    guarded.0.terminate();
    guarded.0.wait();
    use_every_command(|arguments| guarded.run(arguments));
}

#[test]
fn a_server_at_an_address_wants_the_right_to_administer() {
    let guarded = Guarded::start();
    let server = format!("http://{}", guarded.0.address());
    let refused = |login: &str, password: &str| {
        fails(&remote(&server, &["user", "rm", "ops"], login, password))
    };
    assert_eq!(
        refused("ops", PASSWORD),
        "roadstead: this user of the server has no right to administer it, or a rule denies it\n"
    );
    assert_eq!(
        refused("root", "wrong"),
        "roadstead: the server does not know the name or the password of --login\n"
    );
    assert!(refused("", PASSWORD).contains("--login"));
    assert!(refused("root", "").contains("ROADSTEAD_LOGIN_PASSWORD"));
    assert_eq!(guarded.columns(&["user", "ls"], 1), ["ops", "root"]);
}

#[test]
fn a_password_comes_from_a_file_or_the_standard_input() {
    let guarded = Guarded::start();
    let server = format!("http://{}", guarded.0.address());
    let folder = guarded.0.folder();
    write_file(&folder.join("password"), format!("{PASSWORD}\n").as_bytes());
    let arguments = ["user", "ls", "--server", &server, "--login", "root"];
    let from = |file: &str| {
        let arguments = [&arguments[..], &["--login-password-file", file]].concat();
        let mut command = server::command(folder, &arguments);
        let input = std::fs::File::open(folder.join("password")).expect("is there");
        command
            .stdin(input)
            .output()
            .expect("the binary can be run")
    };
    assert_eq!(succeeds(&from("password")).lines().count(), 3);
    assert_eq!(succeeds(&from("-")).lines().count(), 3);
    assert!(fails(&from("nothing")).contains("cannot read the password from nothing"));
}

#[test]
fn a_server_reads_no_variable_of_its_clients_as_a_setting() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let output = server::command(folder.path(), &["config", "print"])
        .env("ROADSTEAD_SERVER", "https://registry.example.com")
        .env("ROADSTEAD_LOGIN_PASSWORD", PASSWORD)
        .output()
        .expect("the binary can be run");
    assert!(!succeeds(&output).contains(PASSWORD));
}

#[test]
fn a_password_goes_over_plain_http_to_this_machine_alone() {
    for server in ["http://192.0.2.1:5000", "http://registry.example.com"] {
        let told = fails(&remote(server, &["user", "ls"], "root", PASSWORD));
        assert!(told.contains("--allow-plain-http"), "{told}");
        assert!(!told.contains(PASSWORD), "{told}");
    }
    for server in [
        "",
        "registry.example.com",
        "https://a/b",
        "ftp://a",
        "https://root:x@a",
    ] {
        let output = remote("", &["user", "ls", "--server", server], "root", PASSWORD);
        assert!(!output.status.success(), "{server}");
    }
}

#[test]
fn a_server_behind_tls_is_known_by_its_certificate() {
    let guarded = Guarded::start();
    let front = TlsFront::start(guarded.0.address());
    let server = format!("https://localhost:{}", front.port());
    let authority = front.authority();
    let list = |more: &[&str]| {
        let arguments = [&["user", "ls"], more].concat();
        remote(&server, &arguments, "root", PASSWORD)
    };
    let trusted = authority.to_str().expect("is text");
    assert_eq!(succeeds(&list(&["--ca-file", trusted])).lines().count(), 3);
    let told = fails(&list(&[]));
    assert!(told.contains("certificate"), "{told}");
    let elsewhere = format!("https://127.0.0.2:{}", front.port());
    let arguments = ["user", "ls", "--ca-file", trusted];
    let told = fails(&remote(&elsewhere, &arguments, "root", PASSWORD));
    assert!(told.contains("certificate"), "{told}");
    let told = fails(&list(&["--ca-file", "/nothing"]));
    assert!(
        told.contains("cannot read certificates from /nothing"),
        "{told}"
    );
}

#[test]
fn the_socket_is_for_the_owner_and_speaks_http() {
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    let guarded = Guarded::start();
    let folder = guarded.0.data_folder().join("admin");
    let mode = |path: &Path| path.metadata().expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut stream = UnixStream::connect(folder.join("socket")).expect("somebody listens");
    let request = "GET /api/v1/users?n=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("is text");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"next\":\"ops\""), "{answer}");
    // Nothing but administration is there.
    let mut stream = UnixStream::connect(folder.join("socket")).expect("somebody listens");
    let request = "GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("is text");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[test]
fn a_rule_that_one_command_stores_is_kept_by_every_replica_within_seconds() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    let options = FakeOptions {
        buckets: vec!["registry".to_owned()],
        ..FakeOptions::default()
    };
    let fake = runtime
        .block_on(S3Fake::start(options))
        .expect("a port is free");
    let secret = tempfile::NamedTempFile::new().expect("there is room for a file");
    write_file(secret.path(), fake.options().secret_key.as_bytes());
    let yaml = format!(
        "storage: {{s3: {{bucket: registry, region: eu-central-1, endpoint: \"{}\", path_style: \
         true, access_key: {}, secret_key: '${{file:{}}}'}}}}\n{}",
        fake.endpoint(),
        fake.options().access_key,
        secret.path().display(),
        crate::fixture::RULES,
    );
    let first = Guarded(Server::start_with(&yaml));
    first.add_user("ops", &["--group", "team-a"]);
    let second = Guarded(Server::start_with(&yaml));
    let ops = basic("ops", PASSWORD);
    let push = |at: &Guarded| at.push(&ops, "team-d/app", "1", "x").status;
    assert_eq!((push(&first), push(&second)), (403, 403));
    let of = [
        "--subjects",
        "user:ops",
        "--repositories",
        "team-d/**",
        "--actions",
        "push",
    ];
    // This command has the bucket open itself: there is no socket.
    first.run(&[&["access", "allow"], &of[..]].concat());
    for at in [&first, &second] {
        wait_until("the replica goes by the rule", || push(at) == 201);
    }
    first.run(&[&["access", "deny"], &of[..]].concat());
    for at in [&first, &second] {
        wait_until("the replica goes by the denial", || push(at) == 403);
    }
}
