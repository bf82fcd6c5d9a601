//! Who calls, and whether they may: the one place where a request meets the policy.
//!
//! Credentials will be read here, and the 401 that asks for them be worded here.

use crate::error::ApiError;
use crate::state::AppState;
use actix_web::http::Method;
use roadstead_auth::{AccessRequest, Action, Caller, Decision};
use roadstead_oci::{RepositoryName, Route};

/// Who goes on with an upload, and who a record names: nobody has a name yet.
pub(crate) const OWNER: &str = "";

/// Finds out who calls, and decides whether they may do what the request asks.
pub(crate) fn authorize(
    state: &AppState,
    route: &Route,
    method: &Method,
) -> Result<Caller, ApiError> {
    let caller = Caller::anonymous();
    let Some(request) = needed_access(route, method) else {
        return Ok(caller);
    };
    match state.policy.decide(&caller, &request) {
        Decision::Allowed => Ok(caller),
        Decision::WhoAreYou => Err(ApiError::WhoAreYou),
        Decision::Denied => Err(ApiError::Denied),
    }
}

/// Tells whether the caller may take a blob out of another repository, for a mount.
pub(crate) fn may_pull(state: &AppState, caller: &Caller, name: &RepositoryName) -> bool {
    state
        .policy
        .decide(caller, &AccessRequest::pull(name))
        .is_allowed()
}

/// Tells what a request needs to be allowed; `None` when it needs nothing.
///
/// An upload is one matter from POST to DELETE: looking after it and cancelling it take the right
/// to push, as clients have no other token at hand then.
fn needed_access<'a>(route: &'a Route, method: &Method) -> Option<AccessRequest<'a>> {
    let (name, action) = match route {
        Route::Ping | Route::Token => return None,
        Route::Catalog => return Some(AccessRequest::Catalog),
        Route::UploadStart { name } | Route::Upload { name, .. } => (name, Action::Push),
        Route::TagsList { name }
        | Route::Manifest { name, .. }
        | Route::Blob { name, .. }
        | Route::Referrers { name, .. } => match *method {
            Method::GET | Method::HEAD => (name, Action::Pull),
            Method::DELETE => (name, Action::Delete),
            _ => (name, Action::Push),
        },
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
