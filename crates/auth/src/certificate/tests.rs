//! Tests of patterns and of whom names stand for. Certificates themselves are read over sockets.

use super::*;
use NameKind::{CommonName, Dns, Email, Uri};

fn names(names: &[(NameKind, &str)]) -> CertificateNames {
    let names = names.iter().map(|(kind, name)| (*kind, (*name).to_owned()));
    CertificateNames(names.collect())
}

fn claim(rules: &[(NameKind, &str, &str)], bearer: &[(NameKind, &str)]) -> Option<String> {
    let rules = rules.iter().map(|(kind, pattern, subject)| {
        CertificateRule::parse(*kind, pattern, subject).expect(pattern)
    });
    let rules = CertificateRules::new(rules.collect());
    rules.claim(&names(bearer)).map(|claim| match claim {
        Claim::User(name) => format!("user:{name}"),
        Claim::Robot(name) => format!("robot:{name}"),
        Claim::Member { group, name } => format!("group:{group} as {name}"),
    })
}

#[test]
fn a_name_fits_part_by_part() {
    for (kind, pattern, name, fits) in [
        (Dns, "ci.example.com", "ci.example.com", true),
        (Dns, "CI.example.com", "ci.example.com", true),
        (Dns, "ci.example.com", "ci.example.com.evil.test", false),
        (Dns, "ci.example.com", "evil.ci.example.com", false),
        (Dns, "*.example.com", "a.example.com", true),
        (Dns, "*.example.com", "a.b.example.com", false),
        (Dns, "*.example.com", ".example.com", false),
        (Dns, "*.example.com", "example.com", false),
        (Dns, "node-*.example.com", "node-7.example.com", true),
        (Dns, "node-*.example.com", "node-.example.com", false),
        (Dns, "*.*.example.com", "a.b.example.com", true),
        (
            Uri,
            "spiffe://prod/ns/*/sa/ci",
            "spiffe://prod/ns/a/sa/ci",
            true,
        ),
        (
            Uri,
            "spiffe://prod/ns/*/sa/ci",
            "spiffe://prod/ns/a/b/sa/ci",
            false,
        ),
        (
            Uri,
            "spiffe://prod/ns/*/sa/ci",
            "spiffe://test/ns/a/sa/ci",
            false,
        ),
        (Email, "*@example.com", "a@example.com", true),
        (Email, "*@example.com", "a@evil.test@example.com", false),
        (Email, "*@example.com", "a@example.com.evil.test", false),
        (CommonName, "node *", "node 7/a.b", true),
        (CommonName, "*", "anything", true),
    ] {
        let found = claim(&[(kind, pattern, "group:g")], &[(kind, name)]);
        assert_eq!(found.is_some(), fits, "{pattern} {name}");
    }
}

#[test]
fn a_name_is_taken_from_the_certificate_only_if_it_is_one() {
    let rule = [(Email, "{user}@example.com", "user:{user}")];
    let of = |name| claim(&rule, &[(Email, name)]);
    assert_eq!(of("ops@example.com").as_deref(), Some("user:ops"));
    for name in [
        "@example.com",
        "a:b@example.com",
        "robot+ci@example.com",
        "a b@example.com",
        "\u{e9}@example.com",
        "ops@example.org",
    ] {
        assert_eq!(of(name), None, "{name}");
    }
    let rule = [(Uri, "spiffe://prod/sa/{user}-bot", "robot:{user}")];
    let of = |name| claim(&rule, &[(Uri, name)]);
    assert_eq!(of("spiffe://prod/sa/ci-bot").as_deref(), Some("robot:ci"));
    assert_eq!(of("spiffe://prod/sa/-bot"), None);
    assert_eq!(of("spiffe://prod/sa/ci-bots"), None);
}

#[test]
fn the_first_rule_that_fits_counts_and_kinds_are_not_mixed_up() {
    let rules = [
        (CommonName, "root", "user:root"),
        (Dns, "*.nodes.test", "group:nodes"),
        (CommonName, "{user}", "user:{user}"),
    ];
    let both = [(Dns, "a.nodes.test"), (CommonName, "ops")];
    let found = claim(&rules, &both);
    assert_eq!(found.as_deref(), Some("group:nodes as a.nodes.test"));
    assert_eq!(claim(&rules, &[(Dns, "root")]), None);
    assert_eq!(claim(&rules, &[(Email, "root")]), None);
    assert_eq!(
        claim(&rules, &[(CommonName, "ops")]).as_deref(),
        Some("user:ops")
    );
    assert_eq!(claim(&rules, &[]), None);
    assert_eq!(claim(&[], &both), None);
}

#[test]
fn a_member_whose_name_is_none_is_called_by_its_digest() {
    let rule = [(Uri, "spiffe://prod/*", "group:pods")];
    let found = claim(&rule, &[(Uri, "spiffe://prod/a")]).expect("fits");
    let name = found.strip_prefix("group:pods as ").expect("is a member");
    assert_eq!(name.len(), 32);
    assert_ne!(Some(found), claim(&rule, &[(Uri, "spiffe://prod/b")]));
}

#[test]
fn what_is_no_rule_is_refused() {
    for (pattern, subject) in [
        ("", "group:g"),
        ("a**", "group:g"),
        ("{user}*", "user:{user}"),
        ("{user}.{user}", "user:{user}"),
        ("{name}", "group:g"),
        ("a}", "group:g"),
        ("{user}", "user:ops"),
        ("ops", "user:{user}"),
        ("{user}", "group:{user}"),
        ("a", "anonymous"),
        ("a", "*"),
        ("a", "authenticated"),
        ("a", "ops"),
        ("a", "user:"),
    ] {
        let rule = CertificateRule::parse(Dns, pattern, subject);
        assert!(rule.is_err(), "{pattern} {subject}");
    }
}

#[test]
fn what_is_no_certificate_has_no_names() {
    for bytes in [&b""[..], b"\x30\x00", b"garbage", &[0x30; 500]] {
        assert!(CertificateNames::read(bytes).is_err());
    }
}
