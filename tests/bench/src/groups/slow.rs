//! Clients that barely move, and what everybody else notices of them.

use crate::client::{Body, Http1, Request, Socket};
use crate::content::{Image, stamp};
use crate::load::{Loader, Work, measure};
use crate::operations::{self, Upload};
use crate::rows::{Demand, MIB, Operation, Row};
use crate::servers::Setup;
use crate::session::{OURS, Section, Session, progress};
use crate::statistics::{Figures, Round};
use crate::table::{Table, number};
use crate::target::Target;
use anyhow::{Context, Result, ensure};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// How many bytes a slow client moves at once, and how often.
const STEP_BYTES: usize = 1024;
const STEP: Duration = Duration::from_secs(1);
/// What a slow client's kernel takes in advance.
const WINDOW_BYTES: u32 = 16 * 1024;
/// More than this would be a change of the others' p99, unless it was as high without slow clients.
const MOST_TIMES: f64 = 1.1;

/// Measures others with and without one slow reader and one slow uploader, in turn.
pub(crate) async fn run(session: &Session) -> Result<Section> {
    let folder = session.folder()?;
    let server = session.start_ours(folder.path(), &Setup::default()).await?;
    let target = Target::plain(OURS, &server.address, Some(server.pid()));
    let mut loader = Loader::default();
    let large = Image::new(
        format!("bench/slow-{}", stamp()),
        "t",
        1,
        &loader.tail(64 * MIB),
    );
    let small = Image::new(
        format!("bench/quick-{}", stamp()),
        "t",
        1,
        &loader.tail(MIB),
    );
    let mut client = target
        .pusher(&[&large.repository, &small.repository])
        .await?;
    for image in [&large, &small] {
        operations::push_image(&mut client, image, Upload::Monolithic).await?;
    }
    let work = Arc::new(Work::reading(vec![small]));
    let mut section = Section {
        title: "Slow clients: one reads 1 KiB a second, one uploads 1 KiB a second".to_owned(),
        notes: vec![format!(
            "What 4 others see, in turn without and with the two. The p99 with them may be {MOST_TIMES} × \
             that without, or what it was at most in a round without."
        )],
        ..Section::default()
    };
    let mut table = Table::new(
        "",
        &[
            "row",
            "per second without",
            "with",
            "p50 ms without",
            "with",
            "p99 ms without",
            "at most without",
            "with",
            "times",
            "verdict",
        ],
    );
    for (name, operation, count) in [
        ("HEAD manifest", Operation::HeadManifest, 20_000),
        ("pull image", Operation::Pull, 1000),
    ] {
        progress(&format!("slow: {name}"));
        let row = session.row(Row::new(name, operation, count, Demand::default()).rounds(7));
        let (mut without, mut with) = (Vec::new(), Vec::new());
        measure(&target, &row, &work).await?;
        for _ in 0..row.rounds {
            without.push(measure(&target, &row, &work).await?);
            let slow = begin(&target, &large).await?;
            with.push(measure(&target, &row, &work).await?);
            ensure!(slow.len() == 2, "the slow clients are there");
            still_slow(slow)?;
        }
        let highest = without.iter().map(p99).fold(0.0, f64::max);
        let (without, with) = (Figures::of(&without), Figures::of(&with));
        let mut missed = Vec::new();
        if without.errors + with.errors > 0 {
            section.failures += 1;
            missed.push("errors");
        }
        if with.p99_ms > (MOST_TIMES * without.p99_ms).max(highest) {
            missed.push("p99");
        }
        section.missed.extend(
            missed
                .iter()
                .map(|missed| format!("slow clients, {name}: {missed}")),
        );
        table.row(vec![
            name.to_owned(),
            number(without.per_second),
            number(with.per_second),
            number(without.p50_ms),
            number(with.p50_ms),
            number(without.p99_ms),
            number(highest),
            number(with.p99_ms),
            number(with.p99_ms / without.p99_ms),
            crate::verdict::said(&missed),
        ]);
    }
    section.tables.push(table);
    Ok(section)
}

fn p99(round: &Round) -> f64 {
    Figures::of(std::slice::from_ref(round)).p99_ms
}

/// Starts both; they are under way when this returns, and end with what it returns.
async fn begin(target: &Target, large: &Image) -> Result<JoinSet<Result<()>>> {
    let mut slow = JoinSet::new();
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(WINDOW_BYTES)?;
    let address = target.endpoint.address.parse()?;
    let mut reader = Socket::Plain(socket.connect(address).await?);
    let get = format!(
        "GET {} HTTP/1.1\r\nHost: {address}\r\n\r\n",
        large.paths_of_blobs[0]
    );
    reader.write(get.as_bytes()).await?;
    let mut buffer = vec![0; STEP_BYTES];
    let count = reader.read(&mut buffer).await?;
    ensure!(
        buffer[..count].starts_with(b"HTTP/1.1 200"),
        "the slow reader gets no blob"
    );
    slow.spawn(async move {
        let mut steps = steps();
        loop {
            steps.tick().await;
            ensure!(
                reader.read(&mut buffer).await? > 0,
                "the slow reader was cut"
            );
        }
    });
    let mut opening = target.client(&[&large.repository]).await?;
    let opened = opening
        .send(Request::new("POST", &large.path_of_uploads))
        .await?;
    let location = opened.location.context("no place to upload to")?;
    let mut uploader = Http1::connect(&target.endpoint, None, STEP_BYTES).await?;
    let promised = Body {
        head: &[],
        tail: large.blobs[0].body().tail,
    };
    uploader
        .send_head(Request::new("PATCH", &location).body(promised))
        .await?;
    let mut uploader = uploader.into_socket();
    slow.spawn(async move {
        let mut steps = steps();
        loop {
            steps.tick().await;
            uploader
                .write(&[0; STEP_BYTES])
                .await
                .context("the slow uploader was cut")?;
        }
    });
    Ok(slow)
}

fn steps() -> tokio::time::Interval {
    let mut steps = interval(STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    steps
}

/// A slow client that was cut has bothered nobody: then nothing was measured.
fn still_slow(mut slow: JoinSet<Result<()>>) -> Result<()> {
    while let Some(ended) = slow.try_join_next() {
        ended.context("a slow client ended")??;
    }
    Ok(())
}
