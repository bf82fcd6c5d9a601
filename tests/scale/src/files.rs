//! Data files, as the local driver publishes them, without an fsync each: one at the end is enough
//! for a store that nobody serves yet.
//!
//! The driver itself would take three fsyncs for each. Its layout is the one thing here that is not
//! the driver's own code: `data/<hh>/<hh>/<id>`, by the first digits of the id, 32 of them. All
//! files of a day lie in 256 folders. A test lets the real server check what comes of it.

use crate::content;
use crate::plan::Plan;
use crate::progress::Progress;
use anyhow::Context;
use fastrand::Rng;
use roadstead_oci::{Algorithm, Digest};
use roadstead_storage::{Clock, DataKey, DataRef};
use std::fs::{DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

const MILLIS_A_DAY: u64 = 24 * 60 * 60 * 1000;

/// A blob whose bytes are where the server would have them.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// The digest of the bytes.
    pub(crate) digest: Digest,
    /// The data object; none for a blob that belongs into its record.
    pub(crate) data: Option<DataRef>,
}

/// Writes the data files of all blobs, and hashes every blob, in as many threads as there are cores.
///
/// # Errors
/// What the file system says.
pub(crate) fn place_all(
    folder: &Path,
    plan: &Plan,
    clock: &dyn Clock,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Vec<Placed>> {
    let day = u8::try_from(clock.now().as_millis() / MILLIS_A_DAY % 256)?;
    if plan.data_files > 0 {
        make_folders(folder, day)?;
    }
    let progress = Progress::new("blobs hashed, data files written", plan.blobs, tell);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let ranges = (0..threads).map(|at| plan.blobs * at / threads..plan.blobs * (at + 1) / threads);
    let parts: Vec<anyhow::Result<Vec<Placed>>> = std::thread::scope(|scope| {
        let working: Vec<_> = ranges
            .map(|range| {
                let progress = &progress;
                scope.spawn(move || {
                    range
                        .map(|blob| {
                            progress.step();
                            place(folder, plan, day, blob)
                        })
                        .collect()
                })
            })
            .collect();
        let joined = working.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")))
        });
        joined.collect()
    });
    let mut placed = Vec::with_capacity(usize::try_from(plan.blobs)?);
    for part in parts {
        placed.append(&mut part?);
    }
    let root = File::open(folder)?;
    rustix::fs::syncfs(&root).context("failed to bring the files to the disk")?;
    Ok(placed)
}

fn make_folders(folder: &Path, day: u8) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    for outer in 0..=u8::MAX {
        let path = folder.join(format!("data/{outer:02x}/{day:02x}"));
        builder
            .create(&path)
            .with_context(|| format!("failed to make {}", path.display()))?;
    }
    Ok(())
}

fn place(folder: &Path, plan: &Plan, day: u8, blob: u64) -> anyhow::Result<Placed> {
    let bytes = content::blob(plan, blob);
    let digest = Digest::of(Algorithm::Sha256, &bytes);
    if !plan.has_file(blob) {
        return Ok(Placed { digest, data: None });
    }
    let mut random = Rng::with_seed(!plan.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ blob);
    let outer = random.u8(..);
    let id = format!(
        "{outer:02x}{day:02x}{:012x}{:016x}",
        random.u64(..1 << 48),
        random.u64(..)
    );
    let path = folder.join(format!("data/{outer:02x}/{day:02x}/{id}"));
    let mut file =
        File::create_new(&path).with_context(|| format!("failed to make {}", path.display()))?;
    file.write_all(&bytes)
        .with_context(|| format!("failed to write {}", path.display()))?;
    let data = DataRef {
        key: DataKey::new(id),
        length: bytes.len() as u64,
    };
    Ok(Placed {
        digest,
        data: Some(data),
    })
}
