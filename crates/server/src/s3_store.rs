//! Opens a bucket as the configuration says.

use anyhow::{Context, anyhow};
use roadstead_config::{Environment, S3Encryption as Encryption, S3Storage, SecretReference};
use roadstead_storage::Clock;
use roadstead_storage::drivers::s3::{S3Credentials, S3Encryption, S3Settings, S3Store, Secret};
use std::sync::Arc;

/// Opens the store. The bucket is not asked yet: the probe does that.
pub(crate) async fn open_s3(s3: &S3Storage, clock: Arc<dyn Clock>) -> anyhow::Result<S3Store> {
    let settings = s3_settings(s3, &Environment::of_process())?;
    S3Store::open(settings, clock)
        .await
        .with_context(|| format!("cannot prepare the bucket {}", s3.bucket))
}

fn s3_settings(s3: &S3Storage, environment: &Environment) -> anyhow::Result<S3Settings> {
    Ok(S3Settings {
        prefix: s3.prefix.trim_matches('/').to_owned(),
        region: s3.region.clone(),
        endpoint: s3.endpoint.clone(),
        path_style: s3.path_style,
        credentials: credentials(s3, environment)?,
        encryption: match s3.encryption {
            Encryption::Bucket => S3Encryption::Bucket,
            Encryption::S3 => S3Encryption::Store,
            Encryption::Kms => S3Encryption::KeyService {
                key: s3.kms_key.clone(),
            },
        },
        storage_class: s3.storage_class.clone(),
        ca_bundle: s3.ca_bundle.clone(),
        connections: usize::try_from(s3.connections).unwrap_or(usize::MAX),
        attempts: s3.attempts,
        retry_budget: s3.retry_budget,
        connect_timeout: s3.connect_timeout.as_duration(),
        stall_timeout: s3.stall_timeout.as_duration(),
        record_timeout: s3.record_timeout.as_duration(),
        call_timeout: s3.call_timeout.as_duration(),
        part_bytes: s3.part_size.as_usize(),
        upload_buffer_bytes: s3.upload_memory.as_usize(),
        read_buffer_bytes: s3.read_memory.as_usize(),
        ..S3Settings::new(&s3.bucket)
    })
}

fn credentials(s3: &S3Storage, environment: &Environment) -> anyhow::Result<S3Credentials> {
    let read = |reference: &SecretReference, key: &str| {
        let secret = reference.resolve(environment);
        let secret = secret.map_err(|error| anyhow!("storage.s3.{key}: {error}"))?;
        anyhow::Ok(Secret::new(secret))
    };
    if let (Some(access_key), Some(secret_key)) = (&s3.access_key, &s3.secret_key) {
        let token = s3.session_token.as_ref();
        return Ok(S3Credentials::Keys {
            access_key: access_key.clone(),
            secret_key: read(secret_key, "secret_key")?,
            session_token: token
                .map(|token| read(token, "session_token"))
                .transpose()?,
        });
    }
    let profile = s3.profile.clone();
    Ok(profile.map_or(S3Credentials::Chain, S3Credentials::Profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_driver() {
        let configured = S3Storage {
            bucket: "images".to_owned(),
            ..S3Storage::default()
        };
        let settings = s3_settings(&configured, &Environment::default()).expect("no secrets");
        assert_eq!(settings, S3Settings::new("images"));
    }

    #[test]
    fn keys_are_read_where_the_configuration_points() {
        let configured = roadstead_config::Config::load(&roadstead_config::LoadOptions {
            environment: [
                ("ROADSTEAD_STORAGE__S3__BUCKET", "images"),
                ("ROADSTEAD_STORAGE__S3__ACCESS_KEY", "key"),
                ("ROADSTEAD_STORAGE__S3__SECRET_KEY", "${env:SECRET}"),
                ("SECRET", "fake"),
            ]
            .into_iter()
            .collect(),
            ..roadstead_config::LoadOptions::default()
        });
        let config = configured.expect("is valid").config;
        let roadstead_config::Storage::S3(s3) = &config.storage else {
            panic!("another driver was chosen");
        };
        let environment = [("SECRET", "fake")].into_iter().collect();
        let credentials = credentials(s3, &environment).expect("the variable is set");
        assert_eq!(
            credentials,
            S3Credentials::Keys {
                access_key: "key".to_owned(),
                secret_key: Secret::new("fake"),
                session_token: None,
            }
        );
    }
}
