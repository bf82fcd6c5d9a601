//! Wires the parts to a running server: listeners, stores, registry; and takes them down again.

use crate::banner::Banner;
use crate::listen::{address_of, listen};
use crate::stores::Stores;
use crate::telemetry::Form;
use roadstead_config::{Config, Period};
use roadstead_registry::{Background, RandomIds, Registry, Settings};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Serves until `stop` is cancelled. The addresses are taken first: they are the usual mistake,
/// and taking them changes nothing on the disk.
pub(crate) async fn run_server(
    config: &Config,
    form: Form,
    background: &Background,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let public = listen(config.listen, "--listen")?;
    let admin = config.admin.listen;
    let admin = admin
        .map(|address| listen(address, "the setting admin.listen"))
        .transpose()?;
    let stores = Stores::open(&config.storage)?;
    let registry = Registry::new(
        Arc::clone(&stores.records),
        Arc::clone(&stores.data),
        registry_settings(config),
        Arc::clone(&stores.clock),
        Arc::new(RandomIds),
        background.clone(),
    );
    registry.start_maintenance();
    let banner = Banner {
        listen: address_of(&public)?,
        admin: admin.as_ref().map(address_of).transpose()?,
        storage: &config.storage,
    };
    banner.show(form);
    stop.cancelled().await;
    background.shutdown().await;
    stores.close().await
}

/// Says to the registry what the configuration says.
fn registry_settings(config: &Config) -> Settings {
    Settings {
        manifest_bytes: config.limits.manifest.as_usize(),
        blob_bytes: config.limits.blob.as_u64(),
        uploads_per_client: usize::try_from(config.limits.uploads_per_client).unwrap_or(usize::MAX),
        sparse: config.manifests.sparse,
        verify_reads: config.verify_reads.map(Period::as_duration),
        ..Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_registry() {
        let configured = format!("{:?}", registry_settings(&Config::default()));
        assert_eq!(configured, format!("{:?}", Settings::default()));
    }
}
