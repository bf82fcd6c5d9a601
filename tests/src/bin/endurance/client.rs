//! One client: pushes an image, holds it for a while, pulls it whole, lets it go.

use anyhow::{Context, bail};
use roadstead_tests::content::{self, Manifest, sha256};
use roadstead_tests::http::{Connection, Request};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const REPOSITORIES: [&str; 3] = ["team/app", "team/base", "other"];
/// Layers that there are: some within their records, most as data.
const LAYERS: u8 = 12;
/// A push that takes longer may find that what it made sure of is gone; it begins again.
const SURE_FOR: Duration = Duration::from_secs(3);

/// What a server answers that did not get to a write within the time that a request may live. With
/// two seconds of it that happens on a machine that is loaded.
const BUSY: u16 = 503;
/// How long it is left alone then.
const BREATH: Duration = Duration::from_millis(200);
/// How long a delete is sent again.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pushed: u64,
    pulled: u64,
    uploaded: u64,
    mounted: u64,
    skipped: u64,
    begun_again: u64,
    refused: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} images pushed, {} pulled whole; {} blobs uploaded, {} mounted, {} there already; {} \
             slow pushes and {} of a busy server begun again",
            self.pushed,
            self.pulled,
            self.uploaded,
            self.mounted,
            self.skipped,
            self.begun_again,
            self.refused
        )
    }
}

pub(crate) struct Client {
    tag: String,
    random: fastrand::Rng,
    server: SocketAddr,
    connection: Connection,
    counts: Arc<Mutex<Counts>>,
}

/// An image that is pushed.
struct Image {
    manifest: Manifest,
    blobs: Vec<Vec<u8>>,
}

impl Client {
    pub(crate) fn new(
        number: u64,
        seed: u64,
        server: SocketAddr,
        counts: Arc<Mutex<Counts>>,
    ) -> Self {
        Self {
            tag: format!("client-{number}"),
            random: fastrand::Rng::with_seed(seed),
            server,
            connection: Connection::open(server),
            counts,
        }
    }

    /// Goes on until it is over, or up to the first promise that was broken.
    pub(crate) fn run(mut self, over: &AtomicBool) -> anyhow::Result<()> {
        while !over.load(Ordering::SeqCst) {
            // A connection that was quiet for long may have been closed.
            self.connection = Connection::open(self.server);
            let repository = REPOSITORIES[self.random.usize(..REPOSITORIES.len())];
            let image = self.draw();
            if !self.push(repository, &image)? {
                continue;
            }
            self.count(|counts| counts.pushed += 1);
            for _ in 0..self.random.u8(1..3) {
                self.pull(repository, &image)?;
                std::thread::sleep(Duration::from_millis(self.random.u64(0..1500)));
            }
            self.pull(repository, &image)?;
            self.delete(repository)?;
            // Long enough for the collector to be at it, at whatever step.
            std::thread::sleep(Duration::from_millis(self.random.u64(0..9000)));
        }
        Ok(())
    }

    /// Lets the image go. Sent again while the server is busy.
    fn delete(&mut self, repository: &str) -> anyhow::Result<()> {
        let target = format!("/v2/{repository}/manifests/{}", self.tag);
        let end = Instant::now() + PATIENCE;
        loop {
            let deleted = self.connection.delete(&target);
            match deleted.status {
                202 => return Ok(()),
                BUSY if Instant::now() < end => std::thread::sleep(BREATH),
                other => bail!("DELETE {target}: {other}"),
            }
        }
    }

    fn draw(&mut self) -> Image {
        let mut blobs = vec![vec![b'c'; 300]];
        for _ in 0..self.random.u8(1..4) {
            let number = self.random.u8(..LAYERS);
            let length = match number % 4 {
                0 => 900,
                1 => 70_000,
                2 => 300_000,
                _ => 700_000,
            };
            let blob = vec![number; length];
            if !blobs.contains(&blob) {
                blobs.push(blob);
            }
        }
        let layers: Vec<&[u8]> = blobs[1..].iter().map(Vec::as_slice).collect();
        let manifest = content::image(&blobs[0], &layers);
        Image { manifest, blobs }
    }

    /// Pushes as containerd does. Returns whether it was acknowledged; if not, it is to be begun
    /// again.
    fn push(&mut self, repository: &str, image: &Image) -> anyhow::Result<bool> {
        let began = Instant::now();
        for blob in &image.blobs {
            if !self.push_blob(repository, blob)? {
                return Ok(self.refused());
            }
        }
        let put = self
            .connection
            .put_manifest(repository, &self.tag, &image.manifest);
        match put.status {
            201 => Ok(true),
            BUSY => Ok(self.refused()),
            400 if began.elapsed() > SURE_FOR => {
                self.count(|counts| counts.begun_again += 1);
                Ok(false)
            }
            other => {
                let body = String::from_utf8_lossy(&put.body).into_owned();
                let took = began.elapsed();
                bail!("a manifest whose blobs were all there {took:?} ago: {other} {body}")
            }
        }
    }

    /// Notes that the server was too busy for a push, which was not done.
    fn refused(&mut self) -> bool {
        self.count(|counts| counts.refused += 1);
        std::thread::sleep(BREATH);
        false
    }

    /// Returns whether the blob is there now; if not, the server was too busy.
    fn push_blob(&mut self, repository: &str, blob: &[u8]) -> anyhow::Result<bool> {
        let digest = sha256(blob);
        let head = self
            .connection
            .head(format!("/v2/{repository}/blobs/{digest}"));
        if head.status == 200 {
            self.count(|counts| counts.skipped += 1);
            return Ok(true);
        }
        let uploads = format!("/v2/{repository}/blobs/uploads/");
        let is_done = match self.random.u8(..4) {
            0 => {
                let from = REPOSITORIES[self.random.usize(..REPOSITORIES.len())];
                let target = format!("{uploads}?mount={digest}&from={from}");
                let answer = self.connection.send(&Request::post(target));
                match answer.status {
                    201 => {
                        self.count(|counts| counts.mounted += 1);
                        return Ok(true);
                    }
                    202 => {
                        let location = answer.header("location").context("no location")?;
                        self.finish(location, &digest, blob)?
                    }
                    BUSY => false,
                    other => bail!("a mount: {other}"),
                }
            }
            1 => {
                let answer = self.connection.send(&Request::post(&uploads));
                if answer.status == BUSY {
                    return Ok(false);
                }
                let location = answer.header("location").context("no location")?;
                self.finish(location, &digest, blob)?
            }
            _ => {
                let target = format!("{uploads}?digest={digest}");
                let answer = self.connection.send(&Request::post(target).body(blob));
                match answer.status {
                    201 => true,
                    BUSY => false,
                    other => bail!("an upload in one request: {other}"),
                }
            }
        };
        self.count(|counts| counts.uploaded += u64::from(is_done));
        Ok(is_done)
    }

    fn finish(&mut self, location: &str, digest: &str, blob: &[u8]) -> anyhow::Result<bool> {
        let half = blob.len() / 2;
        let patched = self
            .connection
            .send(&Request::patch(location).body(&blob[..half]));
        match patched.status {
            202 => {}
            BUSY => return Ok(false),
            other => bail!("the first half of an upload: {other}"),
        }
        let sign = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{sign}digest={digest}");
        let closed = self
            .connection
            .send(&Request::put(target).body(&blob[half..]));
        match closed.status {
            201 => Ok(true),
            BUSY => Ok(false),
            other => bail!("the second half of an upload: {other}"),
        }
    }

    /// Pulls an image that was acknowledged and that nobody deleted.
    fn pull(&mut self, repository: &str, image: &Image) -> anyhow::Result<()> {
        let target = format!("/v2/{repository}/manifests/{}", self.tag);
        let manifest = self.connection.get(&target);
        if manifest.status != 200 || manifest.body != image.manifest.bytes {
            bail!("GET {target}: {}", manifest.status);
        }
        for blob in &image.blobs {
            let target = format!("/v2/{repository}/blobs/{}", sha256(blob));
            let answer = self.connection.get(&target);
            if answer.status != 200 || answer.body != *blob {
                let status = answer.status;
                bail!("GET {target}, which a tagged manifest names: {status}");
            }
        }
        self.count(|counts| counts.pulled += 1);
        Ok(())
    }

    fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
