//! The client of administration: a command asks a server at an address, the server that has the
//! data folder open, or, without one, does the work itself. All three are asked in the same words.

mod exchange;
mod remote;

pub(crate) use remote::{Login, RemoteOptions};

use crate::administration::{Direct, path_in};
use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use remote::Remote;
use roadstead_api::Whence;
use roadstead_api::administration::{AdminRequest, Failure, MAX_ADMIN_BODY_BYTES, Page, Requester};
use roadstead_config::{Config, Storage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::ErrorKind;
use std::path::PathBuf;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

/// How many entries are asked for at once: the most that a page can have.
const PAGE: usize = 1000;

/// Whom a command asks.
pub(crate) struct Client {
    runtime: Runtime,
    way: Way,
}

enum Way {
    Remote(Remote),
    Socket(PathBuf),
    Direct(Box<Direct>),
}

/// What came back.
struct Answered {
    status: u16,
    body: Bytes,
}

impl Client {
    /// Makes a client of a server at an address. Nothing is sent yet.
    pub(crate) fn remote(options: &RemoteOptions) -> anyhow::Result<Self> {
        Ok(Self {
            runtime: runtime()?,
            way: Way::Remote(Remote::new(options)?),
        })
    }

    /// Makes a client of the server that has the data folder open, or opens the store.
    pub(crate) fn local(config: &Config) -> anyhow::Result<Self> {
        let runtime = runtime()?;
        let way = runtime.block_on(async {
            match &config.storage {
                Storage::Memory => {
                    bail!(
                        "storage.memory keeps nothing that another process could change; use \
                         --server"
                    )
                }
                Storage::Local(local) => {
                    let path = path_in(&local.path);
                    match UnixStream::connect(&path).await {
                        Ok(_) => return Ok(Way::Socket(path)),
                        Err(error)
                            if matches!(
                                error.kind(),
                                ErrorKind::NotFound | ErrorKind::ConnectionRefused
                            ) => {}
                        Err(error) => {
                            let context = format!("cannot reach {}", path.display());
                            return Err(anyhow::Error::new(error).context(context));
                        }
                    }
                }
                // All servers share the bucket, and see there what changes.
                Storage::S3(_) | Storage::Azure(_) => {}
            }
            let direct = Direct::open(config, runtime.handle().clone()).await?;
            Ok(Way::Direct(Box::new(direct)))
        })?;
        Ok(Self { runtime, way })
    }

    /// Finishes what was begun.
    pub(crate) fn close(self) -> anyhow::Result<()> {
        match &self.way {
            Way::Direct(direct) => self.runtime.block_on(direct.close()),
            Way::Remote(_) | Way::Socket(_) => Ok(()),
        }
    }

    /// Waits, and lets a store that is open here go on with its work meanwhile.
    pub(crate) fn pause(&self, pause: std::time::Duration) {
        self.runtime
            .block_on(async { tokio::time::sleep(pause).await });
    }

    /// Reads a resource.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        decode(&self.ask("GET", path, Bytes::new())?)
    }

    /// Reads a list, page by page, to its end, or until there are `most` entries.
    pub(crate) fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        most: Option<usize>,
    ) -> anyhow::Result<Vec<T>> {
        let most = most.unwrap_or(usize::MAX);
        let mut items: Vec<T> = Vec::new();
        let mut last: Option<String> = None;
        loop {
            let limit = PAGE.min(most - items.len());
            let sign = if path.contains('?') { '&' } else { '?' };
            let after = match &last {
                Some(last) => format!("&last={}", roadstead_oci::encode_query_value(last)),
                None => String::new(),
            };
            let page: Page<T> = self.get(&format!("{path}{sign}n={limit}{after}"))?;
            items.extend(page.items);
            if items.len() >= most || page.next.is_none() {
                items.truncate(most);
                return Ok(items);
            }
            if page.next == last {
                bail!("the server answers the same page again");
            }
            last = page.next;
        }
    }

    /// Sends something and reads what comes of it.
    pub(crate) fn send<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        decode(&self.ask(method, path, serde_json::to_vec(body)?.into())?)
    }

    /// Sends something of which nothing comes back.
    pub(crate) fn tell(
        &self,
        method: &str,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<()> {
        let body = match body {
            Some(body) => serde_json::to_vec(body)?,
            None => Vec::new(),
        };
        self.ask(method, path, body.into()).map(|_| ())
    }

    /// Removes a resource.
    pub(crate) fn remove(&self, path: &str) -> anyhow::Result<()> {
        self.tell("DELETE", path, None::<&()>)
    }

    fn ask(&self, method: &str, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        if body.len() > MAX_ADMIN_BODY_BYTES {
            bail!("this is more than the server takes");
        }
        let answered = self.runtime.block_on(self.exchange(method, path, body))?;
        if (200..300).contains(&answered.status) {
            return Ok(answered.body);
        }
        let failure = serde_json::from_slice::<Failure>(&answered.body);
        let message = failure
            .ok()
            .and_then(|failure| Some(failure.errors.into_iter().next()?.message));
        Err(match (&self.way, answered.status, message) {
            (Way::Remote(_), 401, _) => {
                anyhow!("the server does not know the name or the password of --login")
            }
            (Way::Remote(_), 403, Some(message)) if message.contains("denied by rule ") => {
                anyhow!("the server refuses it: {message}")
            }
            (Way::Remote(_), 403, _) => {
                anyhow!(
                    "this user of the server has no right to administer it, or a rule denies it"
                )
            }
            (Way::Remote(_), 404, None) => anyhow!("there is no Roadstead with users at --server"),
            (_, _, Some(message)) => anyhow!(message),
            (_, status, None) => anyhow!("the server answers with status {status}"),
        })
    }

    async fn exchange(&self, method: &str, path: &str, body: Bytes) -> anyhow::Result<Answered> {
        match &self.way {
            Way::Remote(remote) => remote.exchange(method, path, body).await,
            Way::Socket(socket) => {
                let stream = UnixStream::connect(socket)
                    .await
                    .context("the server went away")?;
                let request = exchange::request(method, path, "localhost", body)?;
                exchange::exchange(stream, request).await
            }
            Way::Direct(direct) => {
                let (path, query) = path.split_once('?').unwrap_or((path, ""));
                let answer = direct.answer(AdminRequest {
                    method,
                    path,
                    query,
                    body: &body,
                    by: Requester::Operator,
                    whence: Whence::default(),
                });
                let answer = answer.await?;
                Ok(Answered {
                    status: answer.status(),
                    body: answer.into_body(),
                })
            }
        }
    }
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(body)
        .context("the server answers something else: it is of another version")
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the command")
}
