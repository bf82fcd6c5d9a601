//! Loads a target with one row: prepares content, lets workers loose and reads what it cost.

use crate::client::{Client, READ_BYTES};
use crate::content::{Image, Tail, stamp};
use crate::operations::{self, Upload};
use crate::process::{self, Charged};
use crate::recording::Recording;
use crate::rows::{Operation, PATIENCE, Row};
use crate::session::OURS;
use crate::statistics::{Round, Tally};
use crate::target::Target;
use anyhow::{Context, Result, ensure};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Over how many repositories pushes are spread.
const REPOSITORIES: usize = 8;

/// More connections than so many read fewer bytes at once.
const MANY: usize = 64;
const READ_BYTES_OF_MANY: usize = 64 * 1024;

/// How many connections prepare a catalog.
const PREPARING: usize = 4;

/// What the workers of a round share.
pub(crate) struct Work {
    /// One for each operation that pushes.
    pub(crate) pushed: Vec<Image>,
    /// Those that are there, which reads take in turn.
    pub(crate) there: Vec<Image>,
    /// Pages that are there, one of which each request takes.
    pub(crate) pages: Vec<String>,
    /// Names that nothing has had before begin with this.
    pub(crate) stamp: String,
}

impl Work {
    /// Reads of images that are there already.
    pub(crate) fn reading(there: Vec<Image>) -> Self {
        Self {
            pushed: Vec::new(),
            there,
            pages: Vec::new(),
            stamp: stamp(),
        }
    }

    fn image(&self, index: usize) -> Result<&Image> {
        let place = index.checked_rem(self.there.len());
        let place = place.context("nothing is there to be read")?;
        Ok(&self.there[place])
    }

    fn repositories(&self) -> Vec<&str> {
        let images = self.pushed.iter().chain(&self.there);
        let mut names: Vec<&str> = images.map(|image| &*image.repository).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Loads targets, and remembers what it prepared that is good for more than a round.
#[derive(Default)]
pub(crate) struct Loader {
    tails: HashMap<usize, Tail>,
    /// The first part of the catalog's names, by target.
    catalogs: HashMap<String, String>,
}

impl Loader {
    pub(crate) fn tail(&mut self, bytes: usize) -> Tail {
        let make = || Tail::of_layers(bytes);
        self.tails.entry(bytes).or_insert_with(make).clone()
    }

    /// Visits a target once. Content is made and brought in before the clock starts, and looked at
    /// after it stopped.
    pub(crate) async fn visit(&mut self, target: &Target, row: &Row) -> Result<Round> {
        let work = Arc::new(self.prepare(target, row).await?);
        let round = measure(target, row, &work).await?;
        if round.tally.errors == 0 {
            let pushed = work.pushed.last();
            let pushed = pushed.filter(|_| row.operation != Operation::Mixed);
            if let Some(image) = pushed.or(work.there.first()) {
                let mut client = target.client(&[&image.repository]).await?;
                operations::verify_image(&mut client, image).await?;
            }
        }
        Ok(round)
    }

    async fn prepare(&mut self, target: &Target, row: &Row) -> Result<Work> {
        let tail = self.tail(row.layer_bytes);
        let stamp = stamp();
        let image = |index: usize| {
            let repository = format!("{}r{stamp}-{}", target.prefix, index % REPOSITORIES);
            Image::new(repository, &format!("t{index}"), row.layers, &tail)
        };
        let pushes = row.operation.pushes_images();
        let mut work = Work {
            pushed: (0..if pushes { row.count } else { 0 }).map(image).collect(),
            ..Work::reading(Vec::new())
        };
        if pushes && row.operation != Operation::Mixed {
            return Ok(work);
        }
        let there = image(row.count);
        let repository = there.repository.clone();
        let mut client = target.pusher(&[&repository]).await?;
        operations::push_image(&mut client, &there, Upload::Monolithic).await?;
        match row.operation {
            Operation::TagsPage | Operation::PushTag => {
                for tag in 0..row.entries {
                    let path = format!("/v2/{repository}/manifests/v{tag:06}");
                    operations::push_manifest(&mut client, &there, &path).await?;
                }
                let list = format!("/v2/{repository}/tags/list");
                work.pages = pages(row, &list, "v");
            }
            Operation::CatalogPage => {
                let first = self.catalog(target, row, &tail).await?;
                work.pages = pages(row, "/v2/_catalog", &first);
            }
            _ => {}
        }
        work.there.push(there);
        Ok(work)
    }

    /// Makes the repositories of the catalog's row, once for each target, and returns what their
    /// names begin with.
    async fn catalog(&mut self, target: &Target, row: &Row, tail: &Tail) -> Result<String> {
        if let Some(first) = self.catalogs.get(&target.name) {
            return Ok(first.clone());
        }
        let first = format!("{}c{}/n", target.prefix, stamp());
        let mut running: JoinSet<Result<()>> = JoinSet::new();
        for worker in 0..PREPARING {
            let (target, tail, first) = (target.clone(), tail.clone(), first.clone());
            let (layers, entries) = (row.layers, row.entries);
            running.spawn(async move {
                for entry in (worker..entries).step_by(PREPARING) {
                    let image = Image::new(format!("{first}{entry:06}"), "t", layers, &tail);
                    let mut client = target.pusher(&[&image.repository]).await?;
                    operations::push_image(&mut client, &image, Upload::Monolithic).await?;
                }
                Ok(())
            });
        }
        while let Some(done) = running.join_next().await {
            done.context("a worker ended")??;
        }
        self.catalogs.insert(target.name.clone(), first.clone());
        Ok(first)
    }
}

/// The pages of the first half of a list: every one is full.
fn pages(row: &Row, list: &str, first: &str) -> Vec<String> {
    let entries = 0..row.entries / 2;
    let page = row.page();
    entries
        .map(|entry| format!("{list}?n={page}&last={first}{entry:06}"))
        .collect()
}

/// Lets the disk have what earlier rounds left in memory, so that this one does not pay for it.
fn flush(row: &Row) {
    if row.settles && row.operation.writes() {
        rustix::fs::sync();
    }
    if row.fills_memory() {
        empty_page_cache();
    }
}

/// Gives back the pages of what was written and read; as root only.
pub(crate) fn empty_page_cache() {
    use std::io::Write;
    rustix::fs::sync();
    let file = std::fs::File::options()
        .write(true)
        .open("/proc/sys/vm/drop_caches");
    if let Ok(mut file) = file {
        let _ = file.write_all(b"3");
    }
}

/// Lets the workers loose on what is prepared, and reads what it cost.
pub(crate) async fn measure(target: &Target, row: &Row, work: &Arc<Work>) -> Result<Round> {
    let mut workers = Vec::new();
    for _ in 0..row.connections {
        let client = target.client(&work.repositories()).await?;
        let read_bytes = if row.connections > MANY {
            READ_BYTES_OF_MANY
        } else {
            READ_BYTES
        };
        let mut client = client.reading(read_bytes);
        client.connect().await?;
        workers.push(client);
    }
    flush(row);
    // What it had to answer until now is not of this round.
    target.store_requests().await?;
    if let Some(pid) = target.pid {
        process::reset_peak(pid);
    }
    let recording = match (&row.profiles, target.pid) {
        (Some(profiles), Some(pid)) if target.name == OURS => {
            Some(Recording::begin(profiles, &row.name, pid).await?)
        }
        _ => None,
    };
    let before = target.pid.and_then(Charged::read);
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for (worker, client) in workers.into_iter().enumerate() {
        running.spawn(run(row.clone(), Arc::clone(work), worker, client));
    }
    let mut tally = Tally::default();
    while let Some(done) = running.join_next().await {
        tally.add(done.context("a worker ended")?);
    }
    let wall = begin.elapsed();
    let after = target.pid.and_then(Charged::read);
    let processor = before
        .zip(after)
        .map(|(before, after)| after.since(&before));
    let peak_kib = target.pid.and_then(process::peak_kib);
    if let Some(recording) = recording {
        recording.end().await?;
    }
    Ok(Round {
        wall,
        tally,
        processor,
        peak_kib,
        store_requests: target.store_requests().await?,
    })
}

async fn run(row: Row, work: Arc<Work>, worker: usize, mut client: Client) -> Tally {
    let mut tally = Tally::default();
    for index in (worker..row.count).step_by(row.connections) {
        let begin = Instant::now();
        let done = timeout(PATIENCE, operate(&row, &work, index, &mut client)).await;
        let result = done.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer in {PATIENCE:?}")));
        tally.record(begin.elapsed(), result);
        if tally.errors > 100 {
            break;
        }
    }
    tally
}

/// Does the operation with this number and returns how many bytes it moved.
async fn operate(row: &Row, work: &Work, index: usize, client: &mut Client) -> Result<u64> {
    // Pages are counted by each worker's first request, not by all: parsing is work, too.
    let is_first = index < row.connections;
    match row.operation {
        Operation::PushMonolithic => push(client, &work.pushed[index], Upload::Monolithic).await,
        Operation::PushStreamed => push(client, &work.pushed[index], Upload::Streamed).await,
        Operation::Mixed if index.is_multiple_of(4) => {
            push(client, &work.pushed[index], Upload::Streamed).await
        }
        Operation::Mixed | Operation::Pull => {
            operations::pull_image(client, work.image(index)?).await
        }
        Operation::PullLayer => {
            let image = work.image(index)?;
            operations::pull_blob(client, &image.blobs[0], &image.paths_of_blobs[0]).await
        }
        Operation::HeadManifest => operations::head_manifest(client, work.image(index)?)
            .await
            .map(|()| 0),
        Operation::GetManifest => operations::get_manifest(client, work.image(index)?).await,
        Operation::HeadBlob => operations::head_blob(client, work.image(index)?)
            .await
            .map(|()| 0),
        Operation::TagsPage | Operation::CatalogPage => {
            ensure!(!work.pages.is_empty(), "a list without pages");
            let path = &work.pages[fastrand::usize(..work.pages.len())];
            operations::page(client, path, is_first.then(|| row.page())).await
        }
        Operation::PushTag => {
            let image = work.image(index)?;
            let path = format!("/v2/{}/manifests/n{}-{index}", image.repository, work.stamp);
            operations::push_manifest(client, image, &path)
                .await
                .map(|()| 0)
        }
    }
}

async fn push(client: &mut Client, image: &Image, upload: Upload) -> Result<u64> {
    operations::push_image(client, image, upload).await?;
    Ok(image.bytes())
}
