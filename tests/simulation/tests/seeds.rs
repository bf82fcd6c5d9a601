//! Two thousand histories, and those that once broke a promise.

use roadstead_simulation::simulate;

/// Plays seeds on as many threads as there are cores, and shows what happened where one fails.
fn play(seeds: impl Iterator<Item = u64> + Send) {
    let seeds = std::sync::Mutex::new(seeds);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = seeds.lock().expect("no history panics here").next();
                    let Some(seed) = next else { return };
                    if let Err(failure) = simulate(seed) {
                        panic!("{failure}\n{}", failure.trace.join("\n"));
                    }
                }
            });
        }
    });
}

#[test]
fn two_thousand_histories_keep_every_promise() {
    play(0..2000);
}

#[test]
fn histories_that_once_broke_a_promise_keep_it_now() {
    // 1525: a list of condemned manifests stayed behind when the last manifest of its repository went.
    // 1806: with a short grace a reverse entry went before the push that put it had set its tag.
    play([1525, 1806].into_iter());
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [7, 672, 1550] {
        let (first, second) = (simulate(seed), simulate(seed));
        let calls = |summary: Result<roadstead_simulation::Summary, _>| {
            let summary = summary.expect("it keeps every promise");
            (summary.calls, summary.faults, summary.crashes, summary.late)
        };
        assert_eq!(calls(first), calls(second));
    }
}
