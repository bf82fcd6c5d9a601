//! Who is it, and may they: paid by every request of a registry with users.

use crate::runtime;
use criterion::Criterion;
use roadstead_auth::{
    AccessPolicy, AccessRequest, Action, ActionSet, Caller, Credentials, Effect, Identity,
    KeySettings, PathPattern, Rights, Rule, RulePolicy, RuleSet, Scope, SigningKeys, Subject,
    SubjectName, TokenAccess, TokenSettings, Tokens,
};
use roadstead_inner_loops::repository;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::memory::MemoryRecords;
use std::hint::black_box;
use std::sync::Arc;

/// More than most have, so that a decision which walks all of them shows.
const RULES: usize = 100;

pub(crate) fn measure(criterion: &mut Criterion) {
    credentials_and_scopes(criterion);
    decisions(criterion);
    tokens(criterion);
}

fn credentials_and_scopes(criterion: &mut Criterion) {
    let bearer = format!("Bearer {}", "e".repeat(600)).into_bytes();
    let basic = b"Basic c29tZWJvZHk6cnN0LXNvbWUtbG9uZy1zZWNyZXQtb2YtYS1yb2JvdA==";
    let scopes = format!(
        "repository:{0}:pull,push repository:base/{0}:pull",
        repository()
    );

    let mut group = criterion.benchmark_group("access");
    group.bench_function("credentials, bearer", |bencher| {
        bencher.iter(|| Credentials::read(std::iter::once(black_box(bearer.as_slice()))));
    });
    group.bench_function("credentials, basic", |bencher| {
        bencher.iter(|| Credentials::read(std::iter::once(black_box(basic.as_slice()))));
    });
    group.bench_function("scopes, two", |bencher| {
        bencher.iter(|| Scope::parse_all(std::iter::once(black_box(scopes.as_str()))));
    });
    group.finish();
}

fn decisions(criterion: &mut Criterion) {
    let policy = RulePolicy::new(rules());
    let name = repository();
    let request = AccessRequest::Repository {
        name: &name,
        action: Action::Pull,
    };
    let user = Caller::with_password(rights());
    criterion.bench_function("access/decide by 100 rules", |bencher| {
        bencher.iter(|| policy.decide(black_box(&user), black_box(&request)));
    });
}

fn tokens(criterion: &mut Criterion) {
    let runtime = runtime();
    let clock = Arc::new(MachineClock::new());
    let records = Arc::new(MemoryRecords::new(clock.clone()));
    let keys = SigningKeys::open(records, clock.clone(), KeySettings::default());
    let keys = Arc::new(runtime.block_on(keys).expect("memory does not fail"));
    let settings = TokenSettings {
        issuer: "registry".to_owned(),
        service: "registry".to_owned(),
        lifetime: TokenSettings::LIFETIME,
    };
    let make = || Tokens::new(Arc::clone(&keys), clock.clone(), settings.clone());
    let rights = rights();
    let scopes = [Scope::repository(
        &repository(),
        &[Action::Pull, Action::Push],
    )];
    let access = TokenAccess::narrowed(&scopes, &rules(), &rights);

    let mut group = criterion.benchmark_group("token");
    let known = make();
    group.bench_function("issue", |bencher| {
        bencher.iter(|| known.issue(black_box(&rights), black_box(&access)));
    });
    let issued = known.issue(&rights, &access).token;
    group.bench_function("verify, seen before", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| async { known.verify(black_box(&issued)).await.expect("it is ours") });
    });
    group.bench_function("verify, new", |bencher| {
        bencher.to_async(&runtime).iter_batched(
            || known.issue(&rights, &access).token,
            |token| {
                let known = &known;
                async move { known.verify(&token).await.expect("it is ours") }
            },
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn name(text: &str) -> SubjectName {
    SubjectName::parse(text).expect("the name is a literal")
}

fn rights() -> Rights {
    Rights::of(Identity::User(name("somebody"))).with_groups(vec![name("developers")])
}

/// Rules of a hundred teams; the last one fits.
fn rules() -> RuleSet {
    let rule = |subject: &str, pattern: &str| Rule {
        subjects: vec![Subject::parse(subject).expect("the subject is a literal")],
        repositories: vec![PathPattern::parse(pattern).expect("the pattern is a literal")],
        tags: Vec::new(),
        actions: ActionSet::of(&[Action::Pull, Action::Push]),
        effect: Effect::Allow,
    };
    let mut rules: Vec<Rule> = (1..RULES)
        .map(|team| rule(&format!("group:team-{team}"), &format!("team-{team}/**")))
        .collect();
    rules.push(rule("group:developers", "platform/**"));
    RuleSet::new(rules).expect("the rules are in order")
}
