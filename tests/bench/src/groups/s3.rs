//! Rows over a store far away: the S3 fake in a process of its own, which counts what it is asked and
//! takes its time.

use super::beside::{judge, measure};
use crate::client::{Client, Endpoint, Protocol, Request};
use crate::load::Loader;
use crate::rows::{Demand, Operation, Row};
use crate::servers::{Server, Setup, free_address};
use crate::session::{DISTRIBUTION, OURS, Section, Session};
use crate::target::Target;
use anyhow::{Result, ensure};
use std::process::Command;

const BUCKET: &str = "images";
const ACCESS_KEY: &str = "bench-access-key";
const SECRET_KEY: &str = "bench-secret-key";
/// Milliseconds that the store takes for every request.
const LATENCIES: [u32; 2] = [0, 20];

/// Measures without and with a latency.
pub(crate) async fn run(session: &Session) -> Result<Section> {
    let (store_folder, own) = (session.folder()?, session.folder()?);
    let (other, third) = (session.folder()?, session.folder()?);
    let (address, control) = (free_address()?, free_address()?);
    let mut command = Command::new(session.s3_fake()?);
    command.args([
        "--listen",
        &address,
        "--control",
        &control,
        "--bucket",
        BUCKET,
    ]);
    command.args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]);
    // distribution sends parts of different lengths, which AWS takes.
    command.arg("--unequal-parts");
    let store = Server::start(command, store_folder.path(), address, true).await?;
    let ours = session
        .start_ours(own.path(), &our_setup(&store.address))
        .await?;
    let distribution = session
        .start_distribution(other.path(), &their_setup(&store.address))
        .await?;
    let forgetful = Setup {
        forgetful: true,
        ..their_setup(&store.address)
    };
    let forgetful = session.start_distribution(third.path(), &forgetful).await?;
    let over_store = |name: &str, server: &Server| Target {
        store: Some(control.clone()),
        ..Target::plain(name, &server.address, Some(server.pid()))
    };
    let mut targets = vec![over_store(OURS, &ours)];
    targets.extend(
        distribution
            .as_ref()
            .map(|server| over_store(DISTRIBUTION, server)),
    );
    let name = format!("{DISTRIBUTION}, no cache");
    targets.extend(forgetful.as_ref().map(|server| over_store(&name, server)));
    let mut section = Section {
        title: "Over S3, 4 connections".to_owned(),
        notes: vec![
            "All on the same store, a fake in a process of its own on the same machine, which counts \
             requests; images of one layer of 1 MiB."
                .to_owned(),
            "distribution with its cache of descriptors answers HEAD of a blob out of its own memory, \
             also when another replica has deleted it; without the cache it asks the store, as \
             Roadstead always does."
                .to_owned(),
        ],
        ..Section::default()
    };
    let mut loader = Loader::default();
    for latency_ms in LATENCIES {
        set_latency(&control, 0).await?;
        let rows: Vec<Row> = rows(latency_ms)
            .into_iter()
            .map(|row| session.row(row))
            .collect();
        let warm = rows
            .iter()
            .map(|row| row.clone().count(8).warming())
            .collect();
        measure(&mut loader, &targets, warm).await;
        set_latency(&control, latency_ms).await?;
        let measured = measure(&mut loader, &targets, rows).await;
        let tables = section.tables.len();
        judge(&mut section, &targets, &measured);
        for table in &mut section.tables[tables..] {
            table.title = format!("{latency_ms} ms: {}", table.title);
        }
    }
    Ok(section)
}

fn rows(latency_ms: u32) -> Vec<Row> {
    let demand = Demand {
        faster: true,
        memory: true,
        ..Demand::default()
    };
    // What waits is done less often.
    let often = |count: usize, waiting: usize| if latency_ms == 0 { count } else { waiting };
    let row = |name: &str, operation, count| {
        let name = format!("{name}, {latency_ms} ms");
        Row::new(&name, operation, count, demand)
    };
    vec![
        row("push monolithic", Operation::PushMonolithic, often(100, 40)),
        row("push streamed", Operation::PushStreamed, often(100, 40)),
        row("pull image", Operation::Pull, often(400, 100)),
        row("HEAD manifest", Operation::HeadManifest, often(4000, 400)),
        row("GET manifest", Operation::GetManifest, often(4000, 400)),
        row("HEAD blob", Operation::HeadBlob, often(4000, 400)),
    ]
}

fn our_setup(store: &str) -> Setup {
    let keys = "access_key: \"${env:STORE_ACCESS_KEY}\", secret_key: \"${env:STORE_SECRET_KEY}\"";
    Setup {
        storage: Some(format!(
            "{{s3: {{bucket: {BUCKET}, endpoint: \"http://{store}\", path_style: true, {keys}}}}}"
        )),
        environment: vec![
            ("STORE_ACCESS_KEY".to_owned(), ACCESS_KEY.to_owned()),
            ("STORE_SECRET_KEY".to_owned(), SECRET_KEY.to_owned()),
        ],
        ..Setup::default()
    }
}

fn their_setup(store: &str) -> Setup {
    Setup {
        storage: Some(format!(
            "s3: {{bucket: {BUCKET}, region: us-east-1, regionendpoint: \"http://{store}\", \
             forcepathstyle: true, accesskey: {ACCESS_KEY}, secretkey: {SECRET_KEY}, \
             rootdirectory: /distribution}}"
        )),
        ..Setup::default()
    }
}

async fn set_latency(control: &str, latency_ms: u32) -> Result<()> {
    let mut client = Client::new(Endpoint {
        address: control.to_owned(),
        protocol: Protocol::Plain,
    });
    let path = format!("/latency?fixed_ms={latency_ms}");
    let answer = client.send(Request::new("POST", &path)).await?;
    ensure!(answer.status == 200, "the store takes no latency");
    Ok(())
}
