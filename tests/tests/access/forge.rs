//! Tokens that the server would never make, signed with its own key: whoever has them has looked
//! into its store.

use crate::fixture::{Guarded, PASSWORD, basic};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::local::{LocalSettings, LocalStore};
use roadstead_storage::{Clock as _, RecordStore as _};
use serde_json::{Value, json};
use std::sync::Arc;

/// What tokens of the server are signed with.
pub(crate) struct Forge {
    id: String,
    key: SigningKey,
}

impl Forge {
    /// Stops the server, reads its key where it lies, and starts it again.
    pub(crate) fn of(guarded: &mut Guarded) -> Self {
        guarded.0.terminate();
        guarded.0.wait();
        let ring = read_record(guarded, "auth/signing-keys");
        guarded.0.start_again();
        let text = |name: &str| ring["keys"][0][name].as_str().expect("is text");
        let seed = URL_SAFE_NO_PAD.decode(text("seed")).expect("is base64");
        let seed: [u8; 32] = seed.try_into().expect("has the length of a key");
        Self {
            id: text("id").to_owned(),
            key: SigningKey::from_bytes(&seed),
        }
    }

    /// Returns the header that the server writes.
    pub(crate) fn header(&self) -> Value {
        json!({"typ": "JWT", "alg": "EdDSA", "kid": self.id})
    }

    /// Returns the public half of the key.
    pub(crate) fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// Signs whatever it is given.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        sign_with(header, claims, |signed| {
            self.key.sign(signed).to_bytes().to_vec()
        })
    }

    /// Signs claims under the header that the server writes.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }
}

/// Makes a token with another signature.
pub(crate) fn sign_with(
    header: &Value,
    claims: &Value,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Returns the claims of a good token of the user `ops`, which may push to `team-a/app`.
pub(crate) fn good_claims(guarded: &Guarded) -> Value {
    let scope = "repository:team-a/app:pull,push";
    claims_of(&guarded.token(Some(&basic("ops", PASSWORD)), &[scope]))
}

/// Reads the claims of a token.
pub(crate) fn claims_of(token: &str) -> Value {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("has claims"));
    serde_json::from_slice(&claims.expect("is base64")).expect("is JSON")
}

/// Returns the time in seconds since 1970, moved by so many.
pub(crate) fn seconds_from_now(seconds: i64) -> i64 {
    let now = MachineClock::new().now().as_millis() / 1000;
    i64::try_from(now).expect("is far below the limit") + seconds
}

/// Reads a record of a server that does not run.
fn read_record(guarded: &Guarded, key: &str) -> Value {
    let settings = LocalSettings::new(guarded.0.data_folder());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    runtime.block_on(async {
        let store = LocalStore::open(&settings, Arc::new(MachineClock::new()));
        let store = store.expect("the server has let go of its folder");
        let read = store.records().get(key).await.expect("can be read");
        let record = read.record.expect("is there");
        store.shutdown().await.expect("can be closed");
        // The version comes before the JSON.
        let record: Value = serde_json::from_slice(&record.bytes[1..]).expect("is JSON");
        record["value"].clone()
    })
}
