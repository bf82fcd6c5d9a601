//! Pulls over TLS 1.3, by HTTP/1.1 and by HTTP/2.

use super::beside::{judge, measure};
use crate::certificates::Certificate;
use crate::client::{Endpoint, Protocol};
use crate::load::Loader;
use crate::rows::{Demand, MIB, Operation, Row};
use crate::servers::{Server, Setup};
use crate::session::{DISTRIBUTION, OURS, Section, Session};
use crate::table::{Table, number};
use crate::target::Target;
use anyhow::Result;

/// What a single download over HTTP/2 keeps of one over HTTP/1.1.
const LEAST_SHARE: f64 = 0.8;

/// Measures both protocols, and then one download alone.
pub(crate) async fn run(session: &Session) -> Result<Section> {
    let (own, other) = (session.folder()?, session.folder()?);
    let certificate = Certificate::make(own.path())?;
    let setup = Setup {
        tls: Some(certificate.files.clone()),
        ..Setup::default()
    };
    let ours = session.start_ours(own.path(), &setup).await?;
    let distribution = session.start_distribution(other.path(), &setup).await?;
    let mut section = Section {
        title: "Pulls over TLS 1.3, 4 connections".to_owned(),
        notes: vec![
            "Over HTTP/2 each connection has one request at a time, too; the client's windows are \
             those of Go's."
                .to_owned(),
        ],
        ..Section::default()
    };
    let http1 = certificate.client("http/1.1")?;
    let http2 = certificate.client("h2")?;
    let protocols = [
        ("HTTP/1.1", Protocol::Http1(http1.clone())),
        ("HTTP/2", Protocol::Http2(http2)),
    ];
    let mut loader = Loader::default();
    let mut alone = Vec::new();
    for (name, protocol) in &protocols {
        let secured = |named: &str, server: &Server| {
            let mut target = Target::plain(named, &server.address, Some(server.pid()));
            target.endpoint.protocol = protocol.clone();
            target.pushing = Endpoint {
                protocol: Protocol::Http1(http1.clone()),
                ..target.endpoint.clone()
            };
            target
        };
        let mut targets = vec![secured(OURS, &ours)];
        targets.extend(
            distribution
                .as_ref()
                .map(|server| secured(DISTRIBUTION, server)),
        );
        alone.push(secured(&format!("{OURS}, {name}"), &ours));
        let rows: Vec<Row> = rows(name).into_iter().map(|row| session.row(row)).collect();
        let warm: Vec<Row> = rows
            .iter()
            .map(|row| row.clone().count(8).warming())
            .collect();
        measure(&mut loader, &targets, warm).await;
        let measured = measure(&mut loader, &targets, rows).await;
        let tables = section.tables.len();
        judge(&mut section, &targets, &measured);
        for table in &mut section.tables[tables..] {
            table.title = format!("{name}: {}", table.title);
        }
    }
    one_download(session, &mut section, &mut loader, &alone).await;
    Ok(section)
}

fn rows(protocol: &str) -> Vec<Row> {
    let ahead = Demand::ahead(1.0);
    let row = |name: &str, operation, count| {
        Row::new(&format!("{name}, {protocol}"), operation, count, ahead)
    };
    vec![
        row("pull image", Operation::Pull, 400),
        row("HEAD manifest", Operation::HeadManifest, 10_000),
        row("GET manifest", Operation::GetManifest, 10_000),
        row("HEAD blob", Operation::HeadBlob, 10_000),
        row("256 MiB layer pull", Operation::PullLayer, 16)
            .layers(1, 256 * MIB)
            .rounds(3),
    ]
}

async fn one_download(
    session: &Session,
    section: &mut Section,
    loader: &mut Loader,
    targets: &[Target],
) {
    let name = "256 MiB layer, one connection, one stream";
    let row = Row::new(name, Operation::PullLayer, 8, Demand::default())
        .layers(1, 256 * MIB)
        .connections(1);
    let measured = measure(loader, targets, vec![session.row(row)]).await;
    let mut table = Table::new(
        "One download alone",
        &[
            "row",
            "HTTP/1.1 MiB/s",
            "HTTP/2 MiB/s",
            "share",
            "at least",
            "CPU ms each",
            "verdict",
        ],
    );
    for measured in &measured {
        let [http1, http2] = &measured.figures[..] else {
            continue;
        };
        let share = http2.mib_per_second / http1.mib_per_second;
        let mut missed = Vec::new();
        if http1.errors + http2.errors > 0 {
            section.failures += 1;
            missed.push("errors");
        }
        if share.is_nan() || share < LEAST_SHARE {
            missed.push("share of HTTP/1.1");
        }
        let processor = |figure: Option<f64>| crate::table::maybe(figure);
        table.row(vec![
            measured.row.name.clone(),
            number(http1.mib_per_second),
            number(http2.mib_per_second),
            number(share),
            number(LEAST_SHARE),
            format!(
                "{} → {}",
                processor(http1.processor_ms),
                processor(http2.processor_ms)
            ),
            crate::verdict::said(&missed),
        ]);
        let name = &measured.row.name;
        section
            .missed
            .extend(missed.iter().map(|missed| format!("{name}: {missed}")));
    }
    section.tables.push(table);
}
