//! `/token`: makes tokens, for a name and a password or for nobody.
//!
//! Both forms of the token specification: GET with Basic credentials, and the password grant of
//! OAuth 2 (RFC 6749, section 4.3). There are no refresh tokens: docker would keep one for ever in
//! the place of the password. What was asked for and is not allowed is left out of the token; that
//! is never an error.

use crate::body::{CollectError, RequestBody};
use crate::call::Call;
use crate::error::{ApiError, TokenRequestError};
use crate::guard::Guard;
use crate::parameters;
use crate::respond::{self, Reply};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use roadstead_auth::{Rights, Scope, TokenAccess};
use std::borrow::Cow;

/// The largest form, in bytes.
const MAX_FORM_BYTES: usize = 64 * 1024;

#[derive(serde::Serialize)]
struct Answer<'a> {
    token: &'a str,
    access_token: &'a str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// Answers `GET` and `POST /token`.
pub(crate) async fn answer(
    call: &Call<'_>,
    guard: &Guard,
    body: &mut RequestBody,
) -> Result<Reply, ApiError> {
    if *call.request.method() == Method::POST {
        return for_form(call, guard, body).await;
    }
    let rights = guard.identify_for_token(call.request).await?;
    let access = narrow(guard, &rights, call.query())?;
    Ok(issue(guard, &rights, &access, None))
}

async fn for_form(
    call: &Call<'_>,
    guard: &Guard,
    body: &mut RequestBody,
) -> Result<Reply, ApiError> {
    let is_form = call
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| {
            let text = value.to_str().unwrap_or_default();
            let media_type = text.split(';').next().unwrap_or_default().trim();
            media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
    if !is_form {
        return Err(TokenRequestError::NoForm.into());
    }
    let bytes = body
        .collect(MAX_FORM_BYTES)
        .await
        .map_err(|error| match error {
            CollectError::TooLarge => TokenRequestError::TooLarge.into(),
            CollectError::Body(error) => ApiError::from(error),
        })?;
    let form = std::str::from_utf8(&bytes).map_err(|_| TokenRequestError::NoForm)?;
    let grant = field(form, "grant_type")?;
    if grant != "password" {
        return Err(TokenRequestError::Grant.into());
    }
    let (name, password) = (field(form, "username")?, field(form, "password")?);
    let rights = guard
        .login_for_token(call.request, &name, &password)
        .await?;
    let access = narrow(guard, &rights, form)?;
    let granted: Vec<String> = access
        .entries()
        .iter()
        .map(|entry| format!("{}:{}:{}", entry.kind, entry.name, entry.actions.join(",")))
        .collect();
    Ok(issue(guard, &rights, &access, Some(granted.join(" "))))
}

/// Returns a field that must be there.
fn field<'f>(form: &'f str, name: &'static str) -> Result<Cow<'f, str>, TokenRequestError> {
    parameters::single(form, name)
        .ok()
        .flatten()
        .filter(|value| !value.is_empty())
        .ok_or(TokenRequestError::Field(name))
}

/// Returns what the rules leave of the scopes that are asked for.
fn narrow(guard: &Guard, rights: &Rights, query: &str) -> Result<TokenAccess, ApiError> {
    let mut asked = Vec::new();
    for value in parameters::values(query, "scope") {
        // A scope that cannot be read leads to no right, as one that means nothing here.
        asked.extend(value.ok());
    }
    let scopes = Scope::parse_all(asked.iter().map(Cow::as_ref));
    let scopes = scopes.map_err(TokenRequestError::Scope)?;
    Ok(TokenAccess::narrowed(
        &scopes,
        &guard.policy.rules(),
        rights,
    ))
}

fn issue(guard: &Guard, rights: &Rights, access: &TokenAccess, scope: Option<String>) -> Reply {
    let issued = guard.tokens.issue(rights, access);
    let answer = Answer {
        token: &issued.token,
        access_token: &issued.token,
        expires_in: issued.expires_in_secs,
        scope,
    };
    let body = serde_json::to_vec(&answer).expect("an answer is texts and a number");
    let mut reply = respond::json(StatusCode::OK, body);
    reply
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
