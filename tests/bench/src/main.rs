//! `roadstead-bench`: measures Roadstead beside other registries and says what falls short of what is
//! demanded. `--help` tells how.

mod arguments;
mod certificates;
mod client;
mod content;
mod groups;
mod load;
mod machine;
mod operations;
mod process;
mod recording;
mod rows;
mod servers;
mod session;
mod statistics;
mod table;
mod target;
mod verdict;

use anyhow::Result;
use arguments::{Arguments, Group};
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use session::{Session, print, progress};
use std::process::ExitCode;

/// One thread: what the load generator does not take is the server's.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            progress(&format!("roadstead-bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    raise_limit_of_files();
    let session = Session::new(arguments)?;
    let mut groups = session.arguments.groups.clone();
    if groups.is_empty() {
        groups = Group::USUAL.to_vec();
    }
    print(session.heading())?;
    let mut missed = Vec::new();
    let mut failures = 0;
    for group in groups {
        progress(&format!("== {}", group.name()));
        match groups::run(&session, group).await {
            Ok(section) => {
                session.keep(group, &section)?;
                failures += section.failures;
                missed.extend(section.missed);
            }
            Err(error) => {
                progress(&format!("{}: {error:#}", group.name()));
                failures += 1;
                missed.push(format!("{} could not be measured: {error:#}", group.name()));
            }
        }
    }
    if missed.is_empty() {
        print("Every demand is met.")?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&format!(
        "{} demands are missed:\n\n- {}",
        missed.len(),
        missed.join("\n- ")
    ))?;
    // In haste only what fails counts.
    let is_fine = session.arguments.quick && failures == 0;
    Ok(if is_fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Thousands of connections need as many files, here and in the servers, which inherit the limit.
fn raise_limit_of_files() {
    let limit = getrlimit(Resource::Nofile);
    // Without it the rows with thousands of connections fail and say so.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}
