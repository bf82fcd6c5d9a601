//! Opens a container of Azure Blob Storage as the configuration says.

use anyhow::{Context, anyhow, bail};
use roadstead_config::{AzureStorage, Environment, SecretReference};
use roadstead_storage::Clock;
use roadstead_storage::drivers::azure::{AzureCredentials, AzureSettings, AzureStore, Secret};
use std::sync::Arc;

/// Opens the store. The container is not asked yet: the probe does that.
pub(crate) fn open_azure(
    azure: &AzureStorage,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<AzureStore> {
    let settings = azure_settings(azure, &Environment::of_process())?;
    AzureStore::open(settings, clock)
        .with_context(|| format!("cannot prepare the container {}", azure.container))
}

fn azure_settings(
    azure: &AzureStorage,
    environment: &Environment,
) -> anyhow::Result<AzureSettings> {
    let access = access(azure, environment)?;
    Ok(AzureSettings {
        prefix: azure.prefix.trim_matches('/').to_owned(),
        endpoint: access.endpoint,
        credentials: access.credentials,
        ca_bundle: azure.ca_bundle.clone(),
        connections: usize::try_from(azure.connections).unwrap_or(usize::MAX),
        attempts: azure.attempts,
        retry_budget: azure.retry_budget,
        connect_timeout: azure.connect_timeout.as_duration(),
        stall_timeout: azure.stall_timeout.as_duration(),
        record_timeout: azure.record_timeout.as_duration(),
        call_timeout: azure.call_timeout.as_duration(),
        part_bytes: azure.part_size.as_usize(),
        upload_buffer_bytes: azure.upload_memory.as_usize(),
        read_buffer_bytes: azure.read_memory.as_usize(),
        ..AzureSettings::new(access.account, &azure.container)
    })
}

/// Which account, where, and whom it shall take us for.
#[derive(Debug, PartialEq, Eq)]
struct Access {
    account: String,
    endpoint: Option<String>,
    credentials: AzureCredentials,
}

fn access(azure: &AzureStorage, environment: &Environment) -> anyhow::Result<Access> {
    let read = |reference: &SecretReference, key: &str| {
        let secret = reference.resolve(environment);
        secret.map_err(|error| anyhow!("storage.azure.{key}: {error}"))
    };
    let mut access = if let Some(reference) = &azure.connection_string {
        parse_connection_string(&read(reference, "connection_string")?)
            .context("storage.azure.connection_string")?
    } else {
        let credentials = match (&azure.key, &azure.sas) {
            (Some(key), _) => AzureCredentials::Key(Secret::new(read(key, "key")?)),
            (None, Some(sas)) => AzureCredentials::Sas(Secret::new(read(sas, "sas")?)),
            (None, None) => AzureCredentials::Chain,
        };
        Access {
            account: String::new(),
            endpoint: None,
            credentials,
        }
    };
    // What is written in the configuration goes over what the text says.
    if let Some(account) = &azure.account {
        access.account.clone_from(account);
    }
    if let Some(endpoint) = &azure.endpoint {
        access.endpoint = Some(endpoint.clone());
    }
    if access.account.is_empty() {
        bail!("storage.azure.account: is missing, and the connection string names none");
    }
    Ok(access)
}

/// Reads `Name=value;…` as the portal shows it. Errors never repeat a value: it may be the key.
/// See "Configure Azure Storage connection strings" of Azure's documentation.
fn parse_connection_string(text: &str) -> anyhow::Result<Access> {
    let (mut account, mut key, mut sas, mut endpoint) = (None, None, None, None);
    let (mut protocol, mut suffix) = (None, None);
    for part in text
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let (name, value) = part
            .split_once('=')
            .context("a part of it is not of the form Name=value")?;
        let place = match name.to_ascii_lowercase().as_str() {
            "accountname" => &mut account,
            "accountkey" => &mut key,
            "sharedaccesssignature" => &mut sas,
            "blobendpoint" => &mut endpoint,
            "defaultendpointsprotocol" => &mut protocol,
            "endpointsuffix" => &mut suffix,
            "usedevelopmentstorage" => {
                bail!("names the emulator; write its account, endpoint and key instead")
            }
            // Addresses of the other services.
            _ => continue,
        };
        *place = Some(value.to_owned());
    }
    let credentials = match (key, sas) {
        (Some(key), _) => AzureCredentials::Key(Secret::new(key)),
        (None, Some(sas)) => AzureCredentials::Sas(Secret::new(sas)),
        (None, None) => bail!("has neither AccountKey nor SharedAccessSignature"),
    };
    let account = account.unwrap_or_default();
    let endpoint = endpoint.or_else(|| {
        let suffix = suffix?;
        let protocol = protocol.as_deref().unwrap_or("https");
        Some(format!("{protocol}://{account}.blob.{suffix}"))
    });
    Ok(Access {
        account,
        endpoint,
        credentials,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings_of(variables: &[(&str, &str)]) -> anyhow::Result<AzureSettings> {
        let environment: Environment = variables.iter().copied().collect();
        let loaded = roadstead_config::Config::load(&roadstead_config::LoadOptions {
            environment: variables.iter().copied().collect(),
            ..roadstead_config::LoadOptions::default()
        })?;
        let roadstead_config::Storage::Azure(azure) = loaded.config.storage else {
            panic!("another driver was chosen");
        };
        azure_settings(&azure, &environment)
    }

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_driver() {
        let settings = settings_of(&[
            ("ROADSTEAD_STORAGE__AZURE__ACCOUNT", "account"),
            ("ROADSTEAD_STORAGE__AZURE__CONTAINER", "images"),
        ]);
        let settings = settings.expect("no secrets");
        assert_eq!(settings, AzureSettings::new("account", "images"));
    }

    #[test]
    fn a_connection_string_gives_account_key_and_address() {
        let settings = settings_of(&[
            ("ROADSTEAD_STORAGE__AZURE__CONTAINER", "images"),
            ("ROADSTEAD_STORAGE__AZURE__CONNECTION_STRING", "${env:TEXT}"),
            (
                "TEXT",
                "DefaultEndpointsProtocol=https;AccountName=example;AccountKey=ZmFrZQ==;\
                 EndpointSuffix=core.windows.net",
            ),
        ]);
        let settings = settings.expect("is complete");
        assert_eq!(settings.account, "example");
        assert_eq!(
            settings.endpoint.as_deref(),
            Some("https://example.blob.core.windows.net")
        );
        let key = AzureCredentials::Key(Secret::new("ZmFrZQ=="));
        assert_eq!(settings.credentials, key);
    }

    #[test]
    fn a_connection_string_without_a_secret_is_refused_and_not_repeated() {
        for text in ["AccountName=hidden", "hidden", "UseDevelopmentStorage=true"] {
            let error = format!("{:#}", parse_connection_string(text).expect_err(text));
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
