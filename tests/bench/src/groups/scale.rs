//! The cost of requests against the size of the store: the same rows at a small and at a big one.

use crate::client::{Client, Request};
use crate::content::Image;
use crate::load::{Work, empty_page_cache, measure};
use crate::process::resident_kib;
use crate::rows::{Demand, Operation, Row};
use crate::servers::{Server, Setup};
use crate::session::{OURS, Section, Session, progress};
use crate::statistics::{Figures, Round, count, mebibytes, median};
use crate::table::{Table, maybe, number};
use crate::target::Target;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// What the generator calls the repository with most of the tags.
const REPOSITORY: &str = "scale/big";
/// Images that are read, each by chance.
const SAMPLE: usize = 200;
const PAGE: usize = 100;
const MOST_PROCESSOR: f64 = 1.3;
const MOST_START_MS: f64 = 1000.0;
const MOST_IDLE_MIB: f64 = 64.0;
const STARTS: usize = 3;

/// The stores, and what the generator makes them of.
const SMALL: &[&str] = &[
    "--blobs",
    "10000",
    "--data-files",
    "1000",
    "--manifests",
    "1000",
    "--repositories",
    "100",
    "--tags",
    "1000",
];
const BIG: &[&str] = &[
    "--blobs",
    "1000000",
    "--manifests",
    "100000",
    "--repositories",
    "50000",
    "--tags",
    "100000",
];
const TINY: &[&str] = &[
    "--blobs",
    "1000",
    "--data-files",
    "100",
    "--manifests",
    "200",
    "--repositories",
    "110",
    "--tags",
    "200",
];

/// Measures a server at each store, in turn.
pub(crate) async fn run(session: &Session) -> Result<Section> {
    let folder = session.folder()?;
    let (small, big) = stores(session, folder.path())?;
    let mut section = Section {
        title: "A big store against a small one, 4 connections".to_owned(),
        notes: vec![
            "The collector is switched off, so that no pass falls into a row. What is read is chosen by \
             chance, of 200 images. A start is one with an empty page cache (as root), until the first \
             answer; idle is resident memory after it."
                .to_owned(),
        ],
        ..Section::default()
    };
    let mut servers = Vec::new();
    let mut asked = Vec::new();
    for (name, store) in [("small", &small), ("big", &big)] {
        let (server, begun) = begin(session, &mut section, name, store).await?;
        servers.push(server);
        asked.push(begun);
    }
    let mut table = Table::new(
        "The same rows",
        &[
            "row",
            "small/s",
            "big/s",
            "p99 ms small",
            "big",
            "CPU ms small",
            "big",
            "ratio",
            "at most",
            "peak MiB small",
            "big",
            "verdict",
        ],
    );
    for (row, works) in rows(session, &asked) {
        let [small, big] = visit(&row, &servers, &works).await?;
        let missed = missed(&small, &big);
        if small.errors + big.errors > 0 {
            section.failures += 1;
        }
        section.missed.extend(
            missed
                .iter()
                .map(|missed| format!("scale, {}: {missed}", row.name)),
        );
        table.row(vec![
            row.name.clone(),
            number(small.per_second),
            number(big.per_second),
            number(small.p99_ms),
            number(big.p99_ms),
            maybe(small.processor_ms),
            maybe(big.processor_ms),
            maybe(ratio(&small, &big)),
            number(MOST_PROCESSOR),
            maybe(small.peak_mib),
            maybe(big.peak_mib),
            crate::verdict::said(&missed),
        ]);
    }
    section.tables.push(table);
    Ok(section)
}

/// Starts a server at a store, and says how that went.
async fn begin(
    session: &Session,
    section: &mut Section,
    name: &str,
    store: &Path,
) -> Result<((Server, Target), Asked)> {
    let (server, start_ms, idle_mib) = start(session, store).await?;
    let target = Target::plain(name, &server.address, Some(server.pid()));
    progress(&format!("scale: looking at the {name} store"));
    let (asked, tags, repositories) = look(&target).await?;
    let mut missed = Vec::new();
    if start_ms >= MOST_START_MS {
        missed.push("start");
    }
    if idle_mib >= MOST_IDLE_MIB {
        missed.push("idle memory");
    }
    let told = missed
        .iter()
        .map(|missed| format!("{name} store: {missed}"));
    section.missed.extend(told);
    let head = [
        "store",
        "tags",
        "repositories",
        "start ms",
        "below",
        "idle MiB",
        "below",
        "verdict",
    ];
    let mut starts = Table::new(format!("Start at the {name} store"), &head);
    starts.row(vec![
        name.to_owned(),
        number(count(tags)),
        number(count(repositories)),
        number(start_ms),
        number(MOST_START_MS),
        number(idle_mib),
        number(MOST_IDLE_MIB),
        crate::verdict::said(&missed),
    ]);
    section.tables.push(starts);
    Ok(((server, target), asked))
}

/// The folders of both stores, which are made when they are not there.
fn stores(session: &Session, folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let arguments = &session.arguments;
    let given =
        |given: &Option<PathBuf>, name: &str| given.clone().unwrap_or_else(|| folder.join(name));
    let small = given(&arguments.small_store, "small");
    let big = given(&arguments.big_store, "big");
    for (store, plan) in [
        (&small, session.amount(SMALL, TINY)),
        (&big, session.amount(BIG, TINY)),
    ] {
        if store.join("records.redb").is_file() {
            continue;
        }
        let program = std::env::current_exe()?.with_file_name("roadstead-scale");
        ensure!(
            program.is_file(),
            "there is no generator of stores at {}; `cargo build --release --package roadstead-scale` \
             builds it. Or name stores with --small-store and --big-store",
            program.display()
        );
        progress(&format!("scale: making {}", store.display()));
        let made = Command::new(&program).arg(store).args(plan).status()?;
        ensure!(made.success(), "{} could not be made", store.display());
    }
    Ok((small, big))
}

/// Starts a server a few times; returns the last, the median of the milliseconds and the idle MiB.
async fn start(session: &Session, store: &Path) -> Result<(Server, f64, f64)> {
    let folder = session.folder()?;
    let store = store.canonicalize()?;
    let setup = Setup {
        settings: "gc: {interval: off}".to_owned(),
        storage: Some(format!("{{local: {{path: {}}}}}", store.display())),
        ..Setup::default()
    };
    let mut milliseconds = Vec::new();
    loop {
        if !session.arguments.quick {
            empty_page_cache();
        }
        let server = session.start_ours(folder.path(), &setup).await?;
        milliseconds.push(crate::statistics::milliseconds(server.start));
        if milliseconds.len() == session.amount(STARTS, 1) {
            let idle = resident_kib(server.pid()).context("its memory is not known")?;
            return Ok((server, median(milliseconds), mebibytes(idle * 1024)));
        }
        server.stop()?;
    }
}

/// What is asked of a store.
struct Asked {
    images: Vec<Image>,
    tags: Vec<String>,
    catalog: Vec<String>,
}

/// Looks what is there, as a client sees it.
async fn look(target: &Target) -> Result<(Asked, usize, usize)> {
    let mut client = target.client(&[REPOSITORY]).await?;
    let tags = list(&mut client, &format!("/v2/{REPOSITORY}/tags/list")).await?;
    let repositories = list(&mut client, "/v2/_catalog").await?;
    let mut images = Vec::new();
    for _ in 0..SAMPLE {
        let tag = &tags[fastrand::usize(..tags.len())];
        let path = format!("/v2/{REPOSITORY}/manifests/{tag}");
        let answer = client.send(Request::new("GET", &path).kept()).await?;
        ensure!(answer.status == 200, "GET {path}: status {}", answer.status);
        images.push(Image::found(REPOSITORY, tag, answer.body)?);
    }
    let asked = Asked {
        images,
        tags: pages(&format!("/v2/{REPOSITORY}/tags/list"), &tags),
        catalog: pages("/v2/_catalog", &repositories),
    };
    Ok((asked, tags.len(), repositories.len()))
}

/// Pages that begin anywhere and are full.
fn pages(list: &str, entries: &[String]) -> Vec<String> {
    let full = entries.len().saturating_sub(PAGE).max(1);
    let lasts = (0..1000).map(|_| &entries[fastrand::usize(..full)]);
    lasts
        .map(|last| format!("{list}?n={PAGE}&last={last}"))
        .collect()
}

/// All entries of a list.
async fn list(client: &mut Client, path: &str) -> Result<Vec<String>> {
    let mut entries: Vec<String> = Vec::new();
    loop {
        let last = entries
            .last()
            .map_or(String::new(), |last| format!("&last={last}"));
        let page = format!("{path}?n=1000{last}");
        let answer = client.send(Request::new("GET", &page).kept()).await?;
        let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let found = body.get("tags").or_else(|| body.get("repositories"));
        let found = found.and_then(|found| found.as_array());
        let found = found.with_context(|| format!("no list at {page}"))?;
        if found.is_empty() {
            ensure!(!entries.is_empty(), "{path} is empty");
            return Ok(entries);
        }
        entries.extend(
            found
                .iter()
                .filter_map(|name| Some(name.as_str()?.to_owned())),
        );
    }
}

/// The rows, each with what it asks of the small and of the big store.
fn rows(session: &Session, asked: &[Asked]) -> Vec<(Row, [Arc<Work>; 2])> {
    let row = |name: &str, operation, count| {
        session.row(Row::new(name, operation, count, Demand::default()))
    };
    let rows = [
        row("HEAD manifest", Operation::HeadManifest, 10_000),
        row("GET manifest", Operation::GetManifest, 10_000),
        row("HEAD blob", Operation::HeadBlob, 10_000),
        row("pull image", Operation::Pull, 2000),
        row("tags page of 100", Operation::TagsPage, 4000).entries(10 * PAGE),
        row("catalog page of 100", Operation::CatalogPage, 4000).entries(10 * PAGE),
        row("push one more tag", Operation::PushTag, 1000),
    ];
    let work = |row: &Row, asked: &Asked| {
        let mut work = Work::reading(asked.images.clone());
        work.pages = match row.operation {
            Operation::TagsPage => asked.tags.clone(),
            Operation::CatalogPage => asked.catalog.clone(),
            _ => Vec::new(),
        };
        Arc::new(work)
    };
    let [small, big] = asked else {
        return Vec::new();
    };
    rows.into_iter()
        .map(|row| {
            let works = [work(&row, small), work(&row, big)];
            (row, works)
        })
        .collect()
}

async fn visit(
    row: &Row,
    servers: &[(Server, Target)],
    works: &[Arc<Work>; 2],
) -> Result<[Figures; 2]> {
    let mut rounds: [Vec<Round>; 2] = [Vec::new(), Vec::new()];
    progress(&format!("scale: {}", row.name));
    // What is touched for the first time is read from the disk: a first round is not counted.
    for round in 0..=row.rounds {
        for (at, (_, target)) in servers.iter().enumerate() {
            let measured = measure(target, row, &works[at]).await?;
            if round > 0 {
                rounds[at].push(measured);
            }
        }
    }
    Ok(rounds.map(|rounds| Figures::of(&rounds)))
}

fn ratio(small: &Figures, big: &Figures) -> Option<f64> {
    Some(big.processor_ms? / small.processor_ms?)
}

fn missed(small: &Figures, big: &Figures) -> Vec<String> {
    let mut missed = Vec::new();
    if let Some(first) = small.first_error.as_ref().or(big.first_error.as_ref()) {
        missed.push(format!("{OURS} fails: {first}"));
    }
    if ratio(small, big).is_some_and(|ratio| ratio > MOST_PROCESSOR) {
        missed.push("CPU".to_owned());
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_big_store_may_cost_a_little_more() {
        let figures = |processor_ms| Figures {
            processor_ms: Some(processor_ms),
            ..Figures::default()
        };
        assert!(missed(&figures(1.0), &figures(1.3)).is_empty());
        assert_eq!(missed(&figures(1.0), &figures(1.31)), ["CPU"]);
    }

    #[test]
    fn every_page_that_is_asked_for_is_full() {
        let entries: Vec<String> = (0..250).map(|entry| format!("t-{entry:06}")).collect();
        for page in pages("/list", &entries) {
            let (_, last) = page.split_once("last=t-").unwrap();
            assert!(last.parse::<usize>().unwrap() < 150, "{page}");
        }
    }
}
