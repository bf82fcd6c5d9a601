//! Asks administration from the command line: the running server, or the store itself.

use super::{Administration, Answer, Request, socket};
use crate::access;
use crate::audit::CommandLog;
use crate::stores::Stores;
use anyhow::{anyhow, bail};
use roadstead_config::{Config, Storage};
use std::sync::Arc;

/// Does what is asked, by the server that has the data folder open, or without one.
pub(crate) async fn ask(config: &Config, request: Request) -> anyhow::Result<Answer> {
    match &config.storage {
        Storage::Memory => {
            bail!("storage.memory keeps nothing that another process could change")
        }
        Storage::Local(local) => {
            if let Some(answer) = socket::ask(&local.path, &request).await? {
                return answer.map_err(|reason| anyhow!(reason));
            }
        }
        // All servers share the bucket, and see there what changes.
        Storage::S3(_) | Storage::Azure(_) => {}
    }
    let stores = Stores::open(&config.storage, None).await?;
    let (audit, log) = CommandLog::open(&config.audit, &stores.clock)?;
    if request.change().is_some() {
        stores.wait_for_lone_server().await?;
    }
    let administration = Administration {
        records: Arc::clone(&stores.records),
        clock: Arc::clone(&stores.clock),
        passwords: access::passwords()?,
        rules: access::rules(config)?,
        is_open: config.access.is_open(),
        authenticator: None,
        keys: None,
        audit,
    };
    let answer = administration.answer(request).await;
    stores.close().await?;
    log.write()?;
    answer
}
