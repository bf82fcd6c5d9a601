//! Holds the names of the tests against the list of known cases.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

/// The cases that can be met without authentication. The others: 35, 44 and 45 need two users, 76 a
/// rule for tags, 83 to 100 and 104 are about credentials, 108 about redirects.
const WITHOUT_AUTHENTICATION: &[RangeInclusive<u32>] = &[
    1..=34,
    36..=43,
    46..=75,
    77..=82,
    101..=103,
    105..=107,
    109..=110,
];

#[test]
fn every_case_without_authentication_has_a_test() {
    let expected: BTreeSet<u32> = WITHOUT_AUTHENTICATION.iter().cloned().flatten().collect();
    assert_eq!(tested_cases(), expected);
}

fn tested_cases() -> BTreeSet<u32> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_input");
    let mut cases = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the sources can be listed").path();
        let source = std::fs::read_to_string(path).expect("the sources are text");
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            if line == "#[test]" {
                let name = lines.next().and_then(|line| line.strip_prefix("fn case_"));
                let number: Option<u32> =
                    name.and_then(|name| name.split('_').next()?.parse().ok());
                cases.extend(number);
            }
        }
    }
    cases
}
