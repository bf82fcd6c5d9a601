//! Explores the model by hand: all parts or one, as far as the tests go or deeper, with or without a
//! rule taken away.
#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use roadstead_model::{Depth, Mutant, Report, Run, gaps, mutated, safe};
use std::io::Write;
use std::process::ExitCode;

const HELP: &str = "\
Explores the model of the storage protocol and prints each run with its states and time.

  roadstead-model [WORD] [--deep] [--mutants] [--gaps] [--trace]

  WORD        only what has it in its part or name: guarded, names, register, sessions, ...
  --deep      wider bounds: more than half an hour and up to 16 GiB of memory for everything
  --mutants   take the rules away one by one, and say how each is missed
  --gaps      what is known to go wrong
  --trace     print every counterexample step by step

The exit code is 1 when a rule is broken that should hold, or a rule is missed by nobody.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let known = ["--deep", "--mutants", "--gaps", "--trace"];
    let is_unknown =
        |argument: &&String| argument.starts_with('-') && !known.contains(&argument.as_str());
    if arguments.iter().any(|argument| is_unknown(&argument)) {
        println!("{HELP}");
        return ExitCode::from(2);
    }
    let word = arguments.iter().find(|argument| !argument.starts_with('-'));
    let word = word.map_or("", String::as_str);
    let is_asked = |part: &str, name: &str| part.contains(word) || name.contains(word);

    let mut wrong = 0;
    if has("--mutants") {
        for mutant in Mutant::ALL {
            if is_asked(mutant.part(), mutant.rule()) {
                wrong += u32::from(!miss(*mutant, has("--trace")));
            }
        }
    } else if has("--gaps") {
        for run in gaps().iter().filter(|run| is_asked(run.part, &run.name)) {
            let report = explore(run, 1);
            wrong += u32::from(report.counterexample.is_none());
            tell(&report, has("--trace"));
        }
    } else {
        let depth = if has("--deep") {
            Depth::Deep
        } else {
            Depth::Bounded
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for run in safe(depth)
            .iter()
            .filter(|run| is_asked(run.part, &run.name))
        {
            let report = explore(run, threads);
            wrong += u32::from(!report.is_exhausted || !report.unreached.is_empty());
            tell(&report, true);
        }
    }
    ExitCode::from(u8::from(wrong > 0))
}

/// Explores a run; says what it is at once, since it may take minutes.
fn explore(run: &Run, threads: usize) -> Report {
    print!("{:<9} {:<62}", run.part, run.name);
    // A terminal that is gone is no reason to stop.
    let _ = std::io::stdout().flush();
    let report = run.check(threads);
    let seconds = report.elapsed.as_secs_f32();
    print!(
        "{:>11} states {:>3} deep {seconds:>6.1} s  ",
        report.states, report.depth
    );
    report
}

fn tell(report: &Report, with_trace: bool) {
    match &report.counterexample {
        Some(found) => {
            println!("BROKEN in {} steps: {}", found.steps.len(), found.property);
            if with_trace {
                println!("{found}");
            }
        }
        None if !report.is_exhausted => println!("not exhausted"),
        None if report.unreached.is_empty() => println!("safe"),
        None => println!("safe, but never {:?}", report.unreached),
    }
}

/// Takes a rule away; whether that was noticed.
fn miss(mutant: Mutant, with_trace: bool) -> bool {
    let Some(run) = mutated(mutant) else {
        println!("{mutant:?} is in no part");
        return false;
    };
    print!("{:<9} {mutant:<32?}", mutant.part());
    let report = run.check(1);
    let Some(found) = report.counterexample else {
        println!("NOT MISSED");
        return false;
    };
    println!("{:>3} steps to: {}", found.steps.len(), found.property);
    if with_trace {
        println!("{found}");
    }
    true
}
