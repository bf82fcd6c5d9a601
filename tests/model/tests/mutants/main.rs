//! Every rule is needed: without it the model finds something broken. One test for each.

mod collector;
mod requests;

use roadstead_model::{Mutant, mutated};
use std::collections::BTreeSet;

fn is_missed(mutant: Mutant) {
    let run = mutated(mutant).expect("a part of the model has the rule");
    let report = run.check(1);
    assert!(
        report.counterexample.is_some(),
        "nothing is broken when {}",
        mutant.rule()
    );
}

#[test]
fn every_mutant_has_a_test_and_a_name_of_its_own() {
    let source = [include_str!("collector.rs"), include_str!("requests.rs")].concat();
    for mutant in Mutant::ALL {
        let asked = format!("is_missed(Mutant::{mutant:?});");
        assert!(source.contains(&asked), "{asked} is not here");
    }
    let rules: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.rule()).collect();
    assert_eq!(rules.len(), Mutant::ALL.len());
}
