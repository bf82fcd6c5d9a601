//! Certificates of clients: who is let in, and as whom.

use crate::authority::{Authority, Issued};
use crate::client::{Secured, TlsConnection, Trust};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use roadstead_tests::content::empty_index;
use roadstead_tests::http::{Answer, Request};
use roadstead_tests::people::{PASSWORD, add_user, basic, run};
use roadstead_tests::server::write_file;
use rustls::version::TLS12;

const AUTHORITIES: &str = "clients.crt";
const RULES: &str = "\
access:
  rules:
    - {subjects: [anonymous], repositories: [\"public/**\"], actions: [pull]}
    - {subjects: [\"group:nodes\"], repositories: [\"**\"], actions: [pull]}
    - {subjects: [\"group:team-a\"], repositories: [\"team-a/**\"], actions: [pull, push]}
    - {subjects: [\"user:root\"], repositories: [\"**\"], actions: [pull, push]}
    - {subjects: [authenticated], repositories: [\"{user}/**\"], actions: [pull, push]}
";

/// A server that asks for certificates, which an authority of their own signs.
struct Mutual {
    secured: Secured,
    clients: Authority,
}

impl Mutual {
    fn start(is_required: bool) -> Self {
        Self::start_with(is_required, RULES)
    }

    fn start_with(is_required: bool, rules: &str) -> Self {
        let clients = Authority::new();
        let yaml = format!(
            "\
tls:
  certificate: server.crt
  key: server.key
  client_certificates:
    ca: {AUTHORITIES}
    required: {is_required}
    identities:
      - {{dns: \"*.nodes.test\", subject: \"group:nodes\"}}
      - {{uri: \"spiffe://test/robot/{{user}}\", subject: \"robot:{{user}}\"}}
      - {{email: \"{{user}}@example.com\", subject: \"user:{{user}}\"}}
      - {{common_name: the root, subject: \"user:root\"}}
{rules}"
        );
        let own = clients.certificate_pem();
        let secured = Secured::start_with(&yaml, &[(AUTHORITIES, &own)]);
        Self { secured, clients }
    }

    /// Signs a certificate for a client.
    fn issue(&self, edit: impl FnOnce(&mut CertificateParams)) -> Issued {
        issue(&self.clients, edit)
    }

    fn connect(&self, own: Option<&Issued>) -> std::io::Result<TlsConnection> {
        let trust = Trust::in_authority(&self.secured.authority);
        TlsConnection::open(self.secured.server.address(), trust.config_as(own))
    }

    fn send(&self, own: &Issued, request: &Request) -> Answer {
        let connection = self.connect(Some(own));
        connection.expect("the handshake succeeds").send(request)
    }

    fn push(&self, own: &Issued, repository: &str) -> u16 {
        self.send(own, &put(repository)).status
    }

    fn pull(&self, own: &Issued, repository: &str) -> u16 {
        let target = format!("/v2/{repository}/manifests/tag");
        self.send(own, &Request::get(target)).status
    }

    /// Tells whether a client gets as far as an answer. With TLS 1.3 a refusal comes after the
    /// handshake, as far as the client is concerned.
    fn lets_in(&self, own: Option<&Issued>) -> bool {
        let Ok(mut connection) = self.connect(own) else {
            return false;
        };
        matches!(connection.try_send(&Request::get("/v2/")), Ok(Some(_)))
    }
}

fn issue(authority: &Authority, edit: impl FnOnce(&mut CertificateParams)) -> Issued {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.remove(DnType::CommonName);
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    edit(&mut parameters);
    authority.sign(&parameters)
}

fn put(repository: &str) -> Request {
    let manifest = empty_index(repository);
    Request::put(format!("/v2/{repository}/manifests/tag"))
        .header("Content-Type", manifest.media_type)
        .body(&manifest.bytes)
}

fn email(text: &str) -> impl FnOnce(&mut CertificateParams) {
    let name = SanType::Rfc822Name(text.try_into().expect("is ASCII"));
    |parameters| parameters.subject_alt_names.push(name)
}

fn uri(text: &str) -> impl FnOnce(&mut CertificateParams) {
    let name = SanType::URI(text.try_into().expect("is ASCII"));
    |parameters| parameters.subject_alt_names.push(name)
}

fn dns(text: &str) -> impl FnOnce(&mut CertificateParams) {
    let name = SanType::DnsName(text.try_into().expect("is ASCII"));
    |parameters| parameters.subject_alt_names.push(name)
}

fn common_name(text: &str) -> impl FnOnce(&mut CertificateParams) {
    move |parameters| parameters.distinguished_name.push(DnType::CommonName, text)
}

#[test]
fn a_certificate_is_a_user_a_robot_or_a_member_of_a_group() {
    let mutual = Mutual::start(false);
    let server = &mutual.secured.server;
    add_user(server, "ops", &["--group", "team-a"]);
    add_user(server, "root", &[]);
    let grants = [
        "robot",
        "create",
        "ci",
        "--repositories",
        "built/**",
        "--actions",
        "pull,push",
    ];
    let _ = run(server, &grants, "");

    let ops = mutual.issue(email("ops@example.com"));
    assert_eq!(mutual.push(&ops, "team-a/app"), 201);
    assert_eq!(mutual.push(&ops, "ops/own"), 201);
    assert_eq!(mutual.push(&ops, "team-b/app"), 401);
    let root = mutual.issue(common_name("the root"));
    assert_eq!(mutual.push(&root, "team-b/app"), 201);
    let ci = mutual.issue(uri("spiffe://test/robot/ci"));
    assert_eq!(mutual.push(&ci, "built/app"), 201);
    assert_eq!(mutual.push(&ci, "team-a/app"), 401);
    let node = mutual.issue(dns("Seven.nodes.test"));
    assert_eq!(mutual.pull(&node, "team-b/app"), 200);
    assert_eq!(mutual.push(&node, "team-b/app"), 401);
}

#[test]
fn a_certificate_that_is_nobodys_and_none_are_as_anonymous() {
    let mutual = Mutual::start(false);
    add_user(&mutual.secured.server, "root", &[]);
    let root = mutual.issue(common_name("the root"));
    assert_eq!(mutual.push(&root, "public/app"), 201);
    assert_eq!(mutual.push(&root, "team-a/app"), 201);
    for nobody in [
        mutual.issue(|_| ()),
        mutual.issue(common_name("ops")),
        mutual.issue(common_name("THE ROOT")),
        mutual.issue(dns("the.root")),
        mutual.issue(dns("nodes.test")),
        mutual.issue(dns("a.b.nodes.test")),
        mutual.issue(dns("a.nodes.test.evil.test")),
        // There is no such user, and no such robot.
        mutual.issue(email("ghost@example.com")),
        mutual.issue(uri("spiffe://test/robot/root")),
        mutual.issue(email("root@example.com@evil.test")),
        mutual.issue(uri("spiffe://test/robot/../root")),
    ] {
        assert_eq!(mutual.pull(&nobody, "public/app"), 200);
        assert_eq!(mutual.pull(&nobody, "team-a/app"), 401);
        assert_eq!(mutual.push(&nobody, "public/app"), 401);
    }
    let mut bare = mutual.connect(None).expect("nobody is asked to");
    bare.get("/v2/public/app/manifests/tag").expect_status(200);
    bare.get("/v2/team-a/app/manifests/tag").expect_status(401);
}

#[test]
fn credentials_of_a_request_go_over_the_certificate() {
    let mutual = Mutual::start(false);
    let server = &mutual.secured.server;
    add_user(server, "ops", &["--group", "team-a"]);
    add_user(server, "root", &[]);
    let root = mutual.issue(common_name("the root"));
    let as_ops = put("team-b/app").header("Authorization", basic("ops", PASSWORD));
    mutual.send(&root, &as_ops).expect_status(403);
    let wrong = put("team-b/app").header("Authorization", basic("ops", "wrong"));
    mutual.send(&root, &wrong).expect_status(401);
    let broken = put("team-b/app").header("Authorization", "Bearer nonsense");
    mutual.send(&root, &broken).expect_status(401);
}

#[test]
fn a_token_is_made_for_whoever_the_certificate_is() {
    let mutual = Mutual::start(false);
    add_user(&mutual.secured.server, "ops", &["--group", "team-a"]);
    let ops = mutual.issue(email("ops@example.com"));
    // Clients that begin with the ping learn that they may ask for a token.
    let ping = mutual.send(&ops, &Request::get("/v2/"));
    ping.expect_error(401, "UNAUTHORIZED");
    for (own, repository) in [
        (&ops, "team-a/app"),
        (&mutual.issue(dns("a.nodes.test")), "ops/b"),
    ] {
        let ask = format!("/token?service=roadstead&scope=repository:{repository}:pull");
        let answer = mutual.send(own, &Request::get(ask));
        answer.expect_status(200);
        let token = answer.json()["token"].as_str().expect("is text").to_owned();
        let bearer = format!("Bearer {token}");
        let pull = Request::get(format!("/v2/{repository}/manifests/tag"));
        let pull = pull.header("Authorization", &bearer);
        // It holds on a connection without the certificate, too.
        let mut bare = mutual.connect(None).expect("nobody is asked to");
        bare.send(&pull).expect_status(404);
        let push = put(repository).header("Authorization", &bearer);
        bare.send(&push).expect_status(401);
    }
}

#[test]
fn a_user_who_is_removed_is_nobody_at_once() {
    let mutual = Mutual::start(false);
    let server = &mutual.secured.server;
    add_user(server, "ops", &["--group", "team-a"]);
    let ops = mutual.issue(email("ops@example.com"));
    let mut open = mutual.connect(Some(&ops)).expect("the handshake succeeds");
    open.send(&put("team-a/app")).expect_status(201);
    let _ = run(server, &["user", "rm", "ops"], "");
    open.send(&put("team-a/app")).expect_status(401);
}

#[test]
fn where_certificates_are_required_nobody_comes_without_one_of_somebody() {
    let mutual = Mutual::start(true);
    let server = &mutual.secured.server;
    add_user(server, "ops", &["--group", "team-a"]);
    assert!(!mutual.lets_in(None));
    let ops = mutual.issue(email("ops@example.com"));
    assert_eq!(mutual.push(&ops, "team-a/app"), 201);

    let stranger = mutual.issue(email("ghost@example.com"));
    let basic = basic("ops", PASSWORD);
    for request in [
        Request::get("/v2/"),
        Request::get("/v2/public/app/manifests/tag"),
        Request::get("/v2/").header("Authorization", &basic),
        Request::get("/v2/").header("Authorization", "Bearer nonsense"),
        Request::get("/token?service=roadstead"),
        Request::get("/token?service=roadstead").header("Authorization", &basic),
        Request::post("/token")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(
                b"grant_type=password&service=roadstead&username=ops&password=correct%3A%20horse",
            ),
    ] {
        let answer = mutual.send(&stranger, &request);
        answer.expect_error(403, "DENIED");
    }
}

#[test]
fn certificates_that_are_not_good_are_refused_in_the_handshake() {
    let mutual = Mutual::start(false);
    add_user(&mutual.secured.server, "ops", &[]);
    assert!(mutual.lets_in(Some(&mutual.issue(email("ops@example.com")))));

    let stranger = issue(&Authority::new(), email("ops@example.com"));
    let ended = mutual.issue(|parameters| {
        email("ops@example.com")(parameters);
        parameters.not_before = date_time_ymd(2001, 1, 1);
        parameters.not_after = date_time_ymd(2002, 1, 1);
    });
    let to_come = mutual.issue(|parameters| {
        email("ops@example.com")(parameters);
        parameters.not_before = date_time_ymd(3001, 1, 1);
        parameters.not_after = date_time_ymd(3002, 1, 1);
    });
    let of_a_server = mutual.issue(|parameters| {
        email("ops@example.com")(parameters);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let by_the_servers_authority = issue(&mutual.secured.authority, email("ops@example.com"));
    for (what, bad) in [
        ("foreign", stranger),
        ("ended", ended),
        ("to come", to_come),
        ("of a server", of_a_server),
        ("of the server's authority", by_the_servers_authority),
    ] {
        assert!(!mutual.lets_in(Some(&bad)), "{what}");
        // Before TLS 1.3 the client hears of it within the handshake.
        let trust = Trust {
            versions: vec![&TLS12],
            ..Trust::in_authority(&mutual.secured.authority)
        };
        let address = mutual.secured.server.address();
        assert!(
            TlsConnection::open(address, trust.config_as(Some(&bad))).is_err(),
            "{what}"
        );
    }
    assert!(mutual.lets_in(None));
}

#[test]
fn other_authorities_hold_for_new_connections() {
    let mutual = Mutual::start(false);
    let server = &mutual.secured.server;
    add_user(server, "ops", &["--group", "team-a"]);
    let ops = mutual.issue(email("ops@example.com"));
    assert_eq!(mutual.push(&ops, "team-a/app"), 201);

    let others = Authority::new();
    let path = server.folder().join(AUTHORITIES);
    write_file(&path, others.certificate_pem().as_bytes());
    server.hang_up();
    server.log().wait_for("the change", |line| {
        let text = line["message"].as_str();
        text.is_some_and(|text| text.starts_with("new connections get"))
    });
    assert!(!mutual.lets_in(Some(&ops)));
    let ops = issue(&others, email("ops@example.com"));
    assert_eq!(mutual.push(&ops, "team-a/app"), 201);
}

#[test]
fn what_contradicts_itself_is_a_mistake_of_the_configuration() {
    let folder = tempfile::tempdir().expect("there is room");
    let files = "certificate: a.crt, key: a.key";
    for (yaml, part) in [
        (
            format!("tls: {{{files}, client_certificates: {{required: true}}}}"),
            "tls.client_certificates.ca: is missing",
        ),
        (
            "tls: {client_certificates: {ca: a.crt}}".to_owned(),
            "tls.client_certificates.ca: needs TLS",
        ),
        (
            format!(
                "tls: {{{files}, client_certificates: {{ca: a.crt, identities: [{{dns: a, subject: \
                 \"user:a\"}}]}}}}"
            ),
            "say nothing where everybody may do everything",
        ),
    ] {
        write_file(&folder.path().join("roadstead.yaml"), yaml.as_bytes());
        let output =
            roadstead_tests::server::run(folder.path(), &["config", "check", "roadstead.yaml"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(part), "{yaml}: {told}");
    }
}
