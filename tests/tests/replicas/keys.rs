//! Replicas that start together on an empty bucket: one signing key for all, and tokens that any of
//! them accepts.

use crate::cluster::{Cluster, REPLICAS};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use roadstead_tests::http::Request;
use roadstead_tests::server;
use std::collections::BTreeSet;
use std::process::Output;

const RULES: &str = "\
access:
  rules:
    - {subjects: [anonymous], repositories: [\"public/**\"], actions: [pull]}
    - {subjects: [authenticated], repositories: [\"{user}/**\"], actions: [pull, push]}
";
/// How often the race is run.
const ROUNDS: usize = 3;

fn run(cluster: &Cluster, replica: usize, arguments: &[&str]) -> Output {
    let folder = cluster.servers[replica].folder();
    let output = server::command(
        folder,
        &[arguments, &["--config", "roadstead.yaml"]].concat(),
    )
    .output()
    .expect("the binary can be run");
    assert!(output.status.success(), "{output:?}");
    output
}

fn token_of(cluster: &Cluster, replica: usize, authorization: Option<&str>) -> String {
    let mut request = Request::get("/token?scope=repository:ops/app:pull,push");
    if let Some(authorization) = authorization {
        request = request.header("Authorization", authorization);
    }
    let answer = cluster.at(replica).send(&request);
    answer.expect_status(200);
    answer.json()["token"].as_str().expect("is text").to_owned()
}

fn key_of(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("has a header"));
    let header: serde_json::Value =
        serde_json::from_slice(&header.expect("is base64")).expect("is JSON");
    header["kid"].as_str().expect("is text").to_owned()
}

/// Returns the keys that the replicas sign with, having tried every token at every replica.
fn keys_of_all(cluster: &Cluster, authorization: Option<&str>) -> BTreeSet<String> {
    let tokens: Vec<String> = (0..REPLICAS)
        .map(|replica| token_of(cluster, replica, authorization))
        .collect();
    for (maker, token) in tokens.iter().enumerate() {
        for checker in 0..REPLICAS {
            let ping = Request::get("/v2/").header("Authorization", format!("Bearer {token}"));
            let status = cluster.at(checker).send(&ping).status;
            assert_eq!(status, 200, "a token of {maker} at {checker}");
        }
    }
    tokens.iter().map(|token| key_of(token)).collect()
}

#[test]
fn replicas_that_start_at_once_make_one_key_and_accept_each_others_tokens() {
    let mut seen = BTreeSet::new();
    for _ in 0..ROUNDS {
        let cluster = Cluster::start_with(RULES);
        let keys = keys_of_all(&cluster, None);
        assert_eq!(keys.len(), 1, "{keys:?}");
        seen.extend(keys);
    }
    assert_eq!(seen.len(), ROUNDS, "each bucket has a key of its own");
}

#[test]
fn a_token_of_a_key_that_another_replica_has_just_made_is_accepted() {
    let cluster = Cluster::start_with(RULES);
    let made = run(&cluster, 0, &["user", "add", "ops"]);
    let password = String::from_utf8(made.stdout).expect("is text");
    let login = format!(
        "Basic {}",
        STANDARD.encode(format!("ops:{}", password.trim()))
    );
    let before = token_of(&cluster, 0, Some(&login));
    // The command writes to the bucket; each replica finds out by itself. The first that signs with
    // the new key is asked, and then the others are shown its token.
    run(&cluster, 1, &["access", "rotate-keys"]);
    cluster.servers[2].terminate();
    let mut cluster = cluster;
    cluster.servers[2].wait();
    cluster.servers[2].start_again();
    let after = token_of(&cluster, 2, Some(&login));
    assert_ne!(key_of(&before), key_of(&after));
    for replica in 0..REPLICAS {
        for token in [&before, &after] {
            let start = Request::post("/v2/ops/app/blobs/uploads/")
                .header("Authorization", format!("Bearer {token}"));
            cluster.at(replica).send(&start).expect_status(202);
        }
    }
}
