//! Tests of logins.

use super::*;
use crate::passwords::tests::CHEAP;
use crate::testing::Fixture;
use crate::{Grant, OldSecret};
use roadstead_storage::Operation;
use roadstead_storage::decorators::count::CallLog;
use std::io::Write as _;

struct Setup {
    fixture: Fixture,
    calls: Arc<CallLog>,
    passwords: Arc<Passwords>,
    users: Users,
    authenticator: Authenticator,
}

fn setup() -> Setup {
    with_file(None)
}

fn with_file(htpasswd: Option<Htpasswd>) -> Setup {
    let fixture = Fixture::new();
    let calls = CallLog::new();
    let records: Records = Arc::new(calls.records(fixture.records.clone()));
    let passwords = Arc::new(Passwords::new(CHEAP).unwrap());
    Setup {
        users: Users::new(records.clone()),
        authenticator: Authenticator::new(
            &records,
            htpasswd,
            passwords.clone(),
            fixture.clock.clone(),
        ),
        fixture,
        calls,
        passwords,
    }
}

fn name(text: &str) -> SubjectName {
    SubjectName::parse(text).unwrap()
}

impl Setup {
    async fn add(&self, user: &str, password: &str) {
        let hash = self.passwords.hash(password).await.unwrap();
        self.users
            .add(&name(user), Some(hash), vec![name("team-a")])
            .await
            .unwrap();
    }

    async fn login(&self, name: &str, password: &str) -> Login {
        let from = "192.0.2.1".parse().unwrap();
        self.authenticator
            .login(name, password, from)
            .await
            .unwrap()
    }

    async fn who(&self, name: &str, password: &str) -> String {
        match self.login(name, password).await {
            Login::Known(rights) => rights.identity().to_string(),
            Login::Wrong => "wrong".into(),
            Login::SlowDown(_) => "slow down".into(),
        }
    }
}

#[tokio::test]
async fn a_user_logs_in_with_their_password_and_brings_their_groups() {
    let here = setup();
    here.add("ops", "a:b ☃").await;
    let Login::Known(rights) = here.login("ops", "a:b ☃").await else {
        panic!("not known");
    };
    assert_eq!(rights.groups(), [name("team-a")]);
    assert_eq!(here.who("ops", "a:b").await, "wrong");
    assert_eq!(here.who("Ops", "a:b ☃").await, "wrong");
    assert_eq!(here.who("no/name", "x").await, "wrong");
}

#[tokio::test]
async fn a_login_is_remembered_and_costs_no_read_and_no_hash() {
    let here = setup();
    here.add("ops", "secret").await;
    assert_eq!(here.who("ops", "secret").await, "ops");
    let before = here.calls.count(Operation::Get);
    for _ in 0..100 {
        assert_eq!(here.who("ops", "secret").await, "ops");
    }
    assert_eq!(here.calls.count(Operation::Get), before);
}

#[tokio::test]
async fn many_requests_at_once_with_the_same_credentials_cost_one_hash_and_none_is_slowed() {
    let here = setup();
    here.add("ops", "secret").await;
    let before = here.calls.count(Operation::Get);
    let one = || here.who("ops", "secret");
    let four = || async { tokio::join!(one(), one(), one(), one()) };
    let all_known = |(a, b, c, d): (String, String, String, String)| {
        [a, b, c, d].iter().all(|who| who == "ops")
    };
    let (first, second) = tokio::join!(four(), four());
    assert!(all_known(first) && all_known(second));
    assert_eq!(here.calls.count(Operation::Get), before + 1);
}

#[tokio::test]
async fn a_removed_user_is_known_for_half_a_minute_at_most() {
    let here = setup();
    here.add("ops", "secret").await;
    assert_eq!(here.who("ops", "secret").await, "ops");
    here.users.remove(&name("ops")).await.unwrap();
    here.fixture.clock.advance(REMEMBER_LOGIN_FOR);
    assert_eq!(here.who("ops", "secret").await, "wrong");
}

#[tokio::test]
async fn logins_are_forgotten_when_asked() {
    let here = setup();
    here.add("ops", "secret").await;
    assert_eq!(here.who("ops", "secret").await, "ops");
    here.users.set_disabled(&name("ops"), true).await.unwrap();
    here.authenticator.forget_logins();
    assert_eq!(here.who("ops", "secret").await, "wrong");
}

#[tokio::test]
async fn case_93_the_unknown_and_the_wrong_cost_the_same_reads_and_get_the_same_answer() {
    let here = setup();
    here.add("ops", "secret").await;
    let mut costs = Vec::new();
    for user in ["ops", "nobody"] {
        let before = here.calls.count(Operation::Get);
        assert_eq!(here.login(user, "wrong").await, Login::Wrong);
        costs.push(here.calls.count(Operation::Get) - before);
    }
    assert_eq!(costs[0], costs[1]);
}

#[tokio::test]
async fn case_93_guessing_is_slowed_and_the_remembered_are_not() {
    let here = setup();
    here.add("ops", "secret").await;
    assert_eq!(here.who("ops", "secret").await, "ops");
    let mut answers = Vec::new();
    for guess in 0..10 {
        answers.push(here.who("ops", &guess.to_string()).await);
    }
    assert_eq!(answers[0], "wrong");
    assert_eq!(answers[9], "slow down");
    assert_eq!(here.who("ops", "secret").await, "ops");
}

#[tokio::test]
async fn a_robot_logs_in_under_its_own_form_of_name() {
    let here = setup();
    let robots = Robots::new(here.fixture.records.clone());
    let secret = robots.create(&name("ci"), vec![], None).await.unwrap();
    assert_eq!(here.who("robot+ci", secret.expose()).await, "robot:ci");
    assert_eq!(here.who("ci", secret.expose()).await, "wrong");
    assert_eq!(here.who("robot+", secret.expose()).await, "wrong");
    let next = robots.rotate(&name("ci"), OldSecret::Drop).await.unwrap();
    here.authenticator.forget_logins();
    assert_eq!(here.who("robot+ci", secret.expose()).await, "wrong");
    assert_eq!(here.who("robot+ci", next.expose()).await, "robot:ci");
}

#[tokio::test]
async fn what_ends_by_itself_is_not_remembered_beyond_its_end() {
    let here = setup();
    here.add("ops", "secret").await;
    let short = REMEMBER_LOGIN_FOR / 3;
    let robots = Robots::new(here.fixture.records.clone());
    let first = robots.create(&name("ci"), vec![], None).await.unwrap();
    let kept = OldSecret::KeepFor(short);
    let second = robots.rotate(&name("ci"), kept).await.unwrap();
    let brief = robots.create(&name("brief"), vec![], Some(short)).await;
    let brief = brief.unwrap();
    let tokens = AccessTokens::new(here.fixture.records.clone());
    let user = here.users.get(&name("ops")).await.unwrap().unwrap();
    let ops = name("ops");
    let made = tokens.create(&ops, &user.id, "", vec![], Some(short)).await;
    let (_, token) = made.unwrap();
    let logins = [
        ("robot+ci", first.expose()),
        ("robot+ci", second.expose()),
        ("robot+brief", brief.expose()),
        ("ops", token.expose()),
    ];
    let mut before = Vec::new();
    for (name, secret) in logins {
        before.push(here.who(name, secret).await);
    }
    assert_eq!(before, ["robot:ci", "robot:ci", "robot:brief", "ops"]);
    here.fixture.clock.advance(short);
    let mut after = Vec::new();
    for (name, secret) in logins {
        after.push(here.who(name, secret).await);
    }
    assert_eq!(after, ["wrong", "robot:ci", "wrong", "wrong"]);
}

#[tokio::test]
async fn an_access_token_brings_its_limit_and_does_not_outlive_its_user() {
    let here = setup();
    here.add("ops", "secret").await;
    let tokens = AccessTokens::new(here.fixture.records.clone());
    let user = here.users.get(&name("ops")).await.unwrap().unwrap();
    let scope: Grant =
        serde_json::from_value(serde_json::json!({"repositories": ["a/**"], "actions": ["pull"]}))
            .unwrap();
    let made = tokens
        .create(&name("ops"), &user.id, "", vec![scope.clone()], None)
        .await;
    let (_, secret) = made.unwrap();
    let Login::Known(rights) = here.login("ops", secret.expose()).await else {
        panic!("not known");
    };
    assert_eq!(rights.limit(), Some(&[scope][..]));
    assert_eq!(rights.groups(), [name("team-a")]);
    assert_eq!(here.who("other", secret.expose()).await, "wrong");
    here.users.remove(&name("ops")).await.unwrap();
    here.add("ops", "secret").await;
    here.authenticator.forget_logins();
    assert_eq!(here.who("ops", secret.expose()).await, "wrong");
}

#[tokio::test]
async fn a_file_lets_its_users_in_and_a_record_wins_over_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("htpasswd");
    let mut file = std::fs::File::create(&path).unwrap();
    let hash = bcrypt::hash("secret", 4)
        .unwrap()
        .replacen("$2b$", "$2y$", 1);
    writeln!(file, "ops:{hash}\ndev:{hash}").unwrap();
    let htpasswd = Htpasswd::open(path, Fixture::new().clock).await.unwrap();
    let here = with_file(Some(htpasswd));
    assert_eq!(here.who("dev", "secret").await, "dev");
    assert_eq!(here.who("dev", "wrong").await, "wrong");
    assert_eq!(here.who("nobody", "secret").await, "wrong");
    here.add("ops", "recorded").await;
    assert_eq!(here.who("ops", "secret").await, "wrong");
    assert_eq!(here.who("ops", "recorded").await, "ops");
}

#[tokio::test]
async fn a_store_that_fails_is_no_failure_of_the_caller() {
    use roadstead_storage::Kind;
    use roadstead_storage::decorators::fault::Fault;
    let (records, plan) = crate::testing::faulty();
    let passwords = Arc::new(Passwords::new(CHEAP).unwrap());
    let clock = Fixture::new().clock;
    let authenticator = Authenticator::new(&records, None, passwords, clock);
    plan.always(Operation::Get, Fault::Fail(Kind::Unavailable));
    let from = "192.0.2.1".parse().unwrap();
    for _ in 0..20 {
        let outcome = authenticator.login("ops", "secret", from).await;
        assert!(matches!(outcome, Err(AuthError::Storage(_))), "{outcome:?}");
    }
    plan.clear();
    assert_eq!(
        authenticator.login("ops", "secret", from).await.unwrap(),
        Login::Wrong
    );
}
