//! Three replicas with eight writers each, and readers and deleters besides, all at one tag: what
//! they saw must be one order of events, and the history must tell it.

use crate::cluster::{Cluster, REPLICAS};
use crate::races::WRITERS;
use roadstead_tests::content::{Manifest, empty_index};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::linearizable::{Action, End, Operation, Verdict, judge};
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

const TAG: &str = "/v2/a/manifests/latest";
/// What each client does, one after the other.
const WRITES: usize = 6;
const READS: usize = 40;
const DELETES: usize = 4;

/// What the clients of one replica besides the writers do.
#[derive(Clone, Copy)]
enum Part {
    Write(usize),
    Read,
    Delete,
}

/// One clock for all clients.
struct Watch(Instant);

impl Watch {
    fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).expect("a test ends in time")
    }

    /// Sends a request and notes when, and what it did.
    fn note(
        &self,
        connection: &mut Connection,
        request: &Request,
        action: impl FnOnce(&Answer) -> Action<String>,
    ) -> Operation<String> {
        let began = self.now();
        let answer = connection.send(request);
        let end = End::Answered(self.now());
        Operation {
            action: action(&answer),
            began,
            end,
        }
    }
}

fn manifest_of(writer: usize, round: usize) -> Manifest {
    empty_index(&format!("writer {writer}, round {round}"))
}

fn write(watch: &Watch, connection: &mut Connection, manifest: &Manifest) -> Operation<String> {
    let request = Request::put(TAG)
        .header("Content-Type", manifest.media_type)
        .body(&manifest.bytes);
    watch.note(connection, &request, |answer| {
        answer.expect_status(201);
        Action::Write(manifest.digest())
    })
}

fn read(watch: &Watch, connection: &mut Connection, request: &Request) -> Operation<String> {
    watch.note(connection, request, |answer| match answer.status {
        200 => Action::Read(Some(
            answer.expect_header("docker-content-digest").to_owned(),
        )),
        404 => Action::Read(None),
        _ => panic!("{answer:?}"),
    })
}

fn delete(watch: &Watch, connection: &mut Connection) -> Operation<String> {
    let request = Request::delete(TAG);
    watch.note(connection, &request, |answer| match answer.status {
        202 => Action::Clear,
        404 => Action::Read(None),
        _ => panic!("{answer:?}"),
    })
}

fn act(watch: &Watch, connection: &mut Connection, part: Part) -> Vec<Operation<String>> {
    match part {
        Part::Write(writer) => (0..WRITES)
            .map(|round| write(watch, connection, &manifest_of(writer, round)))
            .collect(),
        Part::Read => (0..READS)
            .map(|round| {
                let request = if round % 3 == 0 {
                    Request::get(TAG)
                } else {
                    Request::head(TAG)
                };
                read(watch, connection, &request)
            })
            .collect(),
        Part::Delete => (0..DELETES).map(|_| delete(watch, connection)).collect(),
    }
}

/// Lets all clients work at the tag at once, then reads it at every replica.
fn run(cluster: &Cluster, parts_of_a_replica: &[Part]) -> Vec<Operation<String>> {
    let mut clients: Vec<Part> = Vec::new();
    for _ in 0..REPLICAS {
        for part in parts_of_a_replica {
            let number = clients.len();
            clients.push(match part {
                Part::Write(_) => Part::Write(number),
                other => *other,
            });
        }
    }
    let watch = Watch(Instant::now());
    let start = Barrier::new(clients.len());
    let mut history: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = clients
            .iter()
            .enumerate()
            .map(|(number, part)| {
                let (watch, start) = (&watch, &start);
                let mut connection = cluster.at(number / parts_of_a_replica.len());
                scope.spawn(move || {
                    start.wait();
                    act(watch, &mut connection, *part)
                })
            })
            .collect();
        let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
        ended
            .flat_map(|ended| ended.expect("a client comes to its end"))
            .collect()
    });
    for replica in 0..REPLICAS {
        let mut connection = cluster.at(replica);
        history.push(read(&watch, &mut connection, &Request::head(TAG)));
        history.push(read(&watch, &mut connection, &Request::get(TAG)));
    }
    history
}

/// Every value that was acknowledged and is not the tag's any more has its entry in the history,
/// and nothing else has one.
fn check_history(cluster: &Cluster, history: &[Operation<String>]) {
    let written: BTreeSet<&str> = history
        .iter()
        .filter_map(|operation| match &operation.action {
            Action::Write(digest) => Some(digest.as_str()),
            _ => None,
        })
        .collect();
    let Some(Operation {
        action: Action::Read(last),
        ..
    }) = history.last()
    else {
        panic!("the last operation is no read")
    };
    let past = cluster.look(async |stored| {
        stored
            .past_values("a", "latest")
            .await
            .expect("the history can be read")
    });
    let told: BTreeSet<String> = past
        .iter()
        .map(|entry| entry.was.digest.to_string())
        .collect();
    assert_eq!(told.len(), past.len(), "a value has two entries");
    for digest in &told {
        assert!(written.contains(digest.as_str()), "nobody wrote {digest}");
    }
    for digest in &written {
        let is_last = last.as_deref() == Some(digest);
        assert!(
            is_last || told.contains(*digest),
            "the history does not know {digest}"
        );
    }
    // Newest first, by the store's clock.
    assert!(past.is_sorted_by(|newer, older| newer.was.at >= older.was.at));
}

fn check(cluster: &Cluster, history: &[Operation<String>]) {
    let verdict = judge(history);
    assert_eq!(verdict, Verdict::Linearizable, "{history:#?}");
    check_history(cluster, history);
    // What is readable by its digest stays so, tag or no tag.
    for operation in history {
        if let Action::Write(digest) = &operation.action {
            let answer = cluster.next().head(format!("/v2/a/manifests/{digest}"));
            answer.expect_status(200);
        }
    }
}

#[test]
fn writers_and_readers_of_one_tag_see_one_order_of_events() {
    let cluster = Cluster::start();
    let mut parts = vec![Part::Write(0); WRITERS];
    parts.extend([Part::Read, Part::Read]);
    let history = run(&cluster, &parts);
    check(&cluster, &history);
}

#[test]
fn writers_readers_and_deleters_of_one_tag_see_one_order_of_events() {
    let cluster = Cluster::start();
    let mut parts = vec![Part::Write(0); WRITERS];
    parts.extend([Part::Read, Part::Read, Part::Delete]);
    let history = run(&cluster, &parts);
    check(&cluster, &history);
}
