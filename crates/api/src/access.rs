//! Who calls, and whether they may: the one place where a request meets the policy.
//!
//! The guard finds out who it is and words the refusals; here is what each request needs.

use crate::audit::note_caller;
use crate::call::Call;
use crate::error::ApiError;
use crate::guard::Guard;
use crate::parameters;
use crate::state::AppState;
use actix_web::HttpRequest;
use actix_web::http::Method;
use roadstead_auth::{AccessRequest, Action, Caller, Scope, needed_scopes};
use roadstead_oci::{Reference, RepositoryName, Route, Tag};

/// Finds out who calls, and decides whether they may do what the request asks.
pub(crate) async fn authorize(
    state: &AppState,
    route: &Route,
    request: &HttpRequest,
) -> Result<Caller, ApiError> {
    let Some(guard) = state.access.guard() else {
        note_caller(request, Caller::anonymous().identity());
        return Ok(Caller::anonymous());
    };
    // Whoever asks for a token has credentials of another kind, which are read there.
    if matches!(route, Route::Token) {
        return Ok(Caller::anonymous());
    }
    if matches!(route, Route::Administration) {
        return Box::pin(guard.identify_administrator(request)).await;
    }
    let needed = needed_access(route, request.method());
    let scopes = || scopes_of(needed.as_ref(), route, request);
    let caller = match guard.identify(request).await {
        Ok(caller) => caller,
        Err(unknown) => return Err(guard.refuse_unknown(request, unknown, scopes())),
    };
    note_caller(request, caller.identity());
    let may = match &needed {
        Some(needed) => guard.allows(&caller, needed),
        // Clients learn from the ping alone that they can identify themselves.
        None => !caller.has_no_credentials(),
    };
    if may {
        Ok(caller)
    } else {
        Err(guard.refuse(request, &caller, scopes()))
    }
}

/// Returns what a token for the request needs.
fn scopes_of(
    needed: Option<&AccessRequest<'_>>,
    route: &Route,
    request: &HttpRequest,
) -> Vec<Scope> {
    let Some(needed) = needed else {
        return Vec::new();
    };
    let query = request.query_string();
    let is_mount = matches!(route, Route::UploadStart { .. })
        && parameters::values(query, "mount").next().is_some();
    let source = if is_mount { mount_source(query) } else { None };
    needed_scopes(needed, source.as_ref())
}

/// Returns the repository that a mount takes its blob from, when the request names one.
pub(crate) fn mount_source(query: &str) -> Option<RepositoryName> {
    let from = parameters::values(query, "from").next()?.ok()?;
    RepositoryName::parse(&from).ok()
}

/// Tells whether the caller may take a blob out of another repository, for a mount.
pub(crate) fn may_pull(state: &AppState, caller: &Caller, name: &RepositoryName) -> bool {
    let request = AccessRequest::pull(name);
    state
        .access
        .guard()
        .is_none_or(|guard| guard.allows(caller, &request))
}

/// Tells whether a mount of a blob of `source` into `name` may be tried.
///
/// # Errors
/// The challenge, when the caller's token does not let them pull there and another would.
pub(crate) fn may_mount(
    call: &Call<'_>,
    name: &RepositoryName,
    source: &RepositoryName,
) -> Result<bool, ApiError> {
    if may_pull(call.state, &call.caller, source) {
        return Ok(true);
    }
    let would_be_let = |guard: &&Guard| {
        let pull = AccessRequest::pull(source);
        guard.policy.would_allow(&call.caller, &pull)
    };
    match call.state.access.guard().filter(would_be_let) {
        Some(guard) => {
            let scopes = needed_scopes(&AccessRequest::push(name), Some(source));
            Err(guard.refuse(call.request, &call.caller, scopes))
        }
        None => Ok(false),
    }
}

/// Tells whether the catalog shows a repository to the caller.
pub(crate) fn is_shown(call: &Call<'_>, name: &RepositoryName) -> bool {
    let guard = call.state.access.guard();
    guard.is_none_or(|guard| guard.policy.shows(&call.caller, name))
}

/// Returns the tags, of those that a push is about to set, that the caller may make and not change.
///
/// # Errors
/// The refusal, when one of `further` tags may not be pushed at all; that of the path was asked
/// about before.
pub(crate) fn kept_tags(
    call: &Call<'_>,
    name: &RepositoryName,
    reference: &Reference,
    further: &[Tag],
) -> Result<Vec<Tag>, ApiError> {
    let Some(guard) = call.state.access.guard() else {
        return Ok(Vec::new());
    };
    for tag in further {
        let action = Action::Push;
        let push = AccessRequest::Tag { name, tag, action };
        if !guard.allows(&call.caller, &push) {
            let scopes = needed_scopes(&push, None);
            return Err(guard.refuse(call.request, &call.caller, scopes));
        }
    }
    let is_kept = |tag: &&Tag| !guard.allows(&call.caller, &AccessRequest::overwrite(name, tag));
    let tags = reference.tag().into_iter().chain(further);
    Ok(tags.filter(is_kept).cloned().collect())
}

/// Refuses to take away tags that the caller must not: a tag that a rule keeps from being changed
/// would else be deleted and made anew.
///
/// # Errors
/// `Denied`.
pub(crate) fn check_losable(
    call: &Call<'_>,
    name: &RepositoryName,
    tags: &[Tag],
) -> Result<(), ApiError> {
    let Some(guard) = call.state.access.guard() else {
        return Ok(());
    };
    let rules = guard.policy.rules();
    let rights = call.caller.rights();
    let is_kept = |tag: &Tag| {
        let action = Action::Delete;
        let taken = [
            AccessRequest::Tag { name, tag, action },
            AccessRequest::overwrite(name, tag),
        ];
        taken
            .iter()
            .any(|request| rules.denying(&rights, request).is_some())
    };
    if tags.iter().any(is_kept) {
        return Err(ApiError::Denied);
    }
    Ok(())
}

/// Writes what a request needs to be allowed, as the scope of a token.
pub(crate) fn needed_text(route: &Route, method: &Method) -> Option<String> {
    needed_access(route, method).map(|needed| needed.to_string())
}

/// Tells what a request needs to be allowed; `None` when it needs nothing.
///
/// An upload is one matter from POST to DELETE: looking after it and cancelling it take the right
/// to push, as clients have no other token at hand then.
fn needed_access<'a>(route: &'a Route, method: &Method) -> Option<AccessRequest<'a>> {
    let action = match *method {
        Method::GET | Method::HEAD => Action::Pull,
        Method::DELETE => Action::Delete,
        _ => Action::Push,
    };
    let (name, action) = match route {
        Route::Ping | Route::Token => return None,
        Route::Administration => return Some(AccessRequest::Administration),
        Route::Catalog => return Some(AccessRequest::Catalog),
        Route::UploadStart { name } | Route::Upload { name, .. } => (name, Action::Push),
        Route::Manifest {
            name,
            reference: Ok(Reference::Tag(tag)),
        } => return Some(AccessRequest::Tag { name, tag, action }),
        Route::TagsList { name }
        | Route::Manifest { name, .. }
        | Route::Blob { name, .. }
        | Route::Referrers { name, .. } => (name, action),
    };
    Some(AccessRequest::Repository { name, action })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(method: &Method, path: &str) -> Option<String> {
        let route = Route::parse(path).unwrap();
        needed_access(&route, method).map(|access| access.to_string())
    }

    #[test]
    fn reading_takes_pull_writing_push_and_deleting_delete() {
        let pull = Some("repository:a/b:pull".to_owned());
        assert_eq!(needed(&Method::GET, "/v2/a/b/manifests/x"), pull);
        assert_eq!(needed(&Method::HEAD, "/v2/a/b/tags/list"), pull);
        assert_eq!(
            needed(&Method::PUT, "/v2/a/b/manifests/x"),
            Some("repository:a/b:push".to_owned())
        );
        assert_eq!(
            needed(&Method::DELETE, "/v2/a/b/manifests/x"),
            Some("repository:a/b:delete".to_owned())
        );
        assert_eq!(
            needed(&Method::GET, "/v2/_catalog"),
            Some("registry:catalog:*".to_owned())
        );
        assert_eq!(needed(&Method::GET, "/v2/"), None);
    }

    #[test]
    fn a_request_under_a_tag_names_the_tag_and_others_do_not() {
        let route = Route::parse("/v2/a/b/manifests/x").unwrap();
        let needed = needed_access(&route, &Method::PUT).unwrap();
        assert_eq!(needed.tag().map(Tag::as_str), Some("x"));
        let digest = format!("sha256:{}", "a".repeat(64));
        let route = Route::parse(&format!("/v2/a/b/manifests/{digest}")).unwrap();
        assert_eq!(needed_access(&route, &Method::PUT).unwrap().tag(), None);
    }

    #[test]
    fn everything_about_an_upload_takes_push() {
        for method in [Method::GET, Method::PATCH, Method::PUT, Method::DELETE] {
            assert_eq!(
                needed(&method, "/v2/a/blobs/uploads/x"),
                Some("repository:a:push".to_owned())
            );
        }
        assert_eq!(
            needed(&Method::POST, "/v2/a/blobs/uploads/"),
            Some("repository:a:push".to_owned())
        );
    }
}
