//! A server with rules, people and robots, and requests with their credentials.

use roadstead_tests::content::{Manifest, empty_index};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::people;
pub(crate) use roadstead_tests::people::{PASSWORD, basic};
use roadstead_tests::server::{self, Server};
use std::process::Output;

/// What most tests begin with: one corner for everybody, one for a team, and a tag that stays.
pub(crate) const RULES: &str = "\
access:
  rules:
    - {subjects: [anonymous], repositories: [\"public/**\"], actions: [pull]}
    - {subjects: [\"group:team-a\"], repositories: [\"team-a/**\"], actions: [pull, push]}
    - {subjects: [\"user:root\"], repositories: [\"**\"], actions: [\"*\", catalog]}
    - {subjects: [authenticated], repositories: [\"{user}/**\"], actions: [pull, push, catalog]}
    - {subjects: [\"user:ops\"], repositories: [\"team-a/**\"], tags: [\"v*\"], actions: [tag-overwrite], effect: deny}
";

/// A server whose users `ops` (of the group `team-a`) and `root` have [`PASSWORD`].
pub(crate) struct Guarded(pub(crate) Server);

impl Guarded {
    pub(crate) fn start() -> Self {
        Self::start_with(RULES)
    }

    /// Starts a server whose settings have rules for the two.
    pub(crate) fn start_with(yaml: &str) -> Self {
        let guarded = Self(Server::start_with(yaml));
        guarded.add_user("ops", &["--group", "team-a"]);
        guarded.add_user("root", &[]);
        guarded
    }

    /// Adds a user with [`PASSWORD`], while the server runs.
    pub(crate) fn add_user(&self, name: &str, more: &[&str]) {
        people::add_user(&self.0, name, more);
    }

    /// Runs a command that must succeed and returns what it prints.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        people::run(&self.0, arguments, "")
    }

    /// Runs a command that must succeed, without naming the configuration.
    pub(crate) fn run_plain(&self, arguments: &[&str]) -> String {
        let output = server::run(self.0.folder(), arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("is text")
    }

    /// Runs a command that prints a table, and returns the first columns of its lines, without the
    /// headings.
    pub(crate) fn columns(&self, arguments: &[&str], count: usize) -> Vec<String> {
        let text = self.run(arguments);
        let cut = |line: &str| {
            let cells: Vec<&str> = line.split_whitespace().take(count).collect();
            cells.join(" ")
        };
        text.lines().skip(1).map(cut).collect()
    }

    /// Runs a command on the running server.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        people::try_to_run(&self.0, arguments, input)
    }

    pub(crate) fn connect(&self) -> Connection {
        self.0.connect()
    }

    /// Sends a request with credentials.
    pub(crate) fn send(&self, credentials: &str, request: Request) -> Answer {
        let request = request.header("Authorization", credentials);
        self.connect().send(&request)
    }

    /// Asks for a token with these credentials, or without any, and returns it.
    pub(crate) fn token(&self, credentials: Option<&str>, scopes: &[&str]) -> String {
        let answer = self.ask_for_token(credentials, scopes);
        answer.expect_status(200);
        let body = answer.json();
        assert_eq!(body["token"], body["access_token"]);
        body["token"].as_str().expect("is text").to_owned()
    }

    /// Asks for a token.
    pub(crate) fn ask_for_token(&self, credentials: Option<&str>, scopes: &[&str]) -> Answer {
        let scopes: Vec<String> = scopes
            .iter()
            .map(|scope| format!("&scope={scope}"))
            .collect();
        let request = Request::get(format!("/token?service=roadstead{}", scopes.concat()));
        match credentials {
            Some(credentials) => self.send(credentials, request),
            None => self.connect().send(&request),
        }
    }

    /// Pushes a manifest without blobs under a tag, and returns the answer.
    pub(crate) fn push(
        &self,
        credentials: &str,
        repository: &str,
        tag: &str,
        text: &str,
    ) -> Answer {
        let manifest: Manifest = empty_index(text);
        let request = Request::put(format!("/v2/{repository}/manifests/{tag}"))
            .header("Content-Type", manifest.media_type)
            .body(&manifest.bytes);
        self.send(credentials, request)
    }

    /// Pulls a manifest, and returns the answer.
    pub(crate) fn pull(&self, credentials: &str, repository: &str, tag: &str) -> Answer {
        let request = Request::get(format!("/v2/{repository}/manifests/{tag}"));
        self.send(credentials, request)
    }
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Holds a refusal against what clients need of one: 401, one challenge, and the error in it.
#[track_caller]
pub(crate) fn assert_challenged(answer: &Answer, scope: Option<&str>, error: Option<&str>) {
    answer.expect_error(401, "UNAUTHORIZED");
    let challenges = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "www-authenticate");
    assert_eq!(challenges.count(), 1, "{answer:?}");
    let challenge = answer.expect_header("www-authenticate");
    assert!(
        challenge.starts_with("Bearer realm=\"http://registry.test/token\""),
        "{challenge}"
    );
    assert!(challenge.contains(",service=\"roadstead\""), "{challenge}");
    let parameter = |name: &str| {
        let (_, rest) = challenge.split_once(&format!(",{name}=\""))?;
        rest.split('"').next()
    };
    assert_eq!(parameter("scope"), scope, "{challenge}");
    assert_eq!(parameter("error"), error, "{challenge}");
}
