//! Tests of users.

use super::*;
use crate::testing::{Fixture, faulty};

fn name(text: &str) -> SubjectName {
    SubjectName::parse(text).unwrap()
}

#[tokio::test]
async fn a_user_is_added_changed_and_removed() {
    let users = Users::new(Fixture::new().records);
    let ops = name("ops");
    users
        .add(&ops, None, vec![name("b"), name("a"), name("b")])
        .await
        .unwrap();
    let user = users.get(&ops).await.unwrap().unwrap();
    assert_eq!(user.groups, [name("a"), name("b")]);
    assert!(!user.has_password() && !user.is_disabled);
    users.set_groups(&ops, vec![]).await.unwrap();
    users.set_disabled(&ops, true).await.unwrap();
    let user = users.get(&ops).await.unwrap().unwrap();
    assert!(user.groups.is_empty() && user.is_disabled);
    users.remove(&ops).await.unwrap();
    assert!(users.get(&ops).await.unwrap().is_none());
}

#[tokio::test]
async fn what_exists_is_not_added_and_what_does_not_is_not_changed() {
    let users = Users::new(Fixture::new().records);
    let ops = name("ops");
    assert!(matches!(
        users.remove(&ops).await,
        Err(AuthError::Absent(_))
    ));
    assert!(matches!(
        users.set_disabled(&ops, true).await,
        Err(AuthError::Absent(_))
    ));
    users.add(&ops, None, vec![]).await.unwrap();
    assert!(matches!(
        users.add(&ops, None, vec![]).await,
        Err(AuthError::Exists(_))
    ));
}

#[tokio::test]
async fn of_two_who_add_the_same_name_one_wins() {
    let (records, _plan) = faulty();
    let users = Users::new(records);
    let ops = name("ops");
    let (first, second) =
        tokio::join!(users.add(&ops, None, vec![]), users.add(&ops, None, vec![]));
    let kept = users.get(&ops).await.unwrap().unwrap();
    assert!(first.is_ok() != second.is_ok());
    assert_eq!(first.or(second).unwrap().id, kept.id);
}

#[tokio::test]
async fn changes_made_at_once_are_all_kept() {
    let (records, _plan) = faulty();
    let users = Users::new(records);
    let ops = name("ops");
    users.add(&ops, None, vec![]).await.unwrap();
    let groups = users.set_groups(&ops, vec![name("a")]);
    let (one, two) = tokio::join!(groups, users.set_disabled(&ops, true));
    one.and(two).unwrap();
    let user = users.get(&ops).await.unwrap().unwrap();
    assert!(user.is_disabled && user.groups == [name("a")]);
}

#[tokio::test]
async fn a_user_who_comes_again_is_another() {
    let users = Users::new(Fixture::new().records);
    let ops = name("ops");
    let first = users.add(&ops, None, vec![]).await.unwrap();
    users.remove(&ops).await.unwrap();
    let second = users.add(&ops, None, vec![]).await.unwrap();
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn users_are_listed_by_pages() {
    let users = Users::new(Fixture::new().records);
    for text in ["c", "a", "b"] {
        users.add(&name(text), None, vec![]).await.unwrap();
    }
    assert_eq!(
        users.list(None, 2).await.unwrap(),
        (vec!["a".into(), "b".into()], true)
    );
    assert_eq!(
        users.list(Some(&name("b")), 2).await.unwrap(),
        (vec!["c".into()], false)
    );
}

#[tokio::test]
async fn groups_are_bounded() {
    let users = Users::new(Fixture::new().records);
    let many = (0..=MAX_GROUPS)
        .map(|number| name(&number.to_string()))
        .collect();
    assert!(users.add(&name("ops"), None, many).await.is_err());
}
