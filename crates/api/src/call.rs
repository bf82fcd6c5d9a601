//! A request on its way into a handler.

use crate::connection::Shared;
use crate::state::AppState;
use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use roadstead_auth::Caller;
use std::borrow::Cow;
use std::rc::Rc;

/// A request whose sender may make it.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a AppState,
    pub(crate) request: &'a HttpRequest,
    pub(crate) caller: Caller,
}

impl Call<'_> {
    pub(crate) fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// Returns the name under which the caller goes on with an upload, and that records keep.
    pub(crate) fn by(&self) -> Cow<'_, str> {
        self.state.access.name_of(&self.caller)
    }

    /// Returns the connection, where the kernel can send files on it.
    pub(crate) fn wire(&self) -> Option<Rc<Shared>> {
        let shared = self.request.conn_data::<Rc<Shared>>()?;
        shared.can_send_files().then(|| Rc::clone(shared))
    }

    pub(crate) fn query(&self) -> &str {
        self.request.query_string()
    }
}
