//! Runs the models.
#![expect(clippy::print_stdout, reason = "what it is for")]
use roadstead_model::{Depth, Mutant, mutated, safe};
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let deep = args.iter().any(|a| a == "--deep");
    let trace = args.iter().any(|a| a == "--trace");
    let filter = args.iter().find(|a| !a.starts_with("--")).cloned().unwrap_or_default();
    if !args.iter().any(|a| a == "--mutants") {
        for run in safe(if deep { Depth::Deep } else { Depth::Bounded }) {
            if !format!("{} {}", run.part, run.name).contains(&filter) { continue; }
            let r = run.check(1);
            println!("{:10} {:60} {:>9} states {:>10} generated depth {:>3} {:>6.1}s {} {:?}", run.part, run.name, r.states, r.generated, r.depth, r.elapsed.as_secs_f32(), r.counterexample.as_ref().map_or("safe".into(), |c| format!("BROKEN {} {}", c.property, c.steps.len())), r.unreached);
            if let Some(c) = r.counterexample { println!("{c}"); }
        }
    }
    for run in roadstead_model::gaps() { let r = run.check(1); println!("GAP {} {} {:?}", run.name, r.states, r.counterexample.as_ref().map(|c| (c.property, c.steps.len()))); if trace { if let Some(c) = r.counterexample { println!("{c}"); } } }
    if !args.iter().any(|a| a == "--safe") {
    for m in Mutant::ALL {
        if !format!("{} {:?}", m.part(), m).contains(&filter) { continue; }
        let Some(run) = mutated(*m) else { println!("{m:?} nowhere"); continue };
        let r = run.check(1);
        println!("{:10} {:30} {:>9} states depth {:>3} {:>6.1}s {}", m.part(), format!("{m:?}"), r.states, r.depth, r.elapsed.as_secs_f32(), r.counterexample.as_ref().map_or("NOT CAUGHT".into(), |c| format!("{} {}", c.property, c.steps.len())));
        if trace { if let Some(c) = r.counterexample { println!("{c}"); } }
    }}
}
