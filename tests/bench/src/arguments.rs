//! The command line.

use crate::target::Target;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Measures Roadstead beside other registries, in one run, and says what falls short.
#[derive(Debug, Parser)]
#[command(
    version,
    after_long_help = "\
How it measures:
  Every row is done by 4 connections unless it says otherwise. A round visits every registry once, \
in turn, so a ratio holds while the machine's speed drifts; medians over the rounds are quoted. CPU \
is what the kernel charged the server's process for one operation: the figure to trust, since the \
load generator eats the other core. Peaks of memory are those of the row. Before rounds that write, \
dirty pages go to the disk; before large ones the page cache is emptied (as root). Every answer is \
checked, and after a round an image is pulled and looked at byte by byte.

Peers:
  distribution 3 is started when its binary is there (`tests/scripts/tools.sh registry` builds it). \
Any other registry that runs already, and may be filled with rubbish:
    --peer zot=127.0.0.1:8080,pid=4711
  Further parts: auth=USER:PASSWORD (Basic), token=USER:PASSWORD (a token server), prefix=NAMESPACE/. \
Without pid= its CPU and memory are not known.

Examples:
  roadstead-bench small requests           some groups
  roadstead-bench --quick                  see that every row works; the figures mean nothing
  roadstead-bench --rounds 9 requests      more rounds than usual

Exit codes: 0 every demand is met, 1 something is missed or failed, 2 the command line is wrong."
)]
pub(crate) struct Arguments {
    /// What to measure; everything but `scale` when nothing is named.
    #[arg(value_enum)]
    pub(crate) groups: Vec<Group>,
    /// A registry that runs already: NAME=HOST:PORT[,pid=N]; give it as often as needed.
    #[arg(long = "peer", value_name = "NAME=HOST:PORT,pid=N", value_parser = Peer::parse)]
    pub(crate) peers: Vec<Peer>,
    /// Does little of everything, to see that it works. Demands are not held against it.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measures only the rows that have this in their names.
    #[arg(long, value_name = "TEXT")]
    pub(crate) row: Option<String>,
    /// Records a profile of the server with perf while a row is measured, into this folder. The
    /// figures suffer; `make profile ROW=pull` makes a flame graph of it.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) record: Option<PathBuf>,
    /// How perf finds who called: by frame pointers, which the server must then be built with, or
    /// by what debuggers go by, which every server has and which costs more.
    #[arg(long, value_name = "HOW", default_value = "fp", value_parser = ["fp", "dwarf"])]
    pub(crate) call_graph: String,
    /// Rounds of each row, in place of its own number.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: Option<u16>,
    /// The server to measure.
    #[arg(
        long,
        env = "SERVER_BINARY",
        default_value = "target/release/roadstead"
    )]
    pub(crate) server: PathBuf,
    /// The binary of distribution 3; looked for in target/tools/bin and in PATH.
    #[arg(long, env = "DISTRIBUTION_BINARY")]
    pub(crate) distribution: Option<PathBuf>,
    /// Measures without distribution.
    #[arg(long)]
    pub(crate) without_distribution: bool,
    /// The S3 fake; looked for beside this program.
    #[arg(long)]
    pub(crate) s3_fake: Option<PathBuf>,
    /// A data folder of `roadstead-scale`, for `scale`; made in the temporary folder otherwise. Rows
    /// push a few thousand tags into it.
    #[arg(long)]
    pub(crate) small_store: Option<PathBuf>,
    /// The same with many of everything; minutes and gigabytes, when it has to be made. Where the
    /// folder is empty it is made there, and stays.
    #[arg(long)]
    pub(crate) big_store: Option<PathBuf>,
    /// Where servers keep what they are given, on the disk that is to be measured; the system's
    /// temporary folder otherwise. Removed at the end.
    #[arg(long, env = "BENCH_FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Where the tables are kept, a file for each group.
    #[arg(long, default_value = "target/bench")]
    pub(crate) output: PathBuf,
}

/// A peer of the command line.
#[derive(Clone)]
pub(crate) struct Peer(pub(crate) Target);

impl Peer {
    fn parse(text: &str) -> Result<Self, String> {
        Target::parse(text)
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0.name)
    }
}

/// Rows that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// Images of 1 MiB: push, pull, both.
    Small,
    /// HEAD and GET of manifests, HEAD of blobs.
    Requests,
    /// Pages of tags and of the catalog, one more tag.
    Lists,
    /// Layers of 256 MiB: pull, push.
    Large,
    /// Images of 20 layers of 64 KiB: push, pull.
    Many,
    /// 500 clients at once, the same layer or different ones.
    Herd,
    /// 5,000 connections that do nothing.
    Idle,
    /// One slow reader, one slow uploader, and all others.
    Slow,
    /// Pulls over TLS 1.3, by HTTP/1.1 and HTTP/2.
    Tls,
    /// Pushes and pulls over an S3 store, near and far.
    S3,
    /// Tokens against nobody's credentials.
    Bearer,
    /// The same requests at a small and at a big store.
    Scale,
}

impl Group {
    /// All that are measured when none is named.
    pub(crate) const USUAL: [Self; 11] = [
        Self::Small,
        Self::Requests,
        Self::Lists,
        Self::Large,
        Self::Many,
        Self::Herd,
        Self::Idle,
        Self::Slow,
        Self::Tls,
        Self::S3,
        Self::Bearer,
    ];

    /// Its name on the command line and of its file.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        let words = [
            "bench",
            "small",
            "lists",
            "--peer",
            "zot=h:1,pid=2",
            "--peer",
            "b=h:2",
        ];
        let arguments = Arguments::try_parse_from(words).unwrap();
        assert_eq!(arguments.groups, [Group::Small, Group::Lists]);
        assert_eq!(arguments.peers[0].0.pid, Some(2));
        assert!(Arguments::try_parse_from(["bench", "--peer", "zot"]).is_err());
        assert!(Arguments::try_parse_from(["bench", "--rounds", "0"]).is_err());
    }

    #[test]
    fn every_group_has_a_name() {
        for group in Group::value_variants() {
            assert!(!group.name().is_empty());
        }
    }
}
