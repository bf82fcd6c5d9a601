//! The plain manifests of `deploy/kubernetes`.

use crate::cluster_rules;
use crate::manifests::{Manifests, number};
use crate::project;

fn manifests(name: &str) -> Manifests {
    let path = project("deploy/kubernetes").join(name);
    Manifests::parse(&std::fs::read_to_string(path).expect("the file is there"))
}

#[test]
fn one_replica_keeps_the_rules() {
    let manifests = manifests("one-replica.yaml");
    cluster_rules::check(&manifests);
    assert_eq!(
        manifests.names(),
        [
            "ServiceAccount/roadstead",
            "ConfigMap/roadstead",
            "StatefulSet/roadstead",
            "Service/roadstead",
            "NetworkPolicy/roadstead",
        ]
    );
}

#[test]
fn replicas_over_a_bucket_keep_the_rules() {
    let manifests = manifests("replicas.yaml");
    cluster_rules::check(&manifests);
    assert_eq!(
        manifests.names(),
        [
            "ServiceAccount/roadstead",
            "ConfigMap/roadstead",
            "Deployment/roadstead",
            "Service/roadstead",
            "PodDisruptionBudget/roadstead",
            "NetworkPolicy/roadstead",
        ]
    );
    assert!(number(manifests.workload(), "/spec/replicas") > 1);
}

/// Whatever a comment of `deploy/` tells people to type must exist.
#[test]
fn the_commands_in_the_comments_are_commands() {
    let text = |name: &str| {
        let path = project("deploy").join(name);
        std::fs::read_to_string(path).expect("the file is there")
    };
    let told = [
        text("kubernetes/one-replica.yaml"),
        text("kubernetes/replicas.yaml"),
        text("helm/roadstead/templates/NOTES.txt"),
    ]
    .concat();
    let mut seen = 0;
    for words in told
        .lines()
        .filter_map(|line| line.split_once("-- roadstead "))
    {
        let words: Vec<&str> = words.1.split_whitespace().take(2).collect();
        let output = std::process::Command::new(roadstead_tests::binary::path())
            .args(&words)
            .arg("--help")
            .output()
            .expect("the binary can be run");
        assert!(output.status.success(), "roadstead {words:?}");
        seen += 1;
    }
    assert!(seen >= 5, "{seen} commands");
}
