//! SIGTERM and SIGINT ask the server to stop; a second one ends it at once.

use roadstead_registry::Background;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The code of a process that was interrupted, as shells count it.
const INTERRUPTED: i32 = 130;

/// Returns a token that the first signal cancels. Must be called inside the runtime.
pub(crate) fn stop_on_signal(background: &Background) -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let ended = background.stop();
    background.spawn(async move {
        tokio::select! {
            name = next(&mut terminate, &mut interrupt) => {
                tracing::info!(signal = name, "stopping on {name}; a second signal ends at once");
                stopping.cancel();
            }
            () = ended.cancelled() => return,
        }
        tokio::select! {
            _ = next(&mut terminate, &mut interrupt) => std::process::exit(INTERRUPTED),
            () = ended.cancelled() => {}
        }
    });
    Ok(stop)
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
