//! From a request to its handler and from its outcome to the answer.
//!
//! actix's own router is not used: it decodes paths before it matches, so that two spellings of
//! a path could mean two things. `Route::parse` reads the raw path once.

use crate::access;
use crate::audit::Witness;
use crate::body::{self, RequestBody};
use crate::call::Call;
use crate::connection::{Busy, Shared};
use crate::error::ApiError;
use crate::guard::Access;
use crate::handlers::{
    administration, blobs, catalog, manifests, ping, referrers, tags, token, uploads,
};
use crate::observe::{Exchange, Observed};
use crate::outgoing::Body;
use crate::respond::{self, REQUEST_ID, Reply};
use crate::state::AppState;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use roadstead_oci::{Route, RouteError};
use roadstead_registry::IdSource;
use std::rc::Rc;

/// Requests that one connection may have open at once, so that its memory has a bound. Go's client
/// opens no more than this when the server names no limit.
const OPEN_REQUESTS: usize = 1000;
/// The longest request id that is taken over from the client.
const REQUEST_ID_BYTES: usize = 64;

/// Answers one request. Never fails: a failure is an answer too.
pub(crate) async fn serve(
    state: Rc<AppState>,
    request: ServiceRequest,
) -> Result<ServiceResponse, actix_web::Error> {
    let (request, payload) = request.into_parts();
    let busy = request.conn_data::<Rc<Shared>>().map(Busy::begin);
    let is_crowded = busy
        .as_ref()
        .is_some_and(|busy| busy.open_requests() > OPEN_REQUESTS);
    let request_id = request_id(request.headers(), &*state.ids);
    let route = Route::parse(request.uri().path());
    let mut exchange = Exchange::begin(&state, &request, &route, request_id.clone(), busy);
    let witness = Witness::begin(&state, &request, &request_id, &route);
    let is_for_token = matches!(route, Ok(Route::Token));
    let mut body = RequestBody::new(&request, payload, state.pace);

    let outcome = if is_crowded {
        Err(ApiError::TooManyStreams)
    } else {
        answer(&state, &request, route, &mut body).await
    };
    match &outcome {
        Ok(_) if is_for_token => state.metrics.token_issued(),
        Ok(_) => {}
        Err(error) => state.metrics.refused(error, request.headers()),
    }
    if let Some(witness) = witness {
        witness.end(&outcome, &state.access).await;
    }
    let mut reply = outcome.unwrap_or_else(|error| {
        if error.status().0.is_server_error() {
            exchange.failed(&error);
        }
        error.into_reply()
    });
    if request.method() == Method::HEAD {
        reply = reply.map_body(|_, body| body.headless());
    }
    respond::finish_headers(reply.headers_mut(), request_id);

    let received = body.received();
    let shares_connection = body::shares_connection(&request);
    let unread = if shares_connection {
        // A rest that is broken ends the connection, which is all that can be done about it.
        let _ = body.drain().await;
        body.into_unread()
    } else {
        None
    };
    exchange.received(received);
    exchange.answered(reply.status());
    let response = reply.map_body(|_, body| {
        // On HTTP/2 the client decides when a body goes out: until then the request counts as open.
        let is_quick = shares_connection && unread.is_none() && body.is_one_piece();
        if is_quick {
            observe_now(body, exchange)
        } else {
            BoxBody::new(Observed::new(body, exchange, unread))
        }
    });
    Ok(ServiceResponse::new(request, response))
}

/// Hands over a body that is gone as soon as actix has it, with nothing around it.
fn observe_now(body: Body, mut exchange: Exchange) -> BoxBody {
    match body {
        Body::Bytes(bytes) => {
            exchange.sent(bytes.len() as u64);
            BoxBody::new(bytes)
        }
        other => BoxBody::new(other),
    }
}

/// Finds the handler and asks for permission.
///
/// What a request waits in is as large as its largest handler, and is moved. So those that write are
/// boxed, which is nothing beside what they do, and reading stays small.
async fn answer(
    state: &AppState,
    request: &HttpRequest,
    route: Result<Route, RouteError>,
    body: &mut RequestBody,
) -> Result<Reply, ApiError> {
    let route = route?;
    let method = request.method();
    if matches!(route, Route::Administration) && state.administration.is_none() {
        return Err(RouteError::NotFound.into());
    }
    let allowed = allowed_methods(&route, &state.access)?;
    if !allowed.split(", ").any(|known| known == method.as_str()) {
        return Err(ApiError::Method { allow: allowed });
    }
    let caller = access::authorize(state, &route, request).await?;
    let call = Call {
        state,
        request,
        caller,
    };
    let is_head = *method == Method::HEAD;
    match route {
        Route::Ping => Ok(ping::ping()),
        Route::Token => match state.access.guard() {
            Some(guard) => Box::pin(token::answer(&call, guard, body)).await,
            None => Err(RouteError::NotFound.into()),
        },
        Route::Administration => match &state.administration {
            Some(administration) => {
                Box::pin(administration::answer(&call, administration, body)).await
            }
            None => Err(RouteError::NotFound.into()),
        },
        Route::Catalog => catalog::list(&call).await,
        Route::TagsList { name } => tags::list(&call, &name).await,
        Route::Referrers { name, digest } => referrers::list(&call, &name, &digest).await,
        Route::Manifest { name, reference } => match *method {
            Method::PUT => Box::pin(manifests::put(&call, name, reference, body)).await,
            Method::DELETE => Box::pin(manifests::delete(&call, &name, reference)).await,
            _ if is_head => manifests::head(&call, &name, reference).await,
            _ => manifests::get(&call, &name, reference).await,
        },
        Route::Blob { name, digest } => match *method {
            Method::DELETE => Box::pin(blobs::delete(&call, &name, &digest)).await,
            _ if is_head => blobs::head(&call, &name, &digest).await,
            _ => blobs::get(&call, &name, &digest).await,
        },
        Route::UploadStart { name } => Box::pin(uploads::start(&call, &name, body)).await,
        Route::Upload { name, id } => {
            let upload = uploads::Target::find(&call, name, &id)?;
            match *method {
                Method::PATCH => Box::pin(upload.append(body)).await,
                Method::PUT => Box::pin(upload.close(body)).await,
                Method::DELETE => Box::pin(upload.cancel()).await,
                _ => upload.status().await,
            }
        }
    }
}

/// Returns the methods of a path as `Allow` lists them.
fn allowed_methods(route: &Route, access: &Access) -> Result<&'static str, RouteError> {
    match route {
        Route::Ping | Route::Catalog | Route::TagsList { .. } | Route::Referrers { .. } => {
            Ok("GET, HEAD")
        }
        Route::Manifest { .. } => Ok("GET, HEAD, PUT, DELETE"),
        Route::Blob { .. } => Ok("GET, HEAD, DELETE"),
        Route::UploadStart { .. } => Ok("POST"),
        Route::Upload { .. } => Ok("GET, HEAD, PATCH, PUT, DELETE"),
        // Its own table knows the methods of each path, for those who may know the paths.
        Route::Administration => Ok("GET, HEAD, POST, PUT, DELETE"),
        // There is no token service without authentication.
        Route::Token => access
            .guard()
            .map(|_| "GET, POST")
            .ok_or(RouteError::NotFound),
    }
}

/// Takes over the client's request id if it is harmless, or draws one.
fn request_id(headers: &HeaderMap, ids: &dyn IdSource) -> HeaderValue {
    let is_harmless = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        let is_plain =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        (1..=REQUEST_ID_BYTES).contains(&bytes.len()) && bytes.iter().all(is_plain)
    };
    match headers.get(&REQUEST_ID) {
        Some(given) if is_harmless(given) => given.clone(),
        _ => respond::header_value(format!("{:032x}", ids.random())),
    }
}

/// What actix answers when a service fails, which ours never does.
pub(crate) fn failure(error: &actix_web::Error) -> HttpResponse<BoxBody> {
    error.error_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_registry::RandomIds;

    fn id_for(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID.clone(), HeaderValue::from_str(given).unwrap());
        request_id(&headers, &RandomIds)
            .to_str()
            .unwrap()
            .to_owned()
    }

    const fn size_of_output<A, B, F, R>(_: &F) -> usize
    where
        F: Fn(A, B) -> R,
    {
        size_of::<R>()
    }

    #[test]
    fn what_a_request_waits_in_is_small() {
        // It is made, moved and given back with each request: a page at most.
        let bytes = size_of_output(&serve);
        assert!(bytes <= 4096, "{bytes}");
    }

    #[test]
    fn a_harmless_request_id_is_taken_over() {
        for given in ["a", "req-1.2_3", &"x".repeat(64)] {
            assert_eq!(id_for(given), given);
        }
    }

    #[test]
    fn any_other_request_id_is_replaced() {
        for given in ["", "a b", "a\"b", "{}", &"x".repeat(65)] {
            let id = id_for(given);
            assert_eq!(id.len(), 32);
            assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn every_route_but_the_token_service_names_its_methods() {
        for (path, allowed) in [
            ("/v2/", "GET, HEAD"),
            ("/v2/_catalog", "GET, HEAD"),
            ("/v2/a/tags/list", "GET, HEAD"),
            ("/v2/a/manifests/x", "GET, HEAD, PUT, DELETE"),
            ("/v2/a/blobs/uploads/", "POST"),
            ("/v2/a/blobs/uploads/x", "GET, HEAD, PATCH, PUT, DELETE"),
        ] {
            assert_eq!(
                allowed_methods(&Route::parse(path).unwrap(), &Access::Open),
                Ok(allowed),
                "{path}"
            );
        }
        assert!(allowed_methods(&Route::Token, &Access::Open).is_err());
    }
}
