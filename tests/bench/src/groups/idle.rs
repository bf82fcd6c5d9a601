//! Connections that are kept and do nothing: what each of them costs the server's memory.

use crate::client::{Client, Request};
use crate::process::resident_kib;
use crate::servers::{Server, Setup};
use crate::session::{DISTRIBUTION, OURS, Section, Session, progress};
use crate::statistics::count;
use crate::table::{Table, number};
use crate::target::Target;
use anyhow::{Context, Result, ensure};

const CONNECTIONS: usize = 5000;
const MOST_KIB_EACH: f64 = 16.0;

/// Opens connections, asks once on each, and looks.
pub(crate) async fn run(session: &Session) -> Result<Section> {
    let connections = session.amount(CONNECTIONS, 100);
    let mut section = Section {
        title: format!("{connections} idle connections"),
        notes: vec![
            "Each has had one answer and is kept. Resident memory of the process; what the \
                     kernel keeps for a socket is not in it."
                .to_owned(),
        ],
        ..Section::default()
    };
    let head = [
        "registry",
        "before MiB",
        "with them MiB",
        "KiB each",
        "below",
        "verdict",
    ];
    let mut table = Table::new("", &head);
    let (own, other) = (session.folder()?, session.folder()?);
    let setup = Setup::default();
    let ours = session.start_ours(own.path(), &setup).await?;
    let distribution = session.start_distribution(other.path(), &setup).await?;
    let servers = std::iter::once((OURS, &ours));
    for (name, server) in servers.chain(distribution.as_ref().map(|server| (DISTRIBUTION, server)))
    {
        progress(&format!("idle: {name}"));
        let (before, with) = visit(name, server, connections).await?;
        let each = (with - before) / count(connections);
        let is_met = each < MOST_KIB_EACH;
        let missed: &[&str] = if is_met { &[] } else { &["memory"] };
        if name == OURS && !is_met {
            section.missed.push("idle connections: memory".to_owned());
        }
        table.row(vec![
            name.to_owned(),
            number(before / 1024.0),
            number(with / 1024.0),
            number(each),
            number(MOST_KIB_EACH),
            if name == OURS {
                crate::verdict::said(missed)
            } else {
                String::new()
            },
        ]);
    }
    section.tables.push(table);
    Ok(section)
}

/// Returns the resident KiB before and with the connections.
async fn visit(name: &str, server: &Server, connections: usize) -> Result<(f64, f64)> {
    let target = Target::plain(name, &server.address, Some(server.pid()));
    let resident = || {
        resident_kib(server.pid())
            .map(count)
            .context("its memory is not known")
    };
    // A first connection pays for what all share.
    let mut first = connect(&target).await?;
    let before = resident()?;
    let mut kept = Vec::new();
    for _ in 0..connections {
        kept.push(connect(&target).await?);
    }
    let with = resident()?;
    for client in kept
        .iter_mut()
        .chain([&mut first])
        .step_by(connections / 10 + 1)
    {
        ask(client).await.context("a connection was not kept")?;
    }
    Ok((before, with))
}

async fn connect(target: &Target) -> Result<Client> {
    let mut client = target.client(&[]).await?.reading(2048);
    ask(&mut client).await?;
    Ok(client)
}

async fn ask(client: &mut Client) -> Result<()> {
    let answer = client.send(Request::new("GET", "/v2/")).await?;
    ensure!(
        answer.status == 200 && !answer.closes,
        "status {}",
        answer.status
    );
    Ok(())
}
