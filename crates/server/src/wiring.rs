//! Says to each part what the configuration says.

use roadstead_api::{BodyPace, ServerSettings};
use roadstead_config::{Config, Period};
use roadstead_registry::Settings;

/// What the registry allows.
pub(crate) fn registry_settings(config: &Config) -> Settings {
    Settings {
        manifest_bytes: config.limits.manifest.as_usize(),
        blob_bytes: config.limits.blob.as_u64(),
        uploads_per_client: usize::try_from(config.limits.uploads_per_client).unwrap_or(usize::MAX),
        sparse: config.manifests.sparse,
        verify_reads: config.verify_reads.map(Period::as_duration),
        ..Settings::default()
    }
}

/// How the registry's listener behaves.
pub(crate) fn server_settings(config: &Config) -> ServerSettings {
    ServerSettings {
        workers: config.workers.count(),
        head_timeout: config.timeouts.headers.as_duration(),
        keep_alive: config.timeouts.keep_alive.as_duration(),
        shutdown_grace: config.timeouts.shutdown.as_duration(),
        ..ServerSettings::default()
    }
}

/// How slow a client may send.
pub(crate) fn body_pace(config: &Config) -> BodyPace {
    BodyPace {
        silence: config.timeouts.body_silence.as_duration(),
        floor_bytes_per_second: config.timeouts.slow_body_floor.as_u64(),
        window: config.timeouts.slow_body_window.as_duration(),
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

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_listener() {
        let config = Config::default();
        assert_eq!(body_pace(&config), BodyPace::default());
        let (configured, own) = (server_settings(&config), ServerSettings::default());
        assert_eq!(configured.keep_alive, own.keep_alive);
        assert_eq!(configured.shutdown_grace, own.shutdown_grace);
        assert!(configured.head_timeout <= own.head_timeout);
    }
}
