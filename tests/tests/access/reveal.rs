//! For random rules: the catalog and mounts reveal exactly what its reader may pull, by whatever
//! credentials, and however the list is cut into pages.

use crate::fixture::{Guarded, PASSWORD, basic, bearer};
use roadstead_tests::content::sha256;
use roadstead_tests::http::{Answer, Request};
use roadstead_tests::server::Server;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const ROUNDS: u64 = 6;
const REPOSITORIES: &[&str] = &["a", "a/b", "a/b/c", "ab/c", "b/a", "dev/x", "g/release"];
const PATTERNS: &[&str] = &[
    "**",
    "a",
    "a/*",
    "a/**",
    "a*",
    "*/b",
    "**/c",
    "{user}/**",
    "*/release",
];
/// Where everybody tries to mount to.
const TARGET: &str = "target/app";

/// Writes rules that nobody thought of, after those that the test itself needs.
fn random_rules(random: &mut fastrand::Rng) -> String {
    let mut yaml = format!(
        "access:\n  rules:\n    \
         - {{subjects: [\"user:root\"], repositories: [\"**\"], actions: [\"*\"]}}\n    \
         - {{subjects: [\"*\"], actions: [catalog]}}\n    \
         - {{subjects: [\"*\"], repositories: [\"{TARGET}\"], actions: [push]}}\n"
    );
    for _ in 0..random.usize(1..5) {
        // Denials are for others than the one who fills the registry.
        let is_denial = random.u8(0..10) < 3;
        let subjects: &[&str] = if is_denial {
            &["user:dev", "group:g", "robot:ci", "anonymous"]
        } else {
            &[
                "user:dev",
                "group:g",
                "robot:ci",
                "anonymous",
                "authenticated",
                "*",
            ]
        };
        let subject = random.choice(subjects).expect("there are some");
        let pattern = random.choice(PATTERNS).expect("there are some");
        let action = random.choice(["pull", "pull", "push", "\"*\"", "admin"]);
        let action = action.expect("there are some");
        let effect = if is_denial { ", effect: deny" } else { "" };
        writeln!(
            yaml,
            "    - {{subjects: [\"{subject}\"], repositories: [\"{pattern}\"], actions: [{action}]{effect}}}"
        )
        .expect("text takes text");
    }
    yaml
}

fn send(guarded: &Guarded, credentials: Option<&str>, request: Request) -> Answer {
    match credentials {
        Some(credentials) => guarded.send(credentials, request),
        None => guarded.connect().send(&request),
    }
}

fn blob_of(name: &str) -> Vec<u8> {
    format!("layer of {name}").into_bytes()
}

/// What the caller gets when they pull, which all else is held against.
fn pulled(guarded: &Guarded, credentials: Option<&str>) -> BTreeSet<String> {
    let may_pull = |name: &&&str| {
        let status = |path: String| {
            send(
                guarded,
                credentials,
                Request::get(format!("/v2/{name}/{path}")),
            )
            .status
        };
        let manifest = status("manifests/1".into());
        let others = [
            status(format!("blobs/{}", sha256(&blob_of(name)))),
            status("tags/list".into()),
        ];
        assert_eq!(others, [manifest; 2], "{name}");
        assert!(matches!(manifest, 200 | 401 | 403), "{name}: {manifest}");
        manifest == 200
    };
    let pulled = REPOSITORIES.iter().filter(may_pull);
    pulled.map(ToString::to_string).collect()
}

/// Reads the catalog in pages of so many; `None` when it is refused.
fn catalog(guarded: &Guarded, credentials: Option<&str>, page: usize) -> Option<BTreeSet<String>> {
    let mut target = format!("/v2/_catalog?n={page}");
    let mut names = BTreeSet::new();
    loop {
        let answer = send(guarded, credentials, Request::get(&target));
        if matches!(answer.status, 401 | 403) {
            return None;
        }
        answer.expect_status(200);
        let list: Vec<String> = serde_json::from_value(answer.json()["repositories"].clone())
            .expect("is a list of names");
        names.extend(list);
        let Some(link) = answer.header("link") else {
            return Some(names);
        };
        let end = link.find('>').expect("a link is in angles");
        link[1..end].clone_into(&mut target);
    }
}

/// Mounts every blob, with its source and without, and returns the sources that were found.
fn mounted(guarded: &Guarded, credentials: &str, with_source: bool) -> BTreeSet<String> {
    let mounts = |name: &&&str| {
        let digest = sha256(&blob_of(name));
        let from = if with_source {
            format!("&from={name}")
        } else {
            String::new()
        };
        let target = format!("/v2/{TARGET}/blobs/uploads/?mount={digest}{from}");
        let answer = send(guarded, Some(credentials), Request::post(target));
        assert!(matches!(answer.status, 201 | 202), "{name}: {answer:?}");
        let is_mounted = answer.status == 201;
        if is_mounted {
            // Or it would lie in the target from now on, and be found there.
            let blob = Request::delete(format!("/v2/{TARGET}/blobs/{digest}"));
            let root = basic("root", PASSWORD);
            send(guarded, Some(&root), blob).expect_status(202);
        }
        is_mounted
    };
    let mounted = REPOSITORIES.iter().filter(mounts);
    mounted.map(ToString::to_string).collect()
}

#[test]
fn catalog_and_mounts_reveal_what_may_be_pulled_and_nothing_else() {
    let mut shown = 0;
    for round in 0..ROUNDS {
        let mut random = fastrand::Rng::with_seed(round);
        let yaml = random_rules(&mut random);
        let guarded = Guarded(Server::start_with(&yaml));
        guarded.add_user("root", &[]);
        guarded.add_user("dev", &["--group", "g"]);
        let grant = *random
            .choice(&["a/**", "**/c", "nothing"])
            .expect("there are some");
        let scope = ["--repositories", grant, "--actions", "pull,catalog"];
        let secret = guarded.run(&[&["robot", "create", "ci"], &scope[..]].concat());
        let limited = ["token", "create", "--user", "dev"];
        let limited = guarded.run(&[&limited[..], &scope[..2], &["--actions", "*"]].concat());
        let root = basic("root", PASSWORD);
        for name in REPOSITORIES {
            let content = blob_of(name);
            let target = format!("/v2/{name}/blobs/uploads/?digest={}", sha256(&content));
            let push = Request::post(target).body(&content);
            send(&guarded, Some(&root), push).expect_status(201);
            guarded.push(&root, name, "1", name).expect_status(201);
        }
        let people = [
            basic("dev", PASSWORD),
            basic("robot+ci", secret.trim()),
            basic("dev", limited.trim()),
        ];
        let mut scopes = vec!["registry:catalog:*".to_owned()];
        scopes.push(format!("repository:{TARGET}:push"));
        scopes.extend(
            REPOSITORIES
                .iter()
                .map(|name| format!("repository:{name}:pull")),
        );
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        for who in &people {
            let expected = pulled(&guarded, Some(who));
            shown += expected.len();
            let token = bearer(&guarded.token(Some(who), &scopes));
            assert_eq!(pulled(&guarded, Some(&token)), expected, "{yaml}");
            for credentials in [who, &token] {
                for page in [1, 2, 100] {
                    let listed = catalog(&guarded, Some(credentials), page);
                    // A limit that leaves the catalog out leaves nothing of it.
                    assert!(listed.is_none_or(|listed| listed == expected), "{yaml}");
                }
                let can_push = Request::post(format!("/v2/{TARGET}/blobs/uploads/"));
                if send(&guarded, Some(credentials), can_push).status == 202 {
                    for with_source in [true, false] {
                        let found = mounted(&guarded, credentials, with_source);
                        assert_eq!(found, expected, "{yaml}");
                    }
                }
            }
        }
        let expected = pulled(&guarded, None);
        assert_eq!(catalog(&guarded, None, 2), Some(expected.clone()), "{yaml}");
        let token = bearer(&guarded.token(None, &scopes));
        assert_eq!(catalog(&guarded, Some(&token), 2), Some(expected), "{yaml}");
    }
    assert!(shown > 0, "nobody was ever shown anything");
}
