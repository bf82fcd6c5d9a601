//! Tests of rules: examples and a comparison with a reference that reads the rules word by word.

use super::*;
use crate::{Action, Grant, Identity, SubjectName, pattern};
use proptest::prelude::*;
use roadstead_oci::{RepositoryName, Tag};
use serde_json::json;

fn rules(value: serde_json::Value) -> RuleSet {
    RuleSet::new(serde_json::from_value(value).unwrap()).unwrap()
}

fn of_the_issue() -> RuleSet {
    rules(json!([
        {"subjects": ["anonymous"], "repositories": ["public/**"], "actions": ["pull"]},
        {"subjects": ["group:team-a", "robot:ci"], "repositories": ["team-a/**"], "actions": ["pull", "push"]},
        {"subjects": ["*"], "repositories": ["*/release"], "tags": ["v*"], "actions": ["tag-overwrite"], "effect": "deny"},
    ]))
}

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

fn subject(text: &str) -> SubjectName {
    SubjectName::parse(text).unwrap()
}

fn user(text: &str) -> Rights {
    Rights::of(Identity::User(subject(text)))
}

fn robot(text: &str) -> Rights {
    Rights::of(Identity::Robot(subject(text)))
}

#[test]
fn no_rules_allow_nothing() {
    let none = RuleSet::default();
    let repository = name("a");
    for request in [
        AccessRequest::pull(&repository),
        AccessRequest::Catalog,
        AccessRequest::Administration,
    ] {
        assert_eq!(none.explain(&user("ops"), &request), Reason::NothingAllows);
    }
}

#[test]
fn the_deciding_rule_is_named() {
    let set = of_the_issue();
    let (app, release) = (name("team-a/app"), name("team-a/release"));
    let (v1, latest) = (Tag::parse("v1").unwrap(), Tag::parse("latest").unwrap());
    let member = user("ops").with_groups([subject("team-a")]);
    let explain = |rights: &Rights, request| set.explain(rights, &request).to_string();
    assert_eq!(
        explain(&member, AccessRequest::push(&app)),
        "allowed by rule 2"
    );
    assert_eq!(
        explain(&robot("ci"), AccessRequest::pull(&app)),
        "allowed by rule 2"
    );
    assert_eq!(
        explain(&user("ci"), AccessRequest::pull(&app)),
        "no rule allows it"
    );
    assert_eq!(
        explain(&member, AccessRequest::delete(&app)),
        "no rule allows it"
    );
    assert_eq!(
        explain(&member, AccessRequest::overwrite(&release, &v1)),
        "denied by rule 3"
    );
    assert_eq!(
        explain(&member, AccessRequest::overwrite(&release, &latest)),
        "allowed by rule 2"
    );
    assert_eq!(
        explain(&member, AccessRequest::push(&release)),
        "allowed by rule 2"
    );
}

#[test]
fn credentials_take_no_right_of_anonymous_away() {
    let set = of_the_issue();
    let public = name("public/tools");
    for rights in [Rights::anonymous(), user("ops"), robot("ci")] {
        assert!(set.allows(&rights, &AccessRequest::pull(&public)));
        assert!(!set.allows(&rights, &AccessRequest::push(&public)));
    }
}

#[test]
fn deny_wins_over_every_allow_and_over_own_grants() {
    let set = rules(json!([
        {"subjects": ["*"], "repositories": ["**"], "actions": ["*"]},
        {"subjects": ["robot:ci"], "repositories": ["secret/**"], "actions": ["pull", "push"], "effect": "deny"},
    ]));
    let grant = Grant {
        repositories: vec![PathPattern::parse("**").unwrap()],
        actions: ActionSet::of(&Action::ALL),
    };
    let ci = robot("ci").with_grants([grant]);
    let secret = name("secret/x");
    assert_eq!(
        set.explain(&ci, &AccessRequest::pull(&secret)),
        Reason::DeniedByRule(2)
    );
    assert!(set.allows(&ci, &AccessRequest::delete(&secret)));
    assert!(set.allows(&robot("other"), &AccessRequest::pull(&secret)));
}

#[test]
fn a_robots_own_grants_allow_what_no_rule_does() {
    let grant = Grant {
        repositories: vec![PathPattern::parse("team-a/**").unwrap()],
        actions: ActionSet::of(&[Action::Pull]),
    };
    let ci = robot("ci").with_grants([grant]);
    let (ours, theirs) = (name("team-a/x"), name("team-b/x"));
    let none = RuleSet::default();
    assert_eq!(
        none.explain(&ci, &AccessRequest::pull(&ours)),
        Reason::AllowedByGrant
    );
    assert!(!none.allows(&ci, &AccessRequest::push(&ours)));
    assert!(!none.allows(&ci, &AccessRequest::pull(&theirs)));
}

#[test]
fn a_limit_takes_rights_away_and_gives_none() {
    let limit = Grant {
        repositories: vec![PathPattern::parse("**").unwrap()],
        actions: ActionSet::of(&[Action::Pull, Action::Delete]),
    };
    let set = of_the_issue();
    let rights = user("ops")
        .with_groups([subject("team-a")])
        .limited_to([limit]);
    let app = name("team-a/app");
    assert!(set.allows(&rights, &AccessRequest::pull(&app)));
    assert_eq!(
        set.explain(&rights, &AccessRequest::push(&app)),
        Reason::OutsideOfToken
    );
    assert_eq!(
        set.explain(&rights, &AccessRequest::delete(&app)),
        Reason::NothingAllows
    );
    let nothing = user("ops").limited_to([]);
    assert!(!set.allows(&nothing, &AccessRequest::pull(&name("public/x"))));
}

#[test]
fn a_rule_with_tags_says_nothing_about_requests_without() {
    let set = rules(json!([
        {"subjects": ["*"], "repositories": ["**"], "tags": ["v*"], "actions": ["push"]},
    ]));
    let (app, tag) = (name("app"), Tag::parse("v1").unwrap());
    assert!(!set.allows(&user("ops"), &AccessRequest::push(&app)));
    let request = AccessRequest::Tag {
        name: &app,
        tag: &tag,
        action: Action::Push,
    };
    assert!(set.allows(&user("ops"), &request));
}

#[test]
fn the_catalog_and_the_administration_are_rights_of_their_own() {
    let set = rules(json!([
        {"subjects": ["user:reader"], "repositories": ["**"], "actions": ["pull", "push", "delete"]},
        {"subjects": ["user:lister"], "actions": ["catalog"]},
        {"subjects": ["user:ops"], "repositories": ["**"], "actions": ["admin"]},
        {"subjects": ["user:lead"], "repositories": ["team-a/**"], "actions": ["admin"]},
    ]));
    let may = |who: &str, request| set.allows(&user(who), &request);
    assert!(!may("reader", AccessRequest::Catalog) && may("lister", AccessRequest::Catalog));
    assert!(may("ops", AccessRequest::Catalog) && may("ops", AccessRequest::Administration));
    assert!(!may("lead", AccessRequest::Catalog) && !may("lead", AccessRequest::Administration));
    assert!(!may("lister", AccessRequest::Administration));
    let app = name("team-a/app");
    assert!(may("lead", AccessRequest::delete(&app)));
}

#[test]
fn everything_on_one_folder_says_nothing_about_the_catalog() {
    let set = rules(json!([
        {"subjects": ["*"], "actions": ["catalog"]},
        {"subjects": ["*"], "repositories": ["secret/**"], "actions": ["*"], "effect": "deny"},
        {"subjects": ["user:out"], "repositories": ["**"], "actions": ["*"], "effect": "deny"},
    ]));
    assert!(set.allows(&user("ops"), &AccessRequest::Catalog));
    assert!(!set.allows(&user("out"), &AccessRequest::Catalog));
}

#[test]
fn nobody_administers_without_a_name() {
    let all = |subject: &str| {
        rules(json!([{"subjects": [subject], "repositories": ["**"], "actions": ["*"]}]))
    };
    let asked = AccessRequest::Administration;
    for subject in ["*", "anonymous"] {
        assert!(
            !all(subject).allows(&Rights::anonymous(), &asked),
            "{subject}"
        );
        assert!(all(subject).allows(&Rights::anonymous(), &AccessRequest::Catalog));
    }
    assert!(!all("anonymous").allows(&user("ops"), &asked));
    assert!(all("authenticated").allows(&user("ops"), &asked));
}

#[test]
fn rules_that_cannot_mean_anything_are_refused() {
    let refuse = |value| RuleSet::new(serde_json::from_value(json!([value])).unwrap()).unwrap_err();
    assert_eq!(
        refuse(json!({"subjects": [], "repositories": ["**"], "actions": ["pull"]})),
        RuleError::NoSubjects(1)
    );
    assert_eq!(
        refuse(json!({"subjects": ["*"], "actions": ["pull"]})),
        RuleError::NoRepositories(1)
    );
    assert_eq!(
        refuse(
            json!({"subjects": ["*"], "repositories": ["**"], "tags": ["*"], "actions": ["catalog"]})
        ),
        RuleError::TagsOfCatalog(1)
    );
    for wrong in [
        json!({"subjects": ["*"], "repositories": ["**"], "actions": ["read"]}),
        json!({"subjects": ["*"], "repositories": ["**"], "actions": []}),
        json!({"subjects": ["*"], "repositories": ["a/../b"], "actions": ["pull"]}),
        json!({"subjects": ["ops"], "repositories": ["**"], "actions": ["pull"]}),
        json!({"subjects": ["*"], "repositories": ["**"], "actions": ["pull"], "effct": "deny"}),
        json!({"subjects": ["*"], "repositories": ["**"], "actions": ["pull"], "effect": "maybe"}),
    ] {
        assert!(
            serde_json::from_value::<Rule>(wrong.clone()).is_err(),
            "{wrong}"
        );
    }
}

/// Reads the rules word by word from their JSON, knowing nothing of the types above.
fn reference(
    rules: &[serde_json::Value],
    who: &Who,
    path: &str,
    tag: Option<&str>,
    action: &str,
) -> bool {
    let list = |rule: &serde_json::Value, member: &str| -> Vec<String> {
        serde_json::from_value(rule[member].clone()).unwrap_or_default()
    };
    let user = (who.kind == "user").then_some(who.name.as_str());
    let fits = |rule: &serde_json::Value, deny: bool| {
        let tags = list(rule, "tags");
        let tag_fits = tags.is_empty()
            || tag.is_some_and(|tag| {
                tags.iter().any(|pattern| {
                    pattern
                        .strip_suffix('*')
                        .map_or(pattern == tag, |prefix| tag.starts_with(prefix))
                })
            });
        let path_fits = list(rule, "repositories")
            .iter()
            .any(|pattern| pattern::tests::reference(pattern, path, user));
        let actions = list(rule, "actions");
        let has = |wanted: &str| {
            actions
                .iter()
                .any(|action| action == wanted || action == "*")
        };
        let action_fits =
            has(action) || (action == "tag-overwrite" && has("push")) || (!deny && has("admin"));
        let who_fits = list(rule, "subjects")
            .iter()
            .any(|subject| match subject.as_str() {
                "*" => true,
                "anonymous" => who.kind == "anonymous" || !deny,
                "authenticated" => who.kind != "anonymous",
                other => {
                    other == format!("{}:{}", who.kind, who.name)
                        || who
                            .groups
                            .iter()
                            .any(|group| other == format!("group:{group}"))
                }
            });
        tag_fits && path_fits && action_fits && who_fits
    };
    let is_deny = |rule: &serde_json::Value| rule["effect"] == "deny";
    !rules.iter().any(|rule| is_deny(rule) && fits(rule, true))
        && rules.iter().any(|rule| !is_deny(rule) && fits(rule, false))
}

#[derive(Clone, Debug)]
struct Who {
    kind: &'static str,
    name: String,
    groups: Vec<String>,
}

impl Who {
    fn rights(&self) -> Rights {
        match self.kind {
            "user" => user(&self.name),
            "robot" => robot(&self.name),
            _ => Rights::anonymous(),
        }
        .with_groups(
            self.groups
                .iter()
                .map(|group| subject(group))
                .collect::<Vec<_>>(),
        )
    }
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        Just(Who {
            kind: "anonymous",
            name: String::new(),
            groups: Vec::new()
        }),
        ("[ab]", proptest::collection::vec("[gh]", 0..2)).prop_map(|(name, groups)| Who {
            kind: "user",
            name,
            groups
        }),
        "[ab]".prop_map(|name| Who {
            kind: "robot",
            name,
            groups: Vec::new()
        }),
    ]
}

fn rule() -> impl Strategy<Value = serde_json::Value> {
    let subjects = proptest::sample::subsequence(
        vec![
            "*",
            "anonymous",
            "authenticated",
            "user:a",
            "user:b",
            "robot:a",
            "robot:b",
            "group:g",
            "group:h",
        ],
        1..3,
    );
    let repositories = proptest::sample::subsequence(
        vec!["**", "a/**", "*/b", "{user}/**", "a", "a/b", "a*", "**/b"],
        1..3,
    );
    let actions = proptest::sample::subsequence(
        vec!["pull", "push", "delete", "tag-overwrite", "admin", "*"],
        1..3,
    );
    let tags = proptest::sample::subsequence(vec!["v*", "latest"], 0..2);
    (subjects, repositories, actions, tags, proptest::bool::weighted(0.3)).prop_map(
        |(subjects, repositories, actions, tags, deny)| {
            let effect = if deny { "deny" } else { "allow" };
            json!({"subjects": subjects, "repositories": repositories, "actions": actions, "tags": tags, "effect": effect})
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_decision_equals_the_reference(
        written in proptest::collection::vec(rule(), 0..6),
        who in who(),
        path in "[ab](/[ab]){0,2}",
        tag in proptest::option::of(prop_oneof![Just("v1"), Just("latest"), Just("x")]),
        action in proptest::sample::select(Action::ALL.to_vec()),
    ) {
        let set = rules(json!(written));
        let (path_name, tag_value) = (name(&path), tag.map(|tag| Tag::parse(tag).unwrap()));
        let request = match &tag_value {
            Some(tag) => AccessRequest::Tag { name: &path_name, tag, action },
            None => AccessRequest::Repository { name: &path_name, action },
        };
        let expected = reference(&written, &who, &path, tag, action.as_str());
        let reason = set.explain(&who.rights(), &request);
        prop_assert_eq!(reason.is_allowed(), expected, "{}", reason);
        // The named rule is one of the right kind.
        match reason {
            Reason::DeniedByRule(number) => prop_assert_eq!(set.rules()[number - 1].effect, Effect::Deny),
            Reason::AllowedByRule(number) => prop_assert_eq!(set.rules()[number - 1].effect, Effect::Allow),
            _ => {}
        }
    }
}
