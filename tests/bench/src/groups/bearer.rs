//! What it costs to know who asks: tokens and passwords against nobody's credentials.

use super::beside::{measure, table};
use crate::load::Loader;
use crate::rows::{Demand, MIB, Operation, Row};
use crate::servers::{Setup, administer};
use crate::session::{OURS, Section, Session};
use crate::statistics::Figures;
use crate::table::{Table, maybe, number};
use crate::target::{Credentials, Target};
use anyhow::Result;

const LEAST_SHARE: f64 = 0.85;
/// What a token may cost a request that is small in itself.
const MOST_MICROSECONDS: f64 = 20.0;
const LOGIN: (&str, &str) = ("bench", "password");
const RULES: &str = "access:
  rules:
    - {subjects: [\"*\"], repositories: [\"everybody/**\"], actions: [pull, push]}
    - {subjects: [\"group:team\"], repositories: [\"team/**\"], actions: [pull, push]}";

/// Measures one server with rules, asked by nobody, with tokens and with passwords; and an open one.
pub(crate) async fn run(session: &Session) -> Result<Section> {
    let (guarded_folder, open_folder) = (session.folder()?, session.folder()?);
    let setup = Setup {
        settings: RULES.to_owned(),
        ..Setup::default()
    };
    let guarded = session.start_ours(guarded_folder.path(), &setup).await?;
    let (user, password) = LOGIN;
    let words = ["user", "add", user, "--group", "team", "--password-stdin"];
    let binary = &session.arguments.server;
    administer(
        binary,
        guarded_folder.path(),
        &words,
        &format!("{password}\n"),
    )?;
    let open = session
        .start_ours(open_folder.path(), &Setup::default())
        .await?;
    let pair = format!("{user}:{password}");
    let at = |name: &str, prefix: &str, credentials| Target {
        prefix: prefix.to_owned(),
        credentials,
        ..Target::plain(name, &guarded.address, Some(guarded.pid()))
    };
    let targets = [
        at("nobody", "everybody/", Credentials::Nobody),
        at("Bearer", "team/", Credentials::token(&pair)),
        at("Basic", "team/", Credentials::basic(&pair)),
        Target {
            name: "nobody, open server".to_owned(),
            ..Target::plain(OURS, &open.address, Some(open.pid()))
        },
    ];
    let mut loader = Loader::default();
    let rows: Vec<Row> = rows().into_iter().map(|row| session.row(row)).collect();
    let warm = rows.iter().map(|row| row.clone().warming()).collect();
    measure(&mut loader, &targets, warm).await;
    let measured = measure(&mut loader, &targets, rows).await;
    let mut section = Section {
        title: "Tokens, 4 connections".to_owned(),
        notes: vec!["One server with rules, asked by nobody in a public corner, and with credentials in \
                     a private one; beside it a server that is open. Each worker gets its token before \
                     the round."
            .to_owned()],
        ..Section::default()
    };
    let mut verdicts = Table::new(
        "Bearer against nobody",
        &[
            "row",
            "nobody/s",
            "Bearer/s",
            "share",
            "at least",
            "CPU µs more",
            "below",
            "verdict",
        ],
    );
    for measured in &measured {
        let [nobody, bearer, ..] = &measured.figures[..] else {
            continue;
        };
        let missed = missed(nobody, bearer, measured.row.operation);
        if measured.figures.iter().any(|figures| figures.errors > 0) {
            section.failures += 1;
        }
        let name = &measured.row.name;
        section.missed.extend(
            missed
                .iter()
                .map(|missed| format!("Bearer, {name}: {missed}")),
        );
        verdicts.row(vec![
            name.clone(),
            number(nobody.per_second),
            number(bearer.per_second),
            number(bearer.per_second / nobody.per_second),
            number(LEAST_SHARE),
            maybe(microseconds_more(nobody, bearer)),
            number(MOST_MICROSECONDS),
            crate::verdict::said(&missed),
        ]);
    }
    section.tables.push(verdicts);
    section.tables.push(table(&targets, &measured));
    Ok(section)
}

fn rows() -> Vec<Row> {
    let row =
        |name, operation, count| Row::new(name, operation, count, Demand::default()).rounds(9);
    vec![
        row("HEAD manifest", Operation::HeadManifest, 10_000),
        row("GET manifest", Operation::GetManifest, 10_000),
        row("HEAD blob", Operation::HeadBlob, 10_000),
        row("pull image", Operation::Pull, 1000).layers(1, MIB),
    ]
}

fn microseconds_more(nobody: &Figures, bearer: &Figures) -> Option<f64> {
    Some((bearer.processor_ms? - nobody.processor_ms?) * 1e3)
}

fn missed(nobody: &Figures, bearer: &Figures, operation: Operation) -> Vec<String> {
    let mut missed = Vec::new();
    for figures in [nobody, bearer] {
        if let Some(first) = &figures.first_error {
            missed.push(format!("{} errors, the first: {first}", figures.errors));
        }
    }
    if bearer.per_second < LEAST_SHARE * nobody.per_second {
        missed.push("operations a second".to_owned());
    }
    let more = microseconds_more(nobody, bearer);
    // A pull is four requests, with a layer of which the costs vary by more than that.
    if operation != Operation::Pull && more.is_some_and(|more| more >= MOST_MICROSECONDS) {
        missed.push("CPU".to_owned());
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_cost_a_little() {
        let figures = |per_second, processor_ms| Figures {
            per_second,
            processor_ms: Some(processor_ms),
            ..Figures::default()
        };
        let nobody = figures(1000.0, 0.020);
        let head = Operation::HeadManifest;
        assert!(missed(&nobody, &figures(850.0, 0.0399), head).is_empty());
        assert_eq!(
            missed(&nobody, &figures(849.0, 0.041), head),
            ["operations a second", "CPU"]
        );
    }
}
