//! The socket of a running server in its data folder: one request, one answer, then it closes.
//!
//! It lies in a folder that its owner alone may enter, and answers the same user and root.

use super::{Administration, Answer, Request};
use anyhow::{Context, bail};
use roadstead_registry::Background;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// The longest request, and the longest answer, in bytes.
const MAX_REQUEST_BYTES: u64 = 64 * 1024;
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;
/// How long a client may take to send its request, and the server to answer it.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long no connection is taken after one could not be.
const PAUSE: Duration = Duration::from_secs(1);

/// An answer, or why there is none.
type Written = Result<Answer, String>;

/// The socket, which is removed when the server ends in order.
pub(crate) struct Socket {
    path: PathBuf,
    listener: UnixListener,
}

fn path_in(data: &Path) -> PathBuf {
    data.join("admin").join("socket")
}

impl Socket {
    /// Makes the socket. Whoever has the data folder open is the only one to do so: what lies there
    /// is left over from a server that was killed.
    pub(crate) fn open(data: &Path) -> anyhow::Result<Self> {
        let path = path_in(data);
        let cannot = || format!("cannot listen on {}", path.display());
        let folder = data.join("admin");
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).with_context(cannot);
            }
            _ => {}
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(cannot);
            }
            _ => {}
        }
        let listener = UnixListener::bind(&path).with_context(cannot)?;
        Ok(Self { path, listener })
    }

    /// Answers until the background ends.
    pub(crate) fn serve(self, administration: Arc<Administration>, background: &Background) {
        let stop = background.stop();
        let tasks = background.clone();
        background.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = stop.cancelled() => break,
                    accepted = self.listener.accept() => accepted,
                };
                match accepted {
                    Ok((stream, _)) => {
                        let administration = Arc::clone(&administration);
                        tasks.spawn(async move {
                            let served = serve_one(stream, &administration);
                            match tokio::time::timeout(PATIENCE, served).await {
                                Ok(Ok(())) => {}
                                Ok(Err(error)) => {
                                    tracing::warn!(%error, "failed to answer an administrator");
                                }
                                Err(_) => tracing::warn!("an administrator took too long"),
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "failed to take a connection of an administrator");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
            // What is left over is replaced by the next server.
            let _ = std::fs::remove_file(&self.path);
        });
    }
}

async fn serve_one(mut stream: UnixStream, administration: &Administration) -> anyhow::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        bail!("user {peer} of this machine is no administrator");
    }
    let mut text = Vec::new();
    let (reading, mut writing) = stream.split();
    reading
        .take(MAX_REQUEST_BYTES)
        .read_to_end(&mut text)
        .await?;
    let written: Written = match serde_json::from_slice::<Request>(&text) {
        Ok(request) => {
            let change = request.change();
            let answer = administration.answer(request).await;
            if let (Some(change), Ok(_)) = (change, &answer) {
                tracing::info!("{change}");
            }
            answer.map_err(|error| format!("{error:#}"))
        }
        Err(_) => Err("the server does not know this request: it is of another version".to_owned()),
    };
    writing.write_all(&serde_json::to_vec(&written)?).await?;
    Ok(writing.shutdown().await?)
}

/// Asks the server that has a data folder open; `None` when there is none.
pub(super) async fn ask(data: &Path, request: &Request) -> anyhow::Result<Option<Written>> {
    let path = path_in(data);
    let mut stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot reach {}", path.display()));
        }
    };
    let exchange = async {
        stream.write_all(&serde_json::to_vec(request)?).await?;
        stream.shutdown().await?;
        let mut text = Vec::new();
        stream.take(MAX_ANSWER_BYTES).read_to_end(&mut text).await?;
        anyhow::Ok(text)
    };
    let text = tokio::time::timeout(PATIENCE, exchange)
        .await
        .context("the server does not answer")?
        .context("the server broke off")?;
    let written = serde_json::from_slice(&text);
    Ok(Some(written.context("the server refused to answer")?))
}
