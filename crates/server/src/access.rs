//! Who may use the registry: from what the configuration says to what decides requests.

use crate::stores::Stores;
use crate::wiring::trusted_proxies;
use anyhow::Context;
use roadstead_api::{Access, Guard};
use roadstead_auth::{
    ActionSet, Authenticator, CertificateRule, CertificateRules, Effect, Htpasswd, KeySettings,
    NameKind, PasswordSettings, Passwords, PathPattern, Rule, RuleBook, RuleSet, SigningKeys,
    Subject, TagPattern, TokenSettings, Tokens,
};
use roadstead_config::{AccessRule, CertificateName, ClientCertificates, Config, ConfigErrors};
use roadstead_registry::Background;
use std::sync::Arc;
use std::time::Duration;

/// How often signing keys are looked after.
const MAINTAIN_KEYS_EVERY: Duration = Duration::from_mins(1);
/// How long a change of the stored rules by another replica takes to be seen at most.
const REFRESH_RULES_EVERY: Duration = Duration::from_secs(5);
/// What tokens name the registry when it has no address of its own.
const SERVICE: &str = "roadstead";

/// Reads the rules of the configuration. A mistake is one of the configuration.
pub(crate) fn rules(config: &Config) -> Result<Vec<Rule>, ConfigErrors> {
    let mut rules = Vec::new();
    for (index, written) in config.access.rules.iter().enumerate() {
        let rule = rule(written).map_err(|reason| {
            ConfigErrors::of("access.rules", format!("rule {}: {reason}", index + 1))
        })?;
        rules.push(rule);
    }
    RuleSet::new(rules.clone())
        .map_err(|error| ConfigErrors::of("access.rules", error.to_string()))?;
    Ok(rules)
}

fn rule(written: &AccessRule) -> Result<Rule, String> {
    Ok(Rule {
        subjects: parse_all(&written.subjects, Subject::parse)?,
        repositories: parse_all(&written.repositories, PathPattern::parse)?,
        tags: parse_all(&written.tags, TagPattern::parse)?,
        actions: ActionSet::parse(&written.actions).map_err(|error| error.to_string())?,
        effect: match written.effect.as_deref() {
            None | Some("allow") => Effect::Allow,
            Some("deny") => Effect::Deny,
            Some(other) => return Err(format!("effect {other:?} is neither allow nor deny")),
        },
    })
}

/// Reads whom certificates of clients stand for. A mistake is one of the configuration.
fn certificate_rules(clients: &ClientCertificates) -> Result<CertificateRules, ConfigErrors> {
    let mut rules = Vec::new();
    for (index, identity) in clients.identities.iter().enumerate() {
        let kind = match identity.name {
            CertificateName::Dns => NameKind::Dns,
            CertificateName::Uri => NameKind::Uri,
            CertificateName::Email => NameKind::Email,
            CertificateName::CommonName => NameKind::CommonName,
        };
        let rule = CertificateRule::parse(kind, &identity.pattern, &identity.subject);
        rules.push(rule.map_err(|reason| {
            let message = format!("entry {}: {reason}", index + 1);
            ConfigErrors::of("tls.client_certificates.identities", message)
        })?);
    }
    Ok(CertificateRules::new(rules))
}

fn parse_all<T, E: std::fmt::Display>(
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, String> {
    let parse = |text: &String| parse(text).map_err(|error| error.to_string());
    texts.iter().map(parse).collect()
}

/// What decides requests, and what looks after it.
pub(crate) struct Gate {
    /// What requests meet.
    pub(crate) access: Access,
    /// Who logs in, when anybody has to.
    pub(crate) authenticator: Option<Arc<Authenticator>>,
    /// The keys that sign tokens, when there are tokens.
    pub(crate) keys: Option<Arc<SigningKeys>>,
    /// The rules, which nobody asks where everybody may do everything.
    pub(crate) rules: Arc<RuleBook>,
}

impl Gate {
    /// Makes it of the configuration and the records.
    pub(crate) async fn open(
        config: &Config,
        stores: &Stores,
        passwords: &Arc<Passwords>,
    ) -> anyhow::Result<Self> {
        let records = &stores.records;
        let clients = &config.tls.client_certificates;
        let certificates = certificate_rules(clients)?;
        let rules = RuleBook::open(Arc::clone(records), rules(config)?)
            .await
            .context("cannot read the rules")?;
        let rules = Arc::new(rules);
        if config.access.is_open() {
            return Ok(Self {
                access: Access::Open,
                authenticator: None,
                keys: None,
                rules,
            });
        }
        let htpasswd = match &config.access.htpasswd {
            Some(path) => Some(Htpasswd::open(path.clone(), Arc::clone(&stores.clock)).await?),
            None => None,
        };
        let authenticator = Arc::new(Authenticator::new(
            records,
            htpasswd,
            Arc::clone(passwords),
            Arc::clone(&stores.clock),
        ));
        let keys = SigningKeys::open(
            Arc::clone(records),
            Arc::clone(&stores.clock),
            KeySettings::default(),
        )
        .await
        .context("cannot read the keys that sign tokens")?;
        let keys = Arc::new(keys);
        let address = config.external_url.as_ref();
        // All replicas must name the same, so it cannot be where one of them listens.
        let service = address.map_or(SERVICE, |url| url.authority()).to_owned();
        let settings = TokenSettings {
            issuer: service.clone(),
            service,
            lifetime: TokenSettings::LIFETIME,
        };
        let guard = Guard {
            authenticator: Arc::clone(&authenticator),
            tokens: Tokens::new(Arc::clone(&keys), Arc::clone(&stores.clock), settings),
            policy: rules.policy(),
            address: address.map(|url| url.as_str().to_owned()),
            proxies: trusted_proxies(config),
            refuses_strangers: clients.required && !certificates.is_empty(),
            certificates,
        };
        Ok(Self {
            access: Access::Guarded(Arc::new(guard)),
            authenticator: Some(authenticator),
            keys: Some(keys),
            rules,
        })
    }

    /// Begins to look after keys and rules, until the background ends.
    pub(crate) fn start_maintenance(&self, background: &Background) {
        let Some(keys) = self.keys.clone() else {
            return;
        };
        repeat(background, MAINTAIN_KEYS_EVERY, move || {
            let keys = Arc::clone(&keys);
            async move {
                if let Err(error) = keys.maintain().await {
                    tracing::warn!(%error, "failed to look after the signing keys; it is tried again");
                }
            }
        });
        let rules = Arc::clone(&self.rules);
        repeat(background, REFRESH_RULES_EVERY, move || {
            let rules = Arc::clone(&rules);
            async move {
                if let Err(error) = rules.refresh().await {
                    tracing::warn!(%error, "failed to read the rules; they stay as they were");
                }
            }
        });
    }
}

/// Does something now and then, the first time after one period.
fn repeat<F: Future<Output = ()> + Send>(
    background: &Background,
    period: Duration,
    work: impl Fn() -> F + Send + 'static,
) {
    let stop = background.stop();
    background.spawn(async move {
        let mut due = tokio::time::interval(period);
        due.tick().await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = due.tick() => work().await,
            }
        }
    });
}

/// Makes what hashes and verifies passwords, of which only so many run at once.
pub(crate) fn passwords() -> anyhow::Result<Arc<Passwords>> {
    let passwords = Passwords::new(PasswordSettings::default());
    Ok(Arc::new(passwords.context("cannot hash passwords")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_with(rule: AccessRule) -> Config {
        let mut config = Config::default();
        config.access.rules = vec![rule];
        config
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn written() -> AccessRule {
        AccessRule {
            subjects: texts(&["group:team-a", "*"]),
            repositories: texts(&["team-a/**"]),
            tags: texts(&["v*"]),
            actions: texts(&["pull", "tag-overwrite"]),
            effect: Some("deny".to_owned()),
        }
    }

    #[test]
    fn a_written_rule_becomes_one_that_decides() {
        let rules = rules(&config_with(written())).expect("is a rule");
        assert_eq!(rules[0].effect, Effect::Deny);
        assert_eq!(rules[0].subjects.len(), 2);
    }

    #[test]
    fn a_wrong_rule_is_told_by_its_number() {
        let wrong = |change: fn(&mut AccessRule)| {
            let mut rule = written();
            change(&mut rule);
            let errors = rules(&config_with(rule)).expect_err("is wrong").to_string();
            assert!(errors.contains("access.rules: "), "{errors}");
            assert!(errors.contains("rule 1"), "{errors}");
        };
        wrong(|rule| rule.subjects = vec!["ops".to_owned()]);
        wrong(|rule| rule.subjects.clear());
        wrong(|rule| rule.repositories = vec!["../a".to_owned()]);
        wrong(|rule| rule.actions = vec!["read".to_owned()]);
        wrong(|rule| rule.effect = Some("refuse".to_owned()));
    }
}
