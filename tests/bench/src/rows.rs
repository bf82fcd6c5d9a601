//! The rows: what is done how often, and what is demanded of it.

use crate::recording::Profiles;
use std::time::Duration;

/// What one operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    PushMonolithic,
    PushStreamed,
    /// One push, streamed, to three pulls.
    Mixed,
    Pull,
    PullLayer,
    HeadManifest,
    GetManifest,
    HeadBlob,
    /// A manifest that is there under one more tag.
    PushTag,
    TagsPage,
    CatalogPage,
}

impl Operation {
    /// Whether every operation has an image of its own.
    pub(crate) const fn pushes_images(self) -> bool {
        matches!(
            self,
            Self::PushMonolithic | Self::PushStreamed | Self::Mixed
        )
    }

    /// Whether it leaves bytes that the disk has yet to take.
    pub(crate) const fn writes(self) -> bool {
        self.pushes_images() || matches!(self, Self::PushTag)
    }
}

/// What is demanded beside no errors. Shares are those of the best peer of the same run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Demand {
    /// More operations a second than the best peer.
    pub(crate) faster: bool,
    /// Processor time an operation: at most this share of the best peer's.
    pub(crate) processor: Option<f64>,
    /// A peak below every peer's.
    pub(crate) memory: bool,
}

impl Demand {
    /// Ahead in operations and in memory, and at most a share of the processor time.
    pub(crate) const fn ahead(processor: f64) -> Self {
        Self {
            faster: true,
            processor: Some(processor),
            memory: true,
        }
    }
}

/// One row of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) operation: Operation,
    pub(crate) layers: usize,
    pub(crate) layer_bytes: usize,
    /// Operations a round, over all connections.
    pub(crate) count: usize,
    pub(crate) rounds: usize,
    pub(crate) connections: usize,
    /// Tags of the repository, or repositories of the catalog, that pages are asked of.
    pub(crate) entries: usize,
    /// Whether the disk is left to come to rest before a round that writes.
    pub(crate) settles: bool,
    pub(crate) demand: Demand,
    /// Where profiles of the server under test go, if they are wanted.
    pub(crate) profiles: Option<Profiles>,
}

pub(crate) const KIB: usize = 1024;
pub(crate) const MIB: usize = 1024 * KIB;

impl Row {
    pub(crate) fn new(name: &str, operation: Operation, count: usize, demand: Demand) -> Self {
        Self {
            name: name.to_owned(),
            operation,
            layers: 1,
            layer_bytes: MIB,
            count,
            rounds: 5,
            connections: 4,
            entries: 0,
            settles: true,
            demand,
            profiles: None,
        }
    }

    pub(crate) fn layers(self, layers: usize, layer_bytes: usize) -> Self {
        Self {
            layers,
            layer_bytes,
            ..self
        }
    }

    pub(crate) fn entries(self, entries: usize) -> Self {
        Self { entries, ..self }
    }

    pub(crate) fn rounds(self, rounds: usize) -> Self {
        Self { rounds, ..self }
    }

    pub(crate) fn connections(self, connections: usize) -> Self {
        Self {
            connections,
            ..self
        }
    }

    pub(crate) fn count(self, count: usize) -> Self {
        Self { count, ..self }
    }

    /// The same for a first visit, whose figures nobody looks at.
    pub(crate) fn warming(self) -> Self {
        Self {
            rounds: self.rounds.min(1),
            profiles: None,
            ..self
        }
    }

    /// The same with few and small operations: to see that it works.
    pub(crate) fn quick(self) -> Self {
        Self {
            layer_bytes: self.layer_bytes.min(MIB),
            layers: self.layers.min(3),
            count: (self.count / 50).clamp(self.connections, 20),
            rounds: 1,
            settles: false,
            entries: self.entries.min(20),
            ..self
        }
    }

    /// How many entries a page of a list has.
    pub(crate) fn page(&self) -> usize {
        (self.entries / 10).min(100)
    }

    /// Whether the pages that a round makes dirty are so many that the kernel's reclaim of those of
    /// earlier rounds would be paid by this one.
    pub(crate) fn fills_memory(&self) -> bool {
        let bytes = self.count * self.layers * self.layer_bytes;
        self.operation.pushes_images() && bytes >= 512 * MIB
    }
}

/// Images of one layer of 1 MiB.
pub(crate) fn small() -> Vec<Row> {
    vec![
        Row::new(
            "push monolithic",
            Operation::PushMonolithic,
            200,
            Demand::ahead(0.4),
        ),
        Row::new(
            "push streamed",
            Operation::PushStreamed,
            200,
            Demand::ahead(0.4),
        ),
        Row::new("pull image", Operation::Pull, 1000, Demand::ahead(0.6)),
        Row::new(
            "one push to three pulls",
            Operation::Mixed,
            200,
            Demand {
                faster: true,
                ..Demand::default()
            },
        ),
    ]
}

/// Requests without much content.
pub(crate) fn requests() -> Vec<Row> {
    vec![
        Row::new(
            "HEAD manifest",
            Operation::HeadManifest,
            20_000,
            Demand::ahead(0.6),
        ),
        Row::new(
            "GET manifest",
            Operation::GetManifest,
            20_000,
            Demand::ahead(0.6),
        ),
        Row::new("HEAD blob", Operation::HeadBlob, 20_000, Demand::ahead(0.6)),
    ]
}

/// Lists, and what makes them longer.
pub(crate) fn tags() -> Vec<Row> {
    let catalog = Demand::ahead(1.0);
    vec![
        Row::new(
            "push one more tag, 1,000 there",
            Operation::PushTag,
            1000,
            Demand::ahead(0.3),
        )
        .entries(1000)
        .layers(1, 64 * KIB),
        Row::new(
            "tags page of 100 of 1,000",
            Operation::TagsPage,
            2000,
            Demand::ahead(0.2),
        )
        .entries(1000)
        .layers(1, 64 * KIB),
        Row::new(
            "catalog page of 100 of 1,000",
            Operation::CatalogPage,
            400,
            catalog,
        )
        .entries(1000)
        .layers(1, KIB),
    ]
}

/// Layers of 256 MiB.
pub(crate) fn layer() -> Vec<Row> {
    let push = Demand::ahead(0.65);
    let row = |name, operation, count, demand| {
        Row::new(name, operation, count, demand).layers(1, 256 * MIB)
    };
    vec![
        row(
            "256 MiB layer pull",
            Operation::PullLayer,
            64,
            Demand::ahead(1.0),
        )
        .rounds(3),
        row("256 MiB push streamed", Operation::PushStreamed, 4, push),
        row(
            "256 MiB push monolithic",
            Operation::PushMonolithic,
            4,
            push,
        ),
    ]
}

/// Images of many small layers.
pub(crate) fn layers() -> Vec<Row> {
    let row = |name, operation, count, demand| {
        Row::new(name, operation, count, demand).layers(20, 64 * KIB)
    };
    vec![
        row(
            "20 layers of 64 KiB: push",
            Operation::PushMonolithic,
            60,
            Demand::ahead(0.4),
        ),
        row(
            "20 layers of 64 KiB: pull",
            Operation::Pull,
            200,
            Demand::ahead(0.6),
        ),
    ]
}

/// How long a client of a row may wait for one answer before the run gives up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rounds_of_large_pushes_empty_the_cache() {
        let filling: Vec<String> = [small(), requests(), tags(), layer(), layers()]
            .into_iter()
            .flatten()
            .filter(Row::fills_memory)
            .map(|row| row.name)
            .collect();
        assert_eq!(
            filling,
            ["256 MiB push streamed", "256 MiB push monolithic"]
        );
    }

    #[test]
    fn a_quick_row_is_small_and_keeps_every_connection_busy() {
        for row in [small(), requests(), tags(), layer(), layers()].concat() {
            let quick = row.quick();
            assert!(
                quick.count >= quick.connections && quick.count <= 20,
                "{quick:?}"
            );
            assert!(
                quick.layers * quick.layer_bytes * quick.count <= 20 * MIB,
                "{quick:?}"
            );
            assert_eq!(quick.entries == 0, quick.page() == 0, "{quick:?}");
        }
    }
}
