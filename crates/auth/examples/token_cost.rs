//! Measures what a request pays for its credentials: `cargo run --release -p roadstead-auth --example token_cost`.

#![expect(clippy::print_stdout, reason = "a measurement is there to be read")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails may stop")]

use roadstead_auth::{
    AccessPolicy as _, AccessRequest, Action, Authenticator, Identity, KeySettings,
    PasswordSettings, Passwords, Records, Rights, RulePolicy, RuleSet, Scope, SigningKeys,
    SubjectName, TokenAccess, TokenSettings, Tokens, Users,
};
use roadstead_oci::RepositoryName;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::memory::MemoryRecords;
use std::sync::Arc;
use std::time::Instant;

/// Prints the median and the 99th percentile of samples, in microseconds.
fn report(what: &str, mut samples_nanos: Vec<u128>) {
    samples_nanos.sort_unstable();
    let at = |per_cent: usize| samples_nanos[(samples_nanos.len() - 1) * per_cent / 100];
    let micros = |nanos: u128| format!("{}.{:02}", nanos / 1000, nanos % 1000 / 10);
    println!(
        "{what:<46} p50 {:>10} µs  p99 {:>10} µs",
        micros(at(50)),
        micros(at(99))
    );
}

#[tokio::main]
async fn main() {
    let clock = Arc::new(MachineClock::new());
    let records: Records = Arc::new(MemoryRecords::new(clock.clone()));
    let keys = SigningKeys::open(records.clone(), clock.clone(), KeySettings::default());
    let keys = Arc::new(keys.await.unwrap());
    let settings = TokenSettings {
        issuer: "registry.example".into(),
        service: "registry.example".into(),
        lifetime: TokenSettings::LIFETIME,
    };
    let tokens = Tokens::new(keys, clock.clone(), settings);
    let rules: Vec<_> = (0..100)
        .map(|team| {
            serde_json::json!({
                "subjects": [format!("group:team-{team}")],
                "repositories": [format!("team-{team}/**"), "*/shared"],
                "actions": ["pull", "push"],
            })
        })
        .collect();
    let rules: Vec<roadstead_auth::Rule> = serde_json::from_value(rules.into()).unwrap();
    let rules = RuleSet::new(rules).unwrap();
    let ops = SubjectName::parse("ops").unwrap();
    let group = SubjectName::parse("team-99").unwrap();
    let rights = Rights::of(Identity::User(ops.clone())).with_groups([group.clone()]);
    let app = RepositoryName::parse("team-99/app").unwrap();
    let asked = [Scope::repository(&app, &[Action::Pull, Action::Push])];
    let access = TokenAccess::narrowed(&asked, &rules, &rights);
    let policy = RulePolicy::new(rules);

    let mut issue = Vec::new();
    let mut first = Vec::new();
    let mut again = Vec::new();
    let mut decide = Vec::new();
    for _ in 0..5_000 {
        let start = Instant::now();
        let issued = tokens.issue(&rights, &access);
        issue.push(start.elapsed().as_nanos());
        let start = Instant::now();
        tokens.verify(&issued.token).await.unwrap();
        first.push(start.elapsed().as_nanos());
        let start = Instant::now();
        let caller = tokens.verify(&issued.token).await.unwrap();
        again.push(start.elapsed().as_nanos());
        let start = Instant::now();
        assert!(
            policy
                .decide(&caller, &AccessRequest::pull(&app))
                .is_allowed()
        );
        decide.push(start.elapsed().as_nanos());
    }
    report("make a token", issue);
    report("verify a token, the first time", first);
    report("verify a token, again", again);
    report("decide by 100 rules", decide);

    let passwords = Arc::new(Passwords::new(PasswordSettings::default()).unwrap());
    let hash = passwords.hash("secret").await.unwrap();
    Users::new(records.clone())
        .add(&ops, Some(hash), vec![group])
        .await
        .unwrap();
    let authenticator = Authenticator::new(&records, None, passwords, clock);
    let logins = [
        ("log in with a wrong password", "ops", "wrong"),
        ("log in as nobody", "nobody", "wrong"),
        ("log in, remembered", "ops", "secret"),
    ];
    let mut samples = [const { Vec::new() }; 3];
    // By turns, so that what else the machine does meets all of them.
    for number in 0..45_u32 {
        // Another network each time, and fewer than would slow an account down.
        let from = std::net::Ipv4Addr::from(0x0a00_0000 + (number << 8)).into();
        for ((_, name, password), samples) in logins.iter().zip(&mut samples) {
            let start = Instant::now();
            let _ = authenticator.login(name, password, from).await.unwrap();
            samples.push(start.elapsed().as_nanos());
        }
    }
    for ((what, ..), samples) in logins.iter().zip(samples) {
        report(what, samples);
    }
}
