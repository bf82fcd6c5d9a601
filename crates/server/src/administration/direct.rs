//! Administration of a store that no server has to be running for: the command does the work itself.

use crate::access;
use crate::audit::CommandLog;
use crate::stores::Stores;
use anyhow::Context;
use roadstead_api::administration::{AdminAnswer, AdminRequest, Administration};
use roadstead_auth::RuleBook;
use roadstead_config::Config;
use roadstead_registry::Background;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;

/// How long what goes on behind a request may take to end.
const FINISH_WITHIN: Duration = Duration::from_secs(30);

/// A store that a command has open.
pub(crate) struct Direct {
    stores: Stores,
    background: Background,
    administration: Administration,
    log: Mutex<CommandLog>,
}

impl Direct {
    /// Opens the store of a configuration. `runtime` must outlive it.
    pub(crate) async fn open(config: &Config, runtime: Handle) -> anyhow::Result<Self> {
        let stores = Stores::open(config, None).await?;
        let background = Background::new(runtime);
        let registry = stores.registry(config, &background);
        let (audit, log) = CommandLog::open(&config.audit, &stores.clock)?;
        let rules = RuleBook::open(Arc::clone(&stores.records), access::rules(config)?);
        let administration = Administration {
            registry,
            records: Arc::clone(&stores.records),
            clock: Arc::clone(&stores.clock),
            passwords: access::passwords()?,
            rules: Arc::new(rules.await.context("cannot read the rules")?),
            is_open: config.access.is_open(),
            authenticator: None,
            keys: None,
            audit,
        };
        Ok(Self {
            stores,
            background,
            administration,
            log: Mutex::new(log),
        })
    }

    /// Does what a request asks.
    pub(crate) async fn answer(&self, request: AdminRequest<'_>) -> anyhow::Result<AdminAnswer> {
        if request.changes() {
            self.stores.wait_for_lone_server().await?;
        }
        Ok(self.administration.answer(request).await)
    }

    /// Finishes what was begun.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        let finished = tokio::time::timeout(FINISH_WITHIN, self.background.shutdown()).await;
        self.stores.close().await?;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.write()?;
        drop(log);
        finished.context("what was begun did not end in time")
    }
}
