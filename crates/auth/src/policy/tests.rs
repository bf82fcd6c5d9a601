//! Tests of the two policies.

use super::*;
use crate::{Action, Identity, Rights, Scope, SubjectName, TokenAccess};
use proptest::prelude::*;
use roadstead_oci::Tag;
use serde_json::json;

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

fn rules(value: serde_json::Value) -> RuleSet {
    RuleSet::new(serde_json::from_value(value).unwrap()).unwrap()
}

fn dev() -> Rights {
    Rights::of(Identity::User(SubjectName::parse("dev").unwrap()))
}

/// A caller with a token for these scopes, as the token server makes it.
fn with_token(policy: &RulePolicy, rights: Rights, scopes: &str) -> Caller {
    let scopes = Scope::parse_all([scopes]).unwrap();
    let access = TokenAccess::narrowed(&scopes, &policy.rules(), &rights);
    Caller::with_token(rights, access)
}

fn policy() -> RulePolicy {
    RulePolicy::new(rules(json!([
        {"subjects": ["anonymous"], "repositories": ["public/**"], "actions": ["pull"]},
        {"subjects": ["user:dev"], "repositories": ["team/**"], "actions": ["pull", "push", "catalog"]},
        {"subjects": ["*"], "repositories": ["*/release"], "tags": ["v*"], "actions": ["tag-overwrite"], "effect": "deny"},
    ])))
}

#[test]
fn everyone_may_do_everything() {
    let name = name("team/app");
    let policy: &dyn AccessPolicy = &EveryoneMay;
    for request in [
        AccessRequest::pull(&name),
        AccessRequest::push(&name),
        AccessRequest::delete(&name),
        AccessRequest::Catalog,
    ] {
        assert!(
            policy.decide(&Caller::anonymous(), &request).is_allowed(),
            "{request}"
        );
    }
    assert!(!policy.asks_for_credentials());
}

#[test]
fn only_allowed_is_allowed() {
    assert!(!Decision::WhoAreYou.is_allowed());
    assert!(!Decision::Denied.is_allowed());
}

#[test]
fn nobody_is_asked_who_they_are_and_somebody_is_told_no() {
    let policy = policy();
    let team = name("team/app");
    let pull = AccessRequest::pull(&team);
    let stranger = Rights::of(Identity::Robot(SubjectName::parse("dev").unwrap()));
    assert_eq!(
        policy.decide(&Caller::anonymous(), &pull),
        Decision::WhoAreYou
    );
    let stranger = Caller::with_password(stranger);
    assert_eq!(policy.decide(&stranger, &pull), Decision::Denied);
    assert!(
        policy
            .decide(&Caller::with_password(dev()), &pull)
            .is_allowed()
    );
    let public = name("public/x");
    assert!(
        policy
            .decide(&Caller::anonymous(), &AccessRequest::pull(&public))
            .is_allowed()
    );
}

#[test]
fn case_99_nothing_of_the_answer_depends_on_what_exists() {
    // The policy sees names alone; two names that no rule tells apart get one answer.
    let policy = policy();
    for action in Action::ALL {
        let (private, absent) = (name("secret/real"), name("secret/none"));
        let decide = |name| {
            policy.decide(
                &Caller::anonymous(),
                &AccessRequest::Repository { name, action },
            )
        };
        assert_eq!(decide(&private), decide(&absent));
        assert_eq!(decide(&private), Decision::WhoAreYou);
    }
}

#[test]
fn a_tokens_caller_may_what_it_was_made_for() {
    let policy = policy();
    let (app, other) = (name("team/app"), name("team/other"));
    let caller = with_token(&policy, dev(), "repository:team/app:pull");
    assert!(
        policy
            .decide(&caller, &AccessRequest::pull(&app))
            .is_allowed()
    );
    assert_eq!(
        policy.decide(&caller, &AccessRequest::push(&app)),
        Decision::Denied
    );
    assert_eq!(
        policy.decide(&caller, &AccessRequest::pull(&other)),
        Decision::Denied
    );
    assert!(policy.would_allow(&caller, &AccessRequest::push(&app)));
    assert!(!policy.would_allow(&caller, &AccessRequest::delete(&app)));
}

#[test]
fn a_new_denial_holds_for_tokens_that_are_out() {
    let policy = policy();
    let app = name("team/app");
    let caller = with_token(&policy, dev(), "repository:team/app:pull");
    policy.replace(rules(json!([
        {"subjects": ["user:dev"], "repositories": ["team/app"], "actions": ["pull"], "effect": "deny"},
    ])));
    assert_eq!(
        policy.explain(&caller, &AccessRequest::pull(&app)),
        Reason::DeniedByRule(1)
    );
}

#[test]
fn a_denied_tag_is_denied_to_a_token_that_may_push() {
    let policy = policy();
    let release = name("team/release");
    let (v1, latest) = (Tag::parse("v1").unwrap(), Tag::parse("latest").unwrap());
    let caller = with_token(&policy, dev(), "repository:team/release:pull,push");
    assert!(
        policy
            .decide(&caller, &AccessRequest::push(&release))
            .is_allowed()
    );
    assert!(
        policy
            .decide(&caller, &AccessRequest::overwrite(&release, &latest))
            .is_allowed()
    );
    assert_eq!(
        policy.decide(&caller, &AccessRequest::overwrite(&release, &v1)),
        Decision::Denied
    );
}

#[test]
fn case_83_the_catalog_takes_a_right_and_shows_only_what_may_be_pulled() {
    let policy = policy();
    assert_eq!(
        policy.decide(&Caller::anonymous(), &AccessRequest::Catalog),
        Decision::WhoAreYou
    );
    let caller = with_token(&policy, dev(), "registry:catalog:*");
    assert!(policy.decide(&caller, &AccessRequest::Catalog).is_allowed());
    assert!(policy.shows(&caller, &name("team/app")) && policy.shows(&caller, &name("public/x")));
    assert!(!policy.shows(&caller, &name("secret/x")));
}

proptest! {
    #[test]
    fn catalog_and_mount_reveal_nothing_that_a_pull_would_refuse(
        paths in proptest::collection::vec("(a|b|\\*|\\*\\*)(/(a|b|\\*|\\*\\*)){0,2}", 1..4),
        denied in proptest::option::of("(a|b|\\*|\\*\\*)(/(a|b|\\*|\\*\\*)){0,2}"),
        path in "[ab](/[ab]){0,2}",
    ) {
        let mut written = vec![json!({"subjects": ["user:dev"], "repositories": paths, "actions": ["pull", "catalog"]})];
        if let Some(denied) = denied {
            written.push(json!({"subjects": ["*"], "repositories": [denied], "actions": ["pull"], "effect": "deny"}));
        }
        let policy = RulePolicy::new(rules(json!(written)));
        let path = name(&path);
        let pull = AccessRequest::pull(&path);
        let by_password = Caller::with_password(dev());
        let by_token = with_token(&policy, dev(), &format!("registry:catalog:* repository:{path}:pull"));
        let pulls = policy.decide(&by_password, &pull).is_allowed();
        prop_assert_eq!(policy.decide(&by_token, &pull).is_allowed(), pulls);
        for caller in [&by_password, &by_token] {
            prop_assert_eq!(policy.shows(caller, &path), pulls);
            prop_assert_eq!(policy.would_allow(caller, &pull), pulls);
        }
        prop_assert!(!policy.shows(&Caller::anonymous(), &path));
    }
}
