//! What goes wrong in a round: the store's faults, drawn anew each time, and kills of replicas.

use crate::replicas::{REPLICAS, Replicas};
use roadstead_tests::campaign::shared::Shared;
use roadstead_tests::s3_fake::{Fault, Rule, S3Fake, S3Operation};
use std::time::{Duration, Instant};

/// Longer than a replica waits for a record, or for anything to move.
const TOO_LONG: Duration = Duration::from_millis(1300);
/// Between two kills.
const CALM_MILLIS: std::ops::Range<u64> = 200..2500;
/// How often it is looked whether the round is over.
const GLANCE: Duration = Duration::from_millis(20);

/// Draws which of a thousand requests meet which fault: some rounds are worse than others.
pub(crate) fn draw(random: &mut fastrand::Rng) -> Vec<(u32, Fault)> {
    let late = Duration::from_millis(random.u64(20..1500));
    let a_little = Duration::from_millis(random.u64(5..300));
    let all = [
        (14, Fault::AnswerLost),
        (10, Fault::RequestLost),
        (12, Fault::SlowDown),
        (10, Fault::InternalError),
        (10, Fault::InternalErrorAfter),
        (6, Fault::ConditionalConflict),
        (10, Fault::TruncatedBody(random.u64(0..2000))),
        (6, Fault::TruncatedBody(random.u64(2000..3_000_000))),
        (4, Fault::DelayBefore(TOO_LONG)),
        (4, Fault::DelayAfter(TOO_LONG)),
        (8, Fault::DelayBefore(a_little)),
        (10, Fault::LandsLate(late)),
    ];
    let strength = random.u32(1..=3);
    let harm = |(per_mille, fault)| (per_mille * strength / 2, fault);
    all.map(harm).to_vec()
}

/// Three of four listings and lists of the collector are spared: three replicas that collect all the
/// while would meet most of the faults, and those who push few.
///
/// The put of a whole data object never lands late: should it do so after the object was put again
/// and deleted, nobody would know of what then lies there. Everything else may.
pub(crate) fn spares(fault: Fault, operation: S3Operation, key: &str) -> bool {
    let is_collecting = operation == S3Operation::ListObjects || key.contains("/gc/");
    if is_collecting && fastrand::u8(..4) > 0 {
        return true;
    }
    matches!(fault, Fault::LandsLate(_))
        && operation == S3Operation::PutObject
        && key.contains("/data/")
}

/// Lets the store break its word a few times in a round: puts that it answers as done and forgets.
/// What is overwritten later cannot be missed, hence several.
pub(crate) fn sabotage(fake: &S3Fake, random: &mut fastrand::Rng) {
    for key in ["/_tag/", "records/link/", "/_manifest/"] {
        fake.faults().add(Rule {
            key_contains: key.to_owned(),
            skip: random.u32(5..15),
            times: 5,
            ..Rule::next(S3Operation::PutObject, Fault::Forgotten)
        });
    }
}

/// Kills replicas and starts them again until the round is over. Returns how many it killed.
pub(crate) async fn kill_until_over(
    shared: &Shared,
    replicas: &mut Replicas,
    fake: &S3Fake,
    random: &mut fastrand::Rng,
) -> anyhow::Result<u64> {
    let mut kills = 0;
    loop {
        if is_over_within(shared, Duration::from_millis(random.u64(CALM_MILLIS))).await {
            return Ok(kills);
        }
        let number = random.usize(..REPLICAS);
        kills += u64::from(replicas.kill(number).await?);
        // Sometimes it stays away for long, sometimes another one goes meanwhile.
        let is_over = is_over_within(shared, Duration::from_millis(random.u64(0..400))).await;
        if is_over {
            return Ok(kills);
        }
        if random.u8(..4) == 0 {
            kills += u64::from(replicas.kill((number + 1) % REPLICAS).await?);
        }
        replicas.start_all(fake).await?;
    }
}

async fn is_over_within(shared: &Shared, time: Duration) -> bool {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if shared.is_over() {
            return true;
        }
        tokio::time::sleep(GLANCE).await;
    }
    shared.is_over()
}
