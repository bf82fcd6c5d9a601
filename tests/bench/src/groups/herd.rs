//! Five hundred clients at once: a rollout. The server is started anew before each round, for what it
//! remembers of a blob that it has hashed would help the second round.

use crate::content::{Image, stamp};
use crate::load::{Loader, Work, measure};
use crate::operations::{self, Upload};
use crate::rows::{Demand, KIB, MIB, Operation, Row};
use crate::servers::{Server, Setup};
use crate::session::{DISTRIBUTION, OURS, Section, Session, progress};
use crate::statistics::{Figures, Round};
use crate::table::{Table, maybe, number};
use crate::target::Target;
use anyhow::Result;
use std::path::Path;
use std::sync::Arc;

const CLIENTS: usize = 500;
const FEW: usize = 4;
const LAYER_BYTES: usize = 8 * MIB;
const LEAST_SHARE: f64 = 0.9;
const MOST_MIB: f64 = 200.0;
const MOST_TIMES_MEDIAN: f64 = 3.0;

/// Measures the same layer for all, and one of his own for each.
pub(crate) async fn run(session: &Session) -> Result<Section> {
    let clients = session.amount(CLIENTS, 20);
    let mut section = Section {
        title: format!("A herd: {clients} connections pull a layer of 8 MiB each, at once"),
        notes: vec![format!(
            "Beside it {FEW} connections that pull as many layers. Each round is the first look of a \
             server that was just started, which hashes what it sends. Demands are for Roadstead; \
             distribution is shown."
        )],
        ..Section::default()
    };
    let mut table = Table::new(
        "",
        &[
            "registry",
            "layers",
            "4 connections MiB/s",
            "herd MiB/s",
            "share",
            "at least",
            "median s",
            "slowest s",
            "times",
            "at most",
            "peak MiB",
            "below",
            "CPU ms each",
            "verdict",
        ],
    );
    for (name, layers) in [("the same", 1), ("different", clients)] {
        for registry in [OURS, DISTRIBUTION] {
            if registry == DISTRIBUTION && session.distribution.is_none() {
                continue;
            }
            progress(&format!("herd: {registry}, {name}"));
            let (few, herd) = visit(session, registry, layers, clients).await?;
            let missed = missed(&few, &herd);
            if registry == OURS {
                if few.errors + herd.errors > 0 {
                    section.failures += 1;
                }
                section.missed.extend(
                    missed
                        .iter()
                        .map(|missed| format!("herd, {name}: {missed}")),
                );
            }
            let verdict = match registry {
                OURS => crate::verdict::said(&missed),
                _ => missed
                    .iter()
                    .find(|missed| missed.contains("errors"))
                    .cloned()
                    .unwrap_or_default(),
            };
            table.row(vec![
                registry.to_owned(),
                name.to_owned(),
                number(few.mib_per_second),
                number(herd.mib_per_second),
                number(herd.mib_per_second / few.mib_per_second),
                number(LEAST_SHARE),
                number(herd.p50_ms / 1e3),
                number(herd.slowest_ms / 1e3),
                number(herd.slowest_ms / herd.p50_ms),
                number(MOST_TIMES_MEDIAN),
                maybe(herd.peak_mib),
                number(MOST_MIB),
                maybe(herd.processor_ms),
                verdict,
            ]);
        }
    }
    section.tables.push(table);
    Ok(section)
}

fn missed(few: &Figures, herd: &Figures) -> Vec<String> {
    let mut missed = Vec::new();
    if few.errors + herd.errors > 0 {
        let first = few.first_error.as_ref().or(herd.first_error.as_ref());
        let first = first.map_or("", String::as_str);
        missed.push(format!(
            "{} errors, the first: {first}",
            few.errors + herd.errors
        ));
    }
    if herd.mib_per_second < LEAST_SHARE * few.mib_per_second {
        missed.push("throughput".to_owned());
    }
    if herd.slowest_ms > MOST_TIMES_MEDIAN * herd.p50_ms {
        missed.push("the slowest client".to_owned());
    }
    if herd.peak_mib.is_some_and(|peak| peak >= MOST_MIB) {
        missed.push("memory".to_owned());
    }
    missed
}

async fn start(session: &Session, registry: &str, folder: &Path) -> Result<Option<Server>> {
    let setup = Setup::default();
    if registry == OURS {
        return session.start_ours(folder, &setup).await.map(Some);
    }
    session.start_distribution(folder, &setup).await
}

/// Returns the figures of few connections and those of the herd.
async fn visit(
    session: &Session,
    registry: &str,
    layers: usize,
    clients: usize,
) -> Result<(Figures, Figures)> {
    let folder = session.folder()?;
    let tail = Loader::default().tail(session.amount(LAYER_BYTES, 64 * KIB));
    let name = format!("bench/herd-{}", stamp());
    let mut images = Vec::new();
    if let Some(server) = start(session, registry, folder.path()).await? {
        let mut client = Target::plain(registry, &server.address, None)
            .pusher(&[&name])
            .await?;
        for layer in 0..layers {
            let image = Image::new(name.clone(), &format!("t{layer}"), 1, &tail);
            operations::push_image(&mut client, &image, Upload::Monolithic).await?;
            images.push(image);
        }
        server.stop()?;
    }
    let work = Arc::new(Work::reading(images));
    let mut rounds: [Vec<Round>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..session.arguments.rounds.unwrap_or(session.amount(3, 1)) {
        for (rounds, connections) in rounds.iter_mut().zip([FEW, clients]) {
            let Some(server) = start(session, registry, folder.path()).await? else {
                continue;
            };
            let target = Target::plain(registry, &server.address, Some(server.pid()));
            let row = Row::new("herd", Operation::PullLayer, clients, Demand::default());
            rounds.push(measure(&target, &row.connections(connections), &work).await?);
            server.stop()?;
        }
    }
    Ok((Figures::of(&rounds[0]), Figures::of(&rounds[1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(mib_per_second: f64, p50_ms: f64, slowest_ms: f64, peak_mib: f64) -> Figures {
        Figures {
            mib_per_second,
            p50_ms,
            slowest_ms,
            peak_mib: Some(peak_mib),
            ..Figures::default()
        }
    }

    #[test]
    fn a_herd_is_held_against_few() {
        let few = figures(1000.0, 1.0, 1.0, 10.0);
        assert!(missed(&few, &figures(900.0, 10.0, 30.0, 199.0)).is_empty());
        assert_eq!(
            missed(&few, &figures(899.0, 10.0, 31.0, 200.0)),
            ["throughput", "the slowest client", "memory"]
        );
    }
}
