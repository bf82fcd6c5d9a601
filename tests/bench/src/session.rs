//! A run: what is to be measured with which programs, where servers live and where figures go.

use crate::arguments::{Arguments, Group};
use crate::machine;
use crate::recording::Profiles;
use crate::rows::Row;
use crate::servers::{Server, Setup, first_line, write};
use crate::table::Table;
use crate::target::Target;
use anyhow::{Context, Result, ensure};
use rustix::fs::IFlags;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The name of the server under test in tables.
pub(crate) const OURS: &str = "Roadstead";

/// The name of the peer that is always there, when its binary is.
pub(crate) const DISTRIBUTION: &str = "distribution 3";

/// What came out of a group.
#[derive(Debug, Default)]
pub(crate) struct Section {
    pub(crate) title: String,
    /// What the reader of the figures must know.
    pub(crate) notes: Vec<String>,
    pub(crate) tables: Vec<Table>,
    /// The demands that are not met, and what failed.
    pub(crate) missed: Vec<String>,
    /// How many of them are failures, which no haste excuses.
    pub(crate) failures: usize,
}

/// A run.
pub(crate) struct Session {
    pub(crate) arguments: Arguments,
    pub(crate) distribution: Option<PathBuf>,
    workspace: TempDir,
    heading: String,
}

impl Session {
    pub(crate) fn new(mut arguments: Arguments) -> Result<Self> {
        let server = &arguments.server;
        ensure!(
            server.is_file(),
            "there is no server at {}; build it with `cargo build --release --package roadstead`, or \
             name one with --server",
            server.display()
        );
        arguments.server = server.canonicalize()?;
        let distribution = if arguments.without_distribution {
            None
        } else {
            find_distribution(arguments.distribution.as_deref())?
        };
        let folder = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
        let workspace = tempfile::Builder::new()
            .prefix("roadstead-bench.")
            .tempdir_in(&folder);
        let workspace = workspace.with_context(|| format!("no room in {}", folder.display()))?;
        spread(workspace.path());
        std::fs::create_dir_all(&arguments.output).context("cannot make the tables' folder")?;
        let heading = heading(&arguments, distribution.as_deref(), workspace.path());
        Ok(Self {
            arguments,
            distribution,
            workspace,
            heading,
        })
    }

    /// What every file of figures begins with.
    pub(crate) fn heading(&self) -> &str {
        &self.heading
    }

    /// A row as it is to be measured in this run: in no round when others are asked for.
    pub(crate) fn row(&self, row: Row) -> Row {
        let mut row = if self.arguments.quick {
            row.quick()
        } else {
            row
        };
        if let Some(rounds) = self.arguments.rounds {
            row.rounds = usize::from(rounds);
        }
        if let Some(text) = &self.arguments.row
            && !row.name.contains(text.as_str())
        {
            row.rounds = 0;
        }
        row.profiles = self.arguments.record.as_ref().map(|folder| Profiles {
            folder: folder.clone(),
            call_graph: self.arguments.call_graph.clone(),
        });
        row
    }

    /// A number of something in this run: all, or few when it is to be quick.
    pub(crate) const fn amount<T: Copy>(&self, usual: T, quick: T) -> T {
        if self.arguments.quick { quick } else { usual }
    }

    /// An empty folder that goes with its value. For few files only: where thousands were removed,
    /// ext4 steps over each of them for minutes whenever anybody makes a file, and the CPU of that is
    /// charged to servers that are measured later.
    pub(crate) fn fleeting_folder(&self) -> Result<TempDir> {
        tempfile::tempdir_in(self.workspace.path()).context("cannot make a folder")
    }

    /// An empty folder that stays until the end of the run.
    pub(crate) fn folder(&self) -> Result<TempDir> {
        let mut folder = self.fleeting_folder()?;
        folder.disable_cleanup(true);
        Ok(folder)
    }

    /// Starts the server under test.
    pub(crate) async fn start_ours(&self, folder: &Path, setup: &Setup) -> Result<Server> {
        Server::roadstead(&self.arguments.server, folder, setup).await
    }

    /// Starts distribution, if there is one.
    pub(crate) async fn start_distribution(
        &self,
        folder: &Path,
        setup: &Setup,
    ) -> Result<Option<Server>> {
        let Some(binary) = &self.distribution else {
            return Ok(None);
        };
        Server::distribution(binary, folder, setup).await.map(Some)
    }

    /// Finds the S3 fake, which is built beside this program.
    pub(crate) fn s3_fake(&self) -> Result<PathBuf> {
        let program = std::env::current_exe()?.with_file_name("s3-fake");
        let program = self.arguments.s3_fake.clone().unwrap_or(program);
        ensure!(
            program.is_file(),
            "there is no S3 fake at {}; `cargo build --release --package roadstead-tests --bin s3-fake` \
             builds it",
            program.display()
        );
        Ok(program)
    }

    /// The peers of the command line.
    pub(crate) fn peers(&self) -> impl Iterator<Item = Target> + '_ {
        self.arguments.peers.iter().map(|peer| peer.0.clone())
    }

    /// Prints what came out of a group, and keeps it.
    pub(crate) fn keep(&self, group: Group, section: &Section) -> Result<()> {
        let mut text = format!("## {}\n\n", section.title);
        for note in &section.notes {
            text += note;
            text += "\n\n";
        }
        for table in &section.tables {
            text += &table.to_string();
            text.push('\n');
        }
        print(&text)?;
        let file = self.arguments.output.join(format!("{}.md", group.name()));
        write(&file, &format!("{}\n{text}", self.heading))
    }
}

/// Prints for whoever reads the tables.
pub(crate) fn print(text: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{text}").context("cannot print")
}

/// Tells whoever waits what is going on.
pub(crate) fn progress(text: &str) {
    // Nobody may be looking.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Asks for parts of the disk of their own for the folders in a folder, where the file system knows
/// that: what one server removes is not stepped over by another then.
fn spread(folder: &Path) {
    let _ = std::fs::File::open(folder).and_then(|folder| {
        let flags = rustix::fs::ioctl_getflags(&folder)? | IFlags::TOPDIR;
        Ok(rustix::fs::ioctl_setflags(&folder, flags)?)
    });
}

fn find_distribution(given: Option<&Path>) -> Result<Option<PathBuf>> {
    if let Some(given) = given {
        ensure!(
            given.is_file(),
            "there is no distribution at {}",
            given.display()
        );
        return Ok(Some(given.to_owned()));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tools = PathBuf::from("target/tools/bin");
    let found = std::iter::once(tools)
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join("registry"))
        .find(|program| program.is_file());
    if found.is_none() {
        progress("distribution is not there; `tests/scripts/tools.sh registry` builds it");
    }
    Ok(found)
}

fn heading(arguments: &Arguments, distribution: Option<&Path>, folder: &Path) -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut lines = vec![
        machine::describe(folder),
        machine::load(),
        machine::roadstead(&arguments.server),
    ];
    if let Some(binary) = distribution {
        let version = first_line(binary, &["--version"]).unwrap_or_default();
        // Behind the name that it was called by.
        let version = version.rsplit(' ').next().unwrap_or_default();
        lines.push(format!(
            "{DISTRIBUTION}: {version}, descriptors cached in memory; it syncs files, not folders."
        ));
    }
    lines.push(format!("Command: `roadstead-bench {}`.", words.join(" ")));
    if arguments.quick {
        lines.push("A quick run: **these figures mean nothing**.".to_owned());
    }
    lines.join("\n") + "\n"
}
