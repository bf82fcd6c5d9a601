//! Tests of tokens: what is made is accepted, by whom, and for how long.

mod forgeries;

use super::*;
use crate::keys::{KeySettings, OldKeys};
use crate::scope::Scope;
use crate::testing::Fixture;
use crate::{AccessRequest, Action, RuleSet};
use roadstead_oci::RepositoryName;
use serde_json::{Value, json};

struct Deployment {
    fixture: Fixture,
    keys: Arc<SigningKeys>,
    tokens: Tokens,
}

async fn deployment() -> Deployment {
    over(Fixture::new(), "registry.example").await
}

async fn over(fixture: Fixture, service: &str) -> Deployment {
    let keys = SigningKeys::open(
        fixture.records.clone(),
        fixture.clock.clone(),
        KeySettings::default(),
    );
    let keys = Arc::new(keys.await.unwrap());
    let settings = TokenSettings {
        issuer: service.to_owned(),
        service: service.to_owned(),
        lifetime: TokenSettings::LIFETIME,
    };
    Deployment {
        tokens: Tokens::new(keys.clone(), fixture.clock.clone(), settings),
        keys,
        fixture,
    }
}

fn ops() -> Rights {
    let name = |text| SubjectName::parse(text).unwrap();
    Rights::of(Identity::User(name("ops"))).with_groups([name("team-a")])
}

fn access() -> TokenAccess {
    let rules = json!([{"subjects": ["*"], "repositories": ["**"], "actions": ["pull"]}]);
    let rules = RuleSet::new(serde_json::from_value(rules).unwrap()).unwrap();
    let app = RepositoryName::parse("team/app").unwrap();
    let asked = [Scope::repository(&app, &[Action::Pull, Action::Push])];
    TokenAccess::narrowed(&asked, &rules, &ops())
}

impl Deployment {
    fn token(&self) -> String {
        self.tokens.issue(&ops(), &access()).token
    }

    async fn error(&self, token: &str) -> String {
        match self.tokens.verify(token).await {
            Ok(caller) => format!("accepted as {}", caller.identity()),
            Err(error) => error.to_string(),
        }
    }

    /// Signs any header and claims with the key of the deployment.
    fn signed(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self
            .keys
            .current()
            .signing()
            .signing
            .sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn header(&self) -> Value {
        json!({"typ": "JWT", "alg": "EdDSA", "kid": self.keys.current().signing().id})
    }

    fn claims(&self) -> Value {
        read(self.token().split('.').nth(1).unwrap())
    }

    /// Signs the usual claims with `change` made to them.
    fn with(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.signed(&self.header(), &claims)
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn read(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

const START_SECS: u64 = crate::testing::START.as_millis() / 1000;

#[tokio::test]
async fn what_is_made_is_accepted_and_says_who_and_what() {
    let here = deployment().await;
    let caller = here.tokens.verify(&here.token()).await.unwrap();
    assert_eq!(caller.identity().to_string(), "ops");
    assert_eq!(caller.rights().groups(), ops().groups());
    let app = RepositoryName::parse("team/app").unwrap();
    let made_for = caller.token_access().unwrap();
    assert!(made_for.covers(&AccessRequest::pull(&app)));
    assert!(!made_for.covers(&AccessRequest::push(&app)));
    // Again, from what is remembered.
    assert_eq!(here.tokens.verify(&here.token()).await.unwrap(), caller);
}

#[tokio::test]
async fn the_wire_form_is_that_of_the_token_specification() {
    let here = deployment().await;
    let token = here.token();
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(read(parts[0]), here.header());
    let claims = read(parts[1]);
    assert_eq!(claims["sub"], "ops");
    assert_eq!(claims["aud"], "registry.example");
    assert_eq!(claims["exp"], START_SECS + 300);
    assert_eq!(
        claims["access"],
        json!([{"type": "repository", "name": "team/app", "actions": ["pull"]}])
    );
}

#[tokio::test]
async fn robots_and_nobody_are_told_apart_from_users() {
    let here = deployment().await;
    let name = SubjectName::parse("ops").unwrap();
    for identity in [
        Identity::Anonymous,
        Identity::User(name.clone()),
        Identity::Robot(name),
    ] {
        let issued = here
            .tokens
            .issue(&Rights::of(identity.clone()), &TokenAccess::default());
        let caller = here.tokens.verify(&issued.token).await.unwrap();
        assert_eq!(caller.identity(), &identity);
        assert!(!caller.has_no_credentials());
    }
}

#[tokio::test]
async fn any_replica_verifies_the_token_of_any() {
    let here = deployment().await;
    let there = Fixture {
        records: here.fixture.records.clone(),
        clock: here.fixture.clock.clone(),
    };
    let there = over(there, "registry.example").await;
    assert!(there.tokens.verify(&here.token()).await.is_ok());
    here.keys.rotate(OldKeys::Honour).await.unwrap();
    assert!(there.tokens.verify(&here.token()).await.is_ok());
    assert!(here.tokens.verify(&there.token()).await.is_ok());
}

#[tokio::test]
async fn a_token_ends_with_its_dropped_key_even_when_remembered() {
    let here = deployment().await;
    let token = here.token();
    assert!(here.tokens.verify(&token).await.is_ok());
    here.keys.rotate(OldKeys::Drop).await.unwrap();
    assert_eq!(here.error(&token).await, TokenError::UnknownKey.to_string());
}

#[tokio::test]
async fn case_97_a_token_outlives_its_user_by_a_bounded_time() {
    let here = deployment().await;
    let settings = TokenSettings {
        issuer: "registry.example".into(),
        service: "registry.example".into(),
        lifetime: Duration::from_hours(24),
    };
    let tokens = Tokens::new(here.keys.clone(), here.fixture.clock.clone(), settings);
    let issued = tokens.issue(&ops(), &access());
    assert_eq!(issued.expires_in_secs, 900);
    here.fixture.clock.advance(MAX_LIFETIME + LEEWAY);
    assert!(tokens.verify(&issued.token).await.is_err());
}

#[tokio::test]
async fn the_largest_token_that_can_be_made_is_within_the_limit() {
    let here = deployment().await;
    let rules = json!([{"subjects": ["*"], "repositories": ["**"], "actions": ["*"]}]);
    let rules = RuleSet::new(serde_json::from_value(rules).unwrap()).unwrap();
    let scopes: Vec<String> = (10..10 + crate::MAX_SCOPES)
        .map(|number| {
            format!(
                "repository:{number}{}:*",
                "a".repeat(crate::MAX_SCOPE_BYTES / crate::MAX_SCOPES - 18)
            )
        })
        .collect();
    let scopes = Scope::parse_all([scopes.join(" ").as_str()]).unwrap();
    assert_eq!(scopes.len(), crate::MAX_SCOPES);
    let groups: Vec<SubjectName> = (0..crate::MAX_GROUPS)
        .map(|number| SubjectName::parse(&format!("{number:064}")).unwrap())
        .collect();
    let rights = ops().with_groups(groups);
    let issued = here
        .tokens
        .issue(&rights, &TokenAccess::narrowed(&scopes, &rules, &rights));
    assert!(
        issued.token.len() < MAX_TOKEN_BYTES,
        "{}",
        issued.token.len()
    );
    assert!(here.tokens.verify(&issued.token).await.is_ok());
}
