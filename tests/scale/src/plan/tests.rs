//! What follows from the numbers of a plan.

use super::*;
use std::collections::BTreeSet;

fn plan() -> Plan {
    Plan {
        blobs: 1000,
        garbage: 50,
        data_files: 100,
        file_bytes: 40_000,
        blob_bytes: 600,
        manifests: 100,
        repositories: 10,
        tags: 300,
        age_days: 3,
        seed: 1,
    }
}

#[test]
fn exactly_what_is_no_garbage_is_named_by_a_manifest_of_a_repository_that_has_a_link() {
    let plan = plan();
    let mut links: BTreeSet<(u64, u64)> = (0..plan.blobs)
        .filter_map(|blob| Some((blob, plan.linked_in(blob)?)))
        .collect();
    for repository in 0..plan.repositories {
        links.extend(plan.base_of(repository).map(|base| (base, repository)));
    }
    assert_eq!(links.len() as u64, plan.links());
    let mut named = BTreeSet::new();
    for manifest in 0..plan.manifests {
        let blobs: Vec<u64> = plan.blobs_of(manifest).collect();
        assert!(blobs.len() >= 2, "manifest {manifest} has {blobs:?}");
        let repository = plan.repository_of(manifest);
        for blob in blobs {
            assert!(links.contains(&(blob, repository)), "{blob} {repository}");
            named.insert(blob);
        }
    }
    assert_eq!(named, (0..plan.live()).collect());
    assert_eq!(plan.live(), 500);
}

#[test]
fn every_repository_has_a_manifest() {
    for repositories in [1, 2, 10, 91, 100] {
        let plan = Plan {
            repositories,
            ..plan()
        };
        plan.check().unwrap();
        let found: BTreeSet<u64> = (0..plan.manifests)
            .map(|manifest| plan.repository_of(manifest))
            .collect();
        assert_eq!(found, (0..repositories).collect());
    }
}

#[test]
fn files_are_spread_evenly() {
    let plan = plan();
    let count = |blobs: std::ops::Range<u64>| blobs.filter(|&blob| plan.has_file(blob)).count();
    assert_eq!(count(0..plan.blobs), 100);
    assert_eq!(count(0..plan.live()), 50);
    assert_eq!(plan.files_before(plan.blobs), 100);
}

#[test]
fn numbers_that_do_not_fit_together_are_refused() {
    let wrong = [
        Plan {
            garbage: 101,
            ..plan()
        },
        Plan {
            garbage: 81,
            ..plan()
        },
        Plan {
            repositories: 101,
            ..plan()
        },
        Plan {
            repositories: 0,
            ..plan()
        },
        Plan {
            file_bytes: 32_768,
            ..plan()
        },
        Plan {
            blob_bytes: 32_769,
            ..plan()
        },
        Plan {
            data_files: 1001,
            ..plan()
        },
    ];
    for plan in wrong {
        assert!(plan.check().is_err(), "{plan:?}");
    }
}
