//! The guard of a registry with users: reads credentials, and words every refusal.
//!
//! What a refused caller is told never depends on what is stored.

use crate::audit::{FailedLogin, note_caller, note_failed_login};
use crate::error::ApiError;
use crate::origin::TrustedProxies;
use crate::respond;
use crate::transport::Security;
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};
use roadstead_auth::{
    AccessPolicy as _, AccessRequest, AuthError, Authenticator, Caller, CertificateRules,
    Credentials, Identity, Login, Refusal, Rights, RulePolicy, Scope, SlowDown, TokenError, Tokens,
    scope_parameter,
};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What asks for credentials where tokens are made: no token is of use there.
const TOKEN_CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"registry\"");

/// Who may use the registry.
#[derive(Clone, Debug)]
pub enum Access {
    /// Everybody may do everything, and nobody has a name.
    Open,
    /// Callers are told apart, and may what the policy says.
    Guarded(Arc<Guard>),
}

impl Access {
    /// Returns the guard, when there is one.
    pub(crate) fn guard(&self) -> Option<&Guard> {
        match self {
            Self::Open => None,
            Self::Guarded(guard) => Some(guard),
        }
    }

    /// Returns the name under which a caller goes on with an upload, and that records keep.
    pub(crate) fn name_of<'a>(&self, caller: &'a Caller) -> Cow<'a, str> {
        match self {
            Self::Open => Cow::Borrowed(""),
            Self::Guarded(_) => Cow::Owned(caller.identity().to_string()),
        }
    }
}

/// Finds out who calls, and refuses.
pub struct Guard {
    /// Who logs in.
    pub authenticator: Arc<Authenticator>,
    /// Makes and verifies tokens.
    pub tokens: Tokens,
    /// Who may do what.
    pub policy: Arc<RulePolicy>,
    /// The address that clients know, such as `https://registry.example.com`; without one, the
    /// host that the request names, by TLS if the request came by it; a trusted proxy may tell both.
    pub address: Option<String>,
    /// Whose word about clients is believed.
    pub proxies: TrustedProxies,
    /// Whom certificates of clients stand for.
    pub certificates: CertificateRules,
    /// Whether a client whose certificate is nobody's is refused whatever credentials it has.
    pub refuses_strangers: bool,
}

impl fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Guard")
    }
}

/// Why it is not known who calls.
pub(crate) enum Unknown {
    /// The credentials are wrong, or cannot be read.
    Wrong(Refused),
    /// The certificate is nobody's, and it has to be somebody's.
    Stranger,
    /// Too many were wrong before.
    SlowDown(SlowDown),
    /// It could not be found out.
    Failed(AuthError),
}

/// What kind of credentials was wrong.
pub(crate) enum Refused {
    /// A name and a password.
    Login,
    /// A token, or something that might have been one: clients throw a token away when told so.
    Token,
}

impl Guard {
    /// Finds out who sends a request.
    pub(crate) async fn identify(&self, request: &HttpRequest) -> Result<Caller, Unknown> {
        self.turn_away_strangers(request).await?;
        match credentials(request)? {
            Credentials::None => {
                let bearer = self.bearer(request).await?;
                Ok(bearer.map_or_else(Caller::anonymous, Caller::with_certificate))
            }
            Credentials::Bearer(token) => match self.tokens.verify(&token).await {
                Ok(caller) => Ok(caller),
                Err(TokenError::Keys(error)) => Err(Unknown::Failed(error)),
                Err(_) => {
                    note_failed_login(request, FailedLogin::Token, None);
                    Err(Unknown::Wrong(Refused::Token))
                }
            },
            Credentials::Basic { name, password } => {
                let rights = self.login(request, &name, &password).await?;
                Ok(Caller::with_password(rights))
            }
        }
    }

    /// Finds out for whom a token is asked; no token helps to get another.
    pub(crate) async fn identify_for_token(
        &self,
        request: &HttpRequest,
    ) -> Result<Rights, ApiError> {
        let found = self.identify_by_password(request).await;
        found.map_err(refuse_token)
    }

    async fn identify_by_password(&self, request: &HttpRequest) -> Result<Rights, Unknown> {
        self.turn_away_strangers(request).await?;
        match credentials(request)? {
            Credentials::None => {
                let bearer = self.bearer(request).await?;
                Ok(bearer.unwrap_or_else(Rights::anonymous))
            }
            Credentials::Basic { name, password } => self.login(request, &name, &password).await,
            Credentials::Bearer(_) => {
                note_failed_login(request, FailedLogin::Token, None);
                Err(Unknown::Wrong(Refused::Token))
            }
        }
    }

    /// Finds out who administers, and refuses everybody without that right alike, whatever they ask
    /// for. No token helps there: what administers takes a password, an access token, a secret or a
    /// certificate.
    pub(crate) async fn identify_administrator(
        &self,
        request: &HttpRequest,
    ) -> Result<Caller, ApiError> {
        let rights = self.identify_for_token(request).await?;
        let caller = Caller::with_password(rights);
        if self.allows(&caller, &AccessRequest::Administration) {
            return Ok(caller);
        }
        if matches!(caller.identity(), Identity::Anonymous) {
            return Err(refuse_token(Unknown::Wrong(Refused::Login)));
        }
        Err(ApiError::Denied)
    }

    /// Returns what the client's certificate says that it brings.
    async fn bearer(&self, request: &HttpRequest) -> Result<Option<Rights>, Unknown> {
        let Some(Security::Tls(Some(names))) = request.conn_data::<Security>() else {
            return Ok(None);
        };
        let Some(claim) = self.certificates.claim(names) else {
            return Ok(None);
        };
        let certified = self.authenticator.certified(&claim).await;
        certified.map_err(Unknown::Failed)
    }

    /// Refuses clients whose certificate is nobody's, where it has to be somebody's.
    async fn turn_away_strangers(&self, request: &HttpRequest) -> Result<(), Unknown> {
        if self.refuses_strangers && self.bearer(request).await?.is_none() {
            note_failed_login(request, FailedLogin::Certificate, None);
            return Err(Unknown::Stranger);
        }
        Ok(())
    }

    /// Decides a name and a password that a form brought.
    pub(crate) async fn login_for_token(
        &self,
        request: &HttpRequest,
        name: &str,
        password: &str,
    ) -> Result<Rights, ApiError> {
        let strangers = self.turn_away_strangers(request).await;
        strangers.map_err(refuse_token)?;
        let found = self.login(request, name, password).await;
        found.map_err(refuse_token)
    }

    async fn login(
        &self,
        request: &HttpRequest,
        name: &str,
        password: &str,
    ) -> Result<Rights, Unknown> {
        let from = self.proxies.origin(request).address();
        match self.authenticator.login(name, password, from).await {
            Ok(Login::Known(rights)) => {
                note_caller(request, rights.identity());
                Ok(rights)
            }
            Ok(Login::Wrong) => {
                note_failed_login(request, FailedLogin::Password, Some(name));
                Err(Unknown::Wrong(Refused::Login))
            }
            Ok(Login::SlowDown(slow_down)) => {
                note_failed_login(request, FailedLogin::Slowed, Some(name));
                Err(Unknown::SlowDown(slow_down))
            }
            Err(error) => Err(Unknown::Failed(error)),
        }
    }

    /// Tells whether a caller may.
    pub(crate) fn allows(&self, caller: &Caller, request: &AccessRequest<'_>) -> bool {
        self.policy.decide(caller, request).is_allowed()
    }

    /// Refuses a caller whom the policy does not let.
    pub(crate) fn refuse(
        &self,
        request: &HttpRequest,
        caller: &Caller,
        scopes: Vec<Scope>,
    ) -> ApiError {
        self.word(request, Refusal::of(caller, scopes))
    }

    /// Refuses a caller of whom it is not known who they are.
    pub(crate) fn refuse_unknown(
        &self,
        request: &HttpRequest,
        unknown: Unknown,
        scopes: Vec<Scope>,
    ) -> ApiError {
        match unknown {
            Unknown::Wrong(Refused::Login) => {
                let refusal = Refusal::of(&Caller::anonymous(), scopes);
                self.word(request, refusal)
            }
            Unknown::Wrong(Refused::Token) => self.word(request, Refusal::invalid_token(scopes)),
            Unknown::Stranger => ApiError::Denied,
            Unknown::SlowDown(slow_down) => ApiError::SlowDown(slow_down),
            Unknown::Failed(error) => error.into(),
        }
    }

    fn word(&self, request: &HttpRequest, refusal: Refusal) -> ApiError {
        let Refusal::Challenge { scopes, error } = refusal else {
            return ApiError::Denied;
        };
        let address = match &self.address {
            Some(address) => address.clone(),
            None => self.address_of(request),
        };
        let service = self.tokens.service();
        let mut challenge = format!("Bearer realm=\"{address}/token\",service=\"{service}\"");
        if let Some(scope) = scope_parameter(&scopes) {
            challenge = format!("{challenge},scope=\"{scope}\"");
        }
        if let Some(error) = error {
            challenge = format!("{challenge},error=\"{}\"", error.as_str());
        }
        ApiError::Unauthorized {
            challenge: respond::header_value(challenge),
        }
    }

    /// Returns the address that the sender of a request knows us by.
    fn address_of(&self, request: &HttpRequest) -> String {
        let origin = self.proxies.origin(request);
        let own_scheme = match request.conn_data::<Security>() {
            Some(Security::Tls(_)) => "https",
            _ => "http",
        };
        let scheme = origin.scheme().unwrap_or(own_scheme);
        let host = origin.host(request).unwrap_or("localhost");
        format!("{scheme}://{host}")
    }
}

fn credentials(request: &HttpRequest) -> Result<Credentials, Unknown> {
    let values = request.headers().get_all(header::AUTHORIZATION);
    Credentials::read(values.map(HeaderValue::as_bytes)).map_err(|_| {
        note_failed_login(request, FailedLogin::Token, None);
        Unknown::Wrong(Refused::Token)
    })
}

fn refuse_token(unknown: Unknown) -> ApiError {
    match unknown {
        Unknown::Wrong(_) => ApiError::Unauthorized {
            challenge: TOKEN_CHALLENGE,
        },
        Unknown::Stranger => ApiError::Denied,
        Unknown::SlowDown(slow_down) => ApiError::SlowDown(slow_down),
        Unknown::Failed(error) => error.into(),
    }
}
