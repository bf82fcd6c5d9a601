//! Says to each part what the configuration says.

use roadstead_api::{BodyPace, RedirectPolicy, RedirectRules, ServerSettings, Tls, TrustedProxies};
use roadstead_config::{Config, Period, Storage};
use roadstead_registry::{CollectorSettings, Settings};

/// What the registry allows.
pub(crate) fn registry_settings(config: &Config) -> Settings {
    Settings {
        manifest_bytes: config.limits.manifest.as_usize(),
        blob_bytes: config.limits.blob.as_u64(),
        uploads_per_client: usize::try_from(config.limits.uploads_per_client).unwrap_or(usize::MAX),
        sparse: config.manifests.sparse,
        verify_reads: config.verify_reads.map(Period::as_duration),
        scrub_period: config.scrub.period.map(Period::as_duration),
        scrub_rate_bytes: config.scrub.rate.as_u64(),
        grace: config.gc.grace.as_duration(),
        condemned: config.gc.condemned.as_duration(),
        window: config.gc.reference_window.as_duration(),
        collector: CollectorSettings {
            interval: config.gc.interval.map(Period::as_duration),
            calls_per_second: Some(config.gc.calls_per_second),
            untagged: config.gc.untagged.map(Period::as_duration),
        },
        deleted_retention: config.deleted_retention.map(Period::as_duration),
        ..Settings::default()
    }
}

/// How the registry's listener behaves.
pub(crate) fn server_settings(config: &Config, tls: Option<Tls>) -> ServerSettings {
    ServerSettings {
        proxy_protocol: config.proxy_protocol,
        tls,
        workers: config.workers.count(),
        head_timeout: config.timeouts.headers.as_duration(),
        keep_alive: config.timeouts.keep_alive.as_duration(),
        shutdown_grace: config.timeouts.shutdown.as_duration(),
        ..ServerSettings::default()
    }
}

/// Whose word about clients is believed.
pub(crate) fn trusted_proxies(config: &Config) -> TrustedProxies {
    TrustedProxies::new(config.trusted_proxies.as_slice().to_vec())
}

/// Which pulls are sent to the storage.
pub(crate) fn redirect_policy(config: &Config) -> RedirectPolicy {
    let is_wanted = match &config.storage {
        Storage::S3(s3) => s3.redirect,
        Storage::Azure(azure) => azure.redirect,
        Storage::Local(_) | Storage::Memory => false,
    };
    if !is_wanted {
        return RedirectPolicy::Never;
    }
    let redirect = &config.redirect;
    RedirectPolicy::By(RedirectRules {
        least_bytes: redirect.least_size.as_u64(),
        networks: redirect.networks.as_slice().to_vec(),
        except: redirect.except.as_slice().to_vec(),
        lifetime: redirect.lifetime.as_duration(),
    })
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
    use roadstead_config::S3Storage;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_registry() {
        let configured = format!("{:?}", registry_settings(&Config::default()));
        assert_eq!(configured, format!("{:?}", Settings::default()));
    }

    #[test]
    fn pulls_are_redirected_only_where_the_driver_is_told_to() {
        let mut s3 = S3Storage::default();
        let mut config = Config::default();
        assert!(matches!(redirect_policy(&config), RedirectPolicy::Never));
        config.storage = Storage::S3(Box::new(s3.clone()));
        assert!(matches!(redirect_policy(&config), RedirectPolicy::Never));
        s3.redirect = true;
        config.storage = Storage::S3(Box::new(s3));
        let RedirectPolicy::By(rules) = redirect_policy(&config) else {
            panic!("the driver is told to");
        };
        assert_eq!(rules.networks.len(), 2);
        assert_eq!(rules.least_bytes, 1 << 20);
    }

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_listener() {
        let config = Config::default();
        assert_eq!(body_pace(&config), BodyPace::default());
        let (configured, own) = (server_settings(&config, None), ServerSettings::default());
        assert_eq!(configured.keep_alive, own.keep_alive);
        assert_eq!(configured.shutdown_grace, own.shutdown_grace);
        assert!(configured.head_timeout <= own.head_timeout);
    }
}
