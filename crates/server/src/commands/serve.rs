//! `roadstead serve`: loads the configuration and runs the server until it is told to stop.

use super::{ConfigOptions, DataOptions};
use crate::{serve, signals, telemetry};
use anyhow::Context;
use clap::Args;
use roadstead_config::Override;
use roadstead_registry::Background;

pub(super) const HELP: &str = "\
Settings come from the defaults, the file, the environment and the options here, each stronger
than the one before. docs/configuration.md lists them all; `roadstead config print` shows what holds.

Examples:
  roadstead serve
  roadstead serve --listen 127.0.0.1:80 --data /srv/roadstead
  ROADSTEAD_LISTEN=0.0.0.0:5000 roadstead serve --config /etc/roadstead.yaml";

#[derive(Debug, Args)]
pub(super) struct ServeOptions {
    #[command(flatten)]
    config: ConfigOptions,
    /// Where to listen [setting: listen; default: 127.0.0.1:5000].
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    #[command(flatten)]
    data: DataOptions,
}

impl ServeOptions {
    fn overrides(&self) -> Vec<Override> {
        let listen = self.listen.clone();
        let listen = listen.map(|value| Override {
            key: "listen",
            value,
            option: "--listen",
        });
        listen.into_iter().chain(self.data.overrides()).collect()
    }
}

pub(super) fn run(options: &ServeOptions) -> anyhow::Result<()> {
    let loaded = options.config.load(options.overrides())?;
    let form = telemetry::start(&loaded.config.log)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    // Requests run on threads of their own; this runtime carries what goes on behind them.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("background")
        .enable_all()
        .build()
        .context("cannot start the threads of the server")?;
    runtime.block_on(async {
        let background = Background::new(runtime.handle().clone());
        let stop = signals::stop_on_signal(&background).context("cannot watch for signals")?;
        serve::run_server(&loaded.config, form, &background, stop).await
    })
}
