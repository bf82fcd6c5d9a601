//! Holds the names of the tests against the list of known cases.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

/// Where cases are tested: all that need no credentials here, those about credentials beside what
/// else holds of them.
const FOLDERS: &[&str] = &["tests/bad_input", "tests/access"];
/// How many cases are known.
const CASES: u32 = 110;
/// Redirects need a bucket, and are tested with it: in `s3::redirects`.
const TESTED_ELSEWHERE: &[u32] = &[108];

#[test]
fn every_case_has_a_test() {
    let expected: BTreeSet<u32> = (1..=CASES)
        .filter(|case| !TESTED_ELSEWHERE.contains(case))
        .collect();
    let tested: BTreeSet<u32> = FOLDERS
        .iter()
        .flat_map(|folder| tested_in(folder))
        .collect();
    assert_eq!(tested, expected);
}

fn tested_in(folder: &str) -> BTreeSet<u32> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut cases = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the sources can be listed").path();
        let source = std::fs::read_to_string(path).expect("the sources are text");
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            if line == "#[test]" {
                let name = lines.next().and_then(|line| line.strip_prefix("fn case_"));
                cases.extend(name.and_then(cases_of).into_iter().flatten());
            }
        }
    }
    cases
}

/// Reads the numbers at the start of a name: `7_…`, `7_and_8_…` or `7_to_9_…`.
fn cases_of(name: &str) -> Option<RangeInclusive<u32>> {
    let words: Vec<&str> = name.split('_').collect();
    let first: u32 = words.first()?.parse().ok()?;
    let last = match (words.get(1), words.get(2).map(|word| word.parse())) {
        (Some(&"and" | &"to"), Some(Ok(last))) => last,
        _ => first,
    };
    Some(first..=last)
}
