//! `roadstead-scale`: makes a data folder with a big store in it.

use clap::Parser;
use roadstead_scale::{Plan, make};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Makes a data folder with a big store in it, as if it had been pushed to for years.
///
/// All content is real: digests are those of the bytes, manifests name their blobs, and
/// `roadstead fsck --checksum` finds no fault. The repository `scale/big` has a tenth of the manifests and
/// the tags `t-000000`, `t-000001` and so on; the others, `scale/r-000001` and so on, share the
/// rest, a tag `m-…` each.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  roadstead-scale ./data                                  a million blobs, half of them garbage
  roadstead-scale ./data --repositories 50000             more repositories
  roadstead-scale ./data --blobs 10000 --data-files 1000 --manifests 1000 --repositories 100 --tags 1000
  ROADSTEAD_STORAGE__LOCAL__PATH=./data roadstead serve   serves it")]
struct Options {
    /// The data folder; empty, or not there yet.
    folder: PathBuf,
    #[command(flatten)]
    plan: Plan,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let begun = Instant::now();
    match make(&options.folder, &options.plan, &say).await {
        Ok(made) => {
            say(&format!(
                "{}: {} records, {} links, {} blobs of garbage with {} data files, in {} s",
                options.folder.display(),
                made.records,
                made.links,
                made.garbage,
                made.garbage_files,
                begun.elapsed().as_secs()
            ));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "it is a program for a terminal")]
fn say(line: &str) {
    eprintln!("{line}");
}
