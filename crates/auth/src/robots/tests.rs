//! Tests of robots: secrets, rotation, expiry, last use.

use super::*;
use crate::testing::{Fixture, START};
use crate::{Action, ActionSet, PathPattern};

struct Setup {
    fixture: Fixture,
    robots: Robots,
    ci: SubjectName,
}

fn setup() -> Setup {
    let fixture = Fixture::new();
    Setup {
        robots: Robots::new(fixture.records.clone()),
        fixture,
        ci: SubjectName::parse("ci").unwrap(),
    }
}

impl Setup {
    async fn accepts(&self, secret: &NewSecret) -> bool {
        self.rights(secret).await.is_some()
    }

    async fn rights(&self, secret: &NewSecret) -> Option<Rights> {
        use roadstead_storage::Clock as _;
        let now = self.fixture.clock.now();
        self.robots
            .check(&self.ci, secret.expose(), now)
            .await
            .unwrap()
            .map(|(rights, _)| rights)
    }
}

fn grant() -> Grant {
    Grant {
        repositories: vec![PathPattern::parse("team-a/**").unwrap()],
        actions: ActionSet::of(&[Action::Pull, Action::Push]),
    }
}

#[tokio::test]
async fn the_secret_that_was_shown_is_the_only_one_that_works() {
    let here = setup();
    let secret = here
        .robots
        .create(&here.ci, vec![grant()], None)
        .await
        .unwrap();
    let rights = here.rights(&secret).await.unwrap();
    assert_eq!(rights.identity(), &Identity::Robot(here.ci.clone()));
    assert_eq!(rights.grants(), [grant()]);
    assert!(!here.accepts(&NewSecret::make(SecretKind::Robot)).await);
    let stored = here
        .fixture
        .records
        .get("auth/robot/ci")
        .await
        .unwrap()
        .record
        .unwrap();
    let stored = String::from_utf8_lossy(&stored.bytes).into_owned();
    assert!(!stored.contains(secret.expose()) && !stored.contains("rsr_"));
}

#[tokio::test]
async fn two_secrets_work_while_one_follows_the_other() {
    let here = setup();
    let first = here.robots.create(&here.ci, vec![], None).await.unwrap();
    let second = here.robots.rotate(&here.ci, OldSecret::Keep).await.unwrap();
    assert!(here.accepts(&first).await && here.accepts(&second).await);
    let third = here.robots.rotate(&here.ci, OldSecret::Keep).await.unwrap();
    assert!(!here.accepts(&first).await);
    assert!(here.accepts(&second).await && here.accepts(&third).await);
    here.robots.drop_old_secret(&here.ci).await.unwrap();
    assert!(!here.accepts(&second).await && here.accepts(&third).await);
}

#[tokio::test]
async fn an_old_secret_ends_when_it_was_told_to() {
    let here = setup();
    let first = here.robots.create(&here.ci, vec![], None).await.unwrap();
    let day = Duration::from_hours(24);
    let second = here
        .robots
        .rotate(&here.ci, OldSecret::KeepFor(day))
        .await
        .unwrap();
    assert!(here.accepts(&first).await);
    here.fixture.clock.advance(day);
    assert!(!here.accepts(&first).await && here.accepts(&second).await);
    let third = here.robots.rotate(&here.ci, OldSecret::Drop).await.unwrap();
    assert!(!here.accepts(&second).await && here.accepts(&third).await);
}

#[tokio::test]
async fn a_robot_that_ended_is_disabled_or_is_gone_is_not_let_in() {
    let here = setup();
    let day = Duration::from_hours(24);
    let secret = here
        .robots
        .create(&here.ci, vec![], Some(day))
        .await
        .unwrap();
    here.robots.set_disabled(&here.ci, true).await.unwrap();
    assert!(!here.accepts(&secret).await);
    here.robots.set_disabled(&here.ci, false).await.unwrap();
    assert!(here.accepts(&secret).await);
    here.fixture.clock.advance(day);
    assert!(!here.accepts(&secret).await);
    here.robots.set_expiry(&here.ci, None).await.unwrap();
    assert!(here.accepts(&secret).await);
    here.robots.remove(&here.ci).await.unwrap();
    assert!(!here.accepts(&secret).await);
    assert!(here.robots.last_used(&here.ci).await.unwrap().is_none());
}

#[tokio::test]
async fn last_use_is_known_to_the_hour() {
    let here = setup();
    let secret = here.robots.create(&here.ci, vec![], None).await.unwrap();
    assert_eq!(here.robots.last_used(&here.ci).await.unwrap(), None);
    assert!(here.accepts(&secret).await);
    here.fixture.clock.advance(Duration::from_mins(59));
    assert!(here.accepts(&secret).await);
    assert_eq!(here.robots.last_used(&here.ci).await.unwrap(), Some(START));
    here.fixture.clock.advance(Duration::from_mins(2));
    assert!(here.accepts(&secret).await);
    let hour_later = after(START, Duration::from_mins(61));
    assert_eq!(
        here.robots.last_used(&here.ci).await.unwrap(),
        Some(hour_later)
    );
}

#[tokio::test]
async fn grants_without_use_or_without_bounds_are_refused() {
    let here = setup();
    let empty = Grant {
        repositories: vec![],
        actions: ActionSet::of(&[Action::Pull]),
    };
    assert!(
        here.robots
            .create(&here.ci, vec![empty], None)
            .await
            .is_err()
    );
    let many = vec![grant(); 1000];
    assert!(here.robots.create(&here.ci, many, None).await.is_err());
}
