//! Rows over local files, all registries side by side: the whole of the table that peers are in.

use crate::load::Loader;
use crate::rows::{self, Row};
use crate::servers::Setup;
use crate::session::{DISTRIBUTION, OURS, Section, Session, progress};
use crate::statistics::{Figures, Round};
use crate::table::{Table, maybe, number};
use crate::target::Target;
use crate::verdict::{self, Best};
use anyhow::Result;

/// Starts servers with empty folders and measures rows.
pub(crate) async fn run(session: &Session, title: &str, rows: Vec<Row>) -> Result<Section> {
    let mut section = Section {
        title: title.to_owned(),
        ..Section::default()
    };
    let rows: Vec<Row> = rows.into_iter().map(|row| session.row(row)).collect();
    if rows.iter().all(|row| row.rounds == 0) {
        return Ok(section);
    }
    let is_large = rows.iter().any(Row::fills_memory);
    let folder = || {
        if is_large {
            session.fleeting_folder()
        } else {
            session.folder()
        }
    };
    let (own, other) = (folder()?, folder()?);
    let setup = Setup::default();
    let ours = session.start_ours(own.path(), &setup).await?;
    let distribution = session.start_distribution(other.path(), &setup).await?;
    let mut targets = vec![Target::plain(OURS, &ours.address, Some(ours.pid()))];
    if let Some(server) = &distribution {
        let pid = Some(server.pid());
        targets.push(Target::plain(DISTRIBUTION, &server.address, pid));
    }
    targets.extend(session.peers());
    let mut loader = Loader::default();
    warm(session, &mut loader, &targets).await?;
    let measured = measure(&mut loader, &targets, rows).await;
    judge(&mut section, &targets, &measured);
    Ok(section)
}

/// A row with the figures of every target.
pub(crate) struct Measured {
    pub(crate) row: Row,
    pub(crate) figures: Vec<Figures>,
}

/// The first requests of a process pay for its memory and its pages of code.
pub(crate) async fn warm(session: &Session, loader: &mut Loader, targets: &[Target]) -> Result<()> {
    for row in rows::small() {
        let mut row = session.row(row).warming();
        row.count = row.count.min(40);
        for target in targets {
            loader.visit(target, &row).await?;
        }
    }
    Ok(())
}

/// Measures rows at targets, which take turns.
pub(crate) async fn measure(
    loader: &mut Loader,
    targets: &[Target],
    rows: Vec<Row>,
) -> Vec<Measured> {
    let mut measured = Vec::new();
    for row in rows.into_iter().filter(|row| row.rounds > 0) {
        let mut rounds: Vec<Vec<Round>> = targets.iter().map(|_| Vec::new()).collect();
        let mut failures: Vec<Option<String>> = targets.iter().map(|_| None).collect();
        for round in 0..row.rounds {
            progress(&format!(
                "{}: round {} of {}",
                row.name,
                round + 1,
                row.rounds
            ));
            for (at, target) in targets.iter().enumerate() {
                match loader.visit(target, &row).await {
                    Ok(round) => rounds[at].push(round),
                    Err(error) => failures[at] = Some(format!("{error:#}")),
                }
            }
        }
        let figures = rounds.iter().zip(failures).map(|(rounds, failure)| {
            let mut figures = Figures::of(rounds);
            if let Some(failure) = failure {
                figures.errors += 1;
                figures.first_error.get_or_insert(failure);
            }
            figures
        });
        measured.push(Measured {
            figures: figures.collect(),
            row,
        });
    }
    measured
}

/// Writes figures and verdicts of the first target against all others.
pub(crate) fn judge(section: &mut Section, targets: &[Target], measured: &[Measured]) {
    let mut verdicts = verdict::table();
    for Measured { row, figures } in measured {
        let peers = targets.iter().zip(figures).skip(1);
        let peers: Vec<(&str, &Figures)> = peers
            .map(|(target, figures)| (&*target.name, figures))
            .collect();
        let best = Best::of(&peers);
        let ours = &figures[0];
        verdicts.row(verdict::line(&row.name, row.demand, &best, ours));
        note_missed(
            section,
            &row.name,
            &verdict::missed(row.demand, &best, ours),
            ours,
        );
    }
    section.tables.push(verdicts);
    section.tables.push(table(targets, measured));
}

/// Puts what is missed on the list.
pub(crate) fn note_missed(section: &mut Section, row: &str, missed: &[String], ours: &Figures) {
    if ours.errors > 0 {
        section.failures += 1;
    }
    section
        .missed
        .extend(missed.iter().map(|missed| format!("{row}: {missed}")));
}

/// All figures of all targets.
pub(crate) fn table(targets: &[Target], measured: &[Measured]) -> Table {
    let has_requests = measured
        .iter()
        .flat_map(|measured| &measured.figures)
        .any(|figures| figures.store_requests.is_some());
    let mut head = vec![
        "row",
        "registry",
        "per second",
        "MiB/s",
        "p50 ms",
        "p99 ms",
        "CPU ms each",
        "peak MiB",
        "errors",
    ];
    if has_requests {
        head.push("store requests each");
    }
    let mut table = Table::new("All figures", &head);
    for Measured { row, figures } in measured {
        for (target, figures) in targets.iter().zip(figures) {
            let mut cells = vec![
                row.name.clone(),
                target.name.clone(),
                number(figures.per_second),
                number(figures.mib_per_second),
                number(figures.p50_ms),
                number(figures.p99_ms),
                maybe(figures.processor_ms),
                maybe(figures.peak_mib),
                errors(figures),
            ];
            if has_requests {
                cells.push(maybe(figures.store_requests));
            }
            table.row(cells);
        }
    }
    table
}

fn errors(figures: &Figures) -> String {
    match &figures.first_error {
        None => "0".to_owned(),
        Some(first) => format!("{}: {}", figures.errors, first.replace(['|', '\n'], " ")),
    }
}
