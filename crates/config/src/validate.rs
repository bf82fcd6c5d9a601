//! What a single value may be, and what values must not be together.

use crate::{
    AzureStorage, ByteSize, Config, ConfigError, ConfigErrors, Openness, Origin, Period, Problem,
    S3Encryption, S3Storage, Storage,
};
use std::net::SocketAddr;

impl Config {
    /// Checks every range and what must hold between settings. [`Config::load`] has done so.
    pub fn validate(&self) -> Result<(), ConfigErrors> {
        let mut errors = Vec::new();
        for setting in crate::settings() {
            let Some(text) = setting.text(self) else {
                continue;
            };
            if let Err(message) = setting.range().check(&text) {
                errors.push(problem(setting.key(), format!("`{text}` {message}")));
            }
        }
        errors.extend(
            conflicts(self)
                .into_iter()
                .map(|(key, message)| problem(key, message)),
        );
        ConfigErrors::check(errors)
    }
}

fn problem(key: &str, message: String) -> ConfigError {
    ConfigError::new(
        Origin::Default,
        Problem::BadValue {
            key: key.to_owned(),
            message,
        },
    )
}

/// Returns what is wrong between settings: the key to name, and what to say.
pub(crate) fn conflicts(config: &Config) -> Vec<(&'static str, String)> {
    let mut conflicts = Vec::new();
    if let Some(admin) = config.admin.listen
        && is_taken_by(admin, config.listen)
    {
        conflicts.push((
            "admin.listen",
            format!(
                "`{admin}` is taken by `listen`, {}; give it another port",
                config.listen
            ),
        ));
    }
    conflicts.extend(tls_conflicts(config));
    conflicts.extend(access_conflicts(config));
    conflicts.extend(collector_conflicts(config));
    if let Storage::S3(s3) = &config.storage {
        conflicts.extend(s3_conflicts(s3));
    }
    conflicts
}

fn tls_conflicts(config: &Config) -> Vec<(&'static str, String)> {
    let tls = &config.tls;
    let mut conflicts = Vec::new();
    let is_missing = match (&tls.certificate, &tls.key) {
        (Some(_), None) => Some(("tls.key", "tls.certificate")),
        (None, Some(_)) => Some(("tls.certificate", "tls.key")),
        _ => None,
    };
    if let Some((missing, given)) = is_missing {
        let message = format!("is missing beside {given}: TLS needs both");
        conflicts.push((missing, message));
    }
    if config.proxy_protocol && config.trusted_proxies.as_slice().is_empty() {
        let message = "`true` means nothing without `trusted_proxies`; name whose headers count";
        conflicts.push(("proxy_protocol", message.to_owned()));
    }
    let clients = &tls.client_certificates;
    if clients.ca.is_some() && !tls.is_on() && is_missing.is_none() {
        let message = "needs TLS: name `tls.certificate` and `tls.key`, too".to_owned();
        conflicts.push(("tls.client_certificates.ca", message));
    }
    if clients.ca.is_none() && (clients.required || !clients.identities.is_empty()) {
        let message = "is missing: name the authorities whose certificates count".to_owned();
        conflicts.push(("tls.client_certificates.ca", message));
    }
    if !clients.identities.is_empty() && config.access.is_open() {
        let message =
            "say nothing where everybody may do everything; write `access.rules`".to_owned();
        conflicts.push(("tls.client_certificates.identities", message));
    }
    conflicts
}

fn access_conflicts(config: &Config) -> Vec<(&'static str, String)> {
    let access = &config.access;
    let mut conflicts = Vec::new();
    if access.open == Openness::Open && !access.rules.is_empty() {
        let message = "lets everybody do everything, so `access.rules` would say nothing; remove \
                       one of them"
            .to_owned();
        conflicts.push(("access.open", message));
    }
    let is_reached = !config.listen.ip().to_canonical().is_loopback();
    if access.open == Openness::Auto && access.is_open() && is_reached {
        let message = format!(
            "`{}` lets other machines in, and nothing says who may do what; write rules under \
             `access: {{rules: […]}}`, or `access: {{open: true}}` to let everybody do everything",
            config.listen
        );
        conflicts.push(("listen", message));
    }
    if let Storage::Azure(azure) = &config.storage {
        conflicts.extend(azure_conflicts(azure));
    }
    conflicts
}

/// How old a reverse entry, a tombstone or a closed session must be before nobody waits for it: what a
/// reference takes to land is less.
const SETTLED: Period = Period::hours(1);
/// How old a signed request may be when S3 and Azure take it.
const SIGNED_REQUEST_LIFE: Period = Period::seconds(15 * 60);

/// What the collector relies on: whoever made sure of something before it was condemned has named it,
/// or given up, before it goes.
fn collector_conflicts(config: &Config) -> Vec<(&'static str, String)> {
    let gc = &config.gc;
    let mut conflicts = Vec::new();
    let landed = gc.reference_window.as_millis() + gc.request_life.as_millis();
    if gc.condemned.as_millis() <= landed {
        let message = format!(
            "`{}` is too short: a push that made sure of a blob just before it was condemned may name \
             it up to {} later (`gc.reference_window` {} and `gc.request_life` {}), and would name \
             what is gone",
            gc.condemned,
            Period::millis(landed),
            gc.reference_window,
            gc.request_life
        );
        conflicts.push(("gc.condemned", message));
    }
    if landed >= SETTLED.as_millis() {
        let message = format!(
            "`{}` is too long: with `gc.request_life`, {}, it must be less than {SETTLED}, the age at \
             which unfinished work of others counts as given up",
            gc.reference_window, gc.request_life
        );
        conflicts.push(("gc.reference_window", message));
    }
    let is_signed = matches!(config.storage, Storage::S3(_) | Storage::Azure(_));
    if is_signed && gc.request_life < SIGNED_REQUEST_LIFE {
        let message = format!(
            "`{}` is too short: S3 and Azure take requests that are {SIGNED_REQUEST_LIFE} old",
            gc.request_life
        );
        conflicts.push(("gc.request_life", message));
    }
    conflicts
}

fn azure_conflicts(azure: &AzureStorage) -> Vec<(&'static str, String)> {
    let mut conflicts = Vec::new();
    if azure.container.is_empty() {
        let message = "is missing; name the container that everything is kept in".to_owned();
        conflicts.push(("storage.azure.container", message));
    }
    if azure.account.is_none() && azure.connection_string.is_none() {
        let message = "is missing; name the storage account".to_owned();
        conflicts.push(("storage.azure.account", message));
    }
    let is_web =
        |endpoint: &String| endpoint.starts_with("http://") || endpoint.starts_with("https://");
    if let Some(endpoint) = azure.endpoint.as_ref().filter(|endpoint| !is_web(endpoint)) {
        let message = format!(
            "`{endpoint}` is not a URL; write one like https://images.blob.core.windows.net"
        );
        conflicts.push(("storage.azure.endpoint", message));
    }
    let secrets = [&azure.key, &azure.sas, &azure.connection_string];
    if secrets.iter().filter(|secret| secret.is_some()).count() > 1 {
        let message = "stands beside another secret; choose one of key, sas and connection_string";
        let key = if azure.connection_string.is_some() {
            "storage.azure.connection_string"
        } else {
            "storage.azure.sas"
        };
        conflicts.push((key, message.to_owned()));
    }
    if azure.upload_memory.as_u64() < 2 * azure.part_size.as_u64() {
        let message = format!(
            "`{}` is less than two blocks of {}",
            azure.upload_memory, azure.part_size
        );
        conflicts.push(("storage.azure.upload_memory", message));
    }
    if azure.redirect && azure.sas.is_some() {
        let message = "needs the account's key or an identity: with a shared access signature no \
                       address can be signed";
        conflicts.push(("storage.azure.redirect", message.to_owned()));
    }
    conflicts
}

fn s3_conflicts(s3: &S3Storage) -> Vec<(&'static str, String)> {
    let mut conflicts = Vec::new();
    if s3.bucket.is_empty() {
        let message = "is missing; name the bucket that everything is kept in".to_owned();
        conflicts.push(("storage.s3.bucket", message));
    }
    let is_web =
        |endpoint: &String| endpoint.starts_with("http://") || endpoint.starts_with("https://");
    if let Some(endpoint) = s3.endpoint.as_ref().filter(|endpoint| !is_web(endpoint)) {
        let message = format!("`{endpoint}` is not a URL; write one like https://s3.example.com");
        conflicts.push(("storage.s3.endpoint", message));
    }
    if s3.access_key.is_some() != s3.secret_key.is_some() {
        let (missing, given) = if s3.access_key.is_some() {
            ("storage.s3.secret_key", "access_key")
        } else {
            ("storage.s3.access_key", "secret_key")
        };
        conflicts.push((
            missing,
            format!("is missing beside {given}: a pair needs both"),
        ));
    }
    if s3.session_token.is_some() && s3.access_key.is_none() {
        let message = "belongs to a pair of keys, and there is none".to_owned();
        conflicts.push(("storage.s3.session_token", message));
    }
    if s3.profile.is_some() && s3.access_key.is_some() {
        let message = "takes the place of access_key and secret_key; remove one".to_owned();
        conflicts.push(("storage.s3.profile", message));
    }
    if s3.kms_key.is_some() && s3.encryption != S3Encryption::Kms {
        let message = "needs `encryption: kms` beside it".to_owned();
        conflicts.push(("storage.s3.kms_key", message));
    }
    if s3.upload_memory.as_u64() < 2 * s3.part_size.as_u64() {
        let message = format!(
            "`{}` is less than two parts of {}",
            s3.upload_memory, s3.part_size
        );
        conflicts.push(("storage.s3.upload_memory", message));
    }
    conflicts
}

/// Tells whether both addresses cannot be listened on at once.
fn is_taken_by(one: SocketAddr, other: SocketAddr) -> bool {
    let is_same_host = one.ip() == other.ip()
        || one.ip().is_unspecified() && (one.is_ipv6() || other.is_ipv4())
        || other.ip().is_unspecified() && (other.is_ipv6() || one.is_ipv4());
    one.port() != 0 && one.port() == other.port() && is_same_host
}

/// Returns what is allowed and yet likely to be regretted.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let usual = ByteSize::mib(4);
    if config.limits.manifest < usual {
        warnings.push(format!(
            "limits.manifest: {} is less than the {usual} that the distribution specification \
             expects a registry to accept",
            config.limits.manifest
        ));
    }
    if config.limits.manifest > usual {
        warnings.push(format!(
            "limits.manifest: containerd, oras and crane refuse to pull manifests over {usual}"
        ));
    }
    if config.storage == Storage::Memory {
        warnings.push("storage.memory: everything is gone when the server ends".to_owned());
    }
    if let Some(url) = &config.external_url
        && !url.is_https()
    {
        warnings.push(format!(
            "external_url: {url} is not https; most clients refuse plain http to other machines"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_configuration_is_valid_and_without_warnings() {
        assert!(Config::default().validate().is_ok());
        assert_eq!(warnings(&Config::default()), Vec::<String>::new());
    }

    #[test]
    fn listeners_that_exclude_each_other_are_found() {
        for (one, other, is_taken) in [
            ("127.0.0.1:5000", "127.0.0.1:5000", true),
            ("127.0.0.1:5000", "127.0.0.1:5001", false),
            ("0.0.0.0:5000", "127.0.0.1:5000", true),
            ("127.0.0.1:5000", "[::]:5000", true),
            ("0.0.0.0:5000", "[::1]:5000", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let address = |text: &str| text.parse::<SocketAddr>().expect("is an address");
            assert_eq!(
                is_taken_by(address(one), address(other)),
                is_taken,
                "{one} {other}"
            );
            assert_eq!(
                is_taken_by(address(other), address(one)),
                is_taken,
                "{other} {one}"
            );
        }
    }

    #[test]
    fn a_configuration_made_by_hand_is_checked_too() {
        let mut config = Config::default();
        config.limits.manifest = ByteSize::bytes(1);
        config.admin.listen = Some(config.listen);
        let errors = config
            .validate()
            .expect_err("two things are wrong")
            .to_string();
        assert!(
            errors.contains("limits.manifest: `1B` is out of range"),
            "{errors}"
        );
        assert!(
            errors.contains("admin.listen: `127.0.0.1:5000` is taken by"),
            "{errors}"
        );
    }
}
