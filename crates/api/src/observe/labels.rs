//! The values that label requests in metrics and logs: few and fixed, whatever clients send.

use actix_web::http::Method;
use roadstead_oci::{Route, RouteError};

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RouteLabel {
    Ping,
    Catalog,
    Token,
    Administration,
    Tags,
    Manifest,
    Blob,
    UploadStart,
    Upload,
    Referrers,
    Unknown,
}

impl RouteLabel {
    pub(crate) const ALL: [Self; 11] = [
        Self::Ping,
        Self::Catalog,
        Self::Token,
        Self::Administration,
        Self::Tags,
        Self::Manifest,
        Self::Blob,
        Self::UploadStart,
        Self::Upload,
        Self::Referrers,
        Self::Unknown,
    ];

    pub(crate) const fn of(route: &Result<Route, RouteError>) -> Self {
        match route {
            Ok(Route::Ping) => Self::Ping,
            Ok(Route::Catalog) => Self::Catalog,
            Ok(Route::Token) => Self::Token,
            Ok(Route::Administration) => Self::Administration,
            Ok(Route::TagsList { .. }) => Self::Tags,
            Ok(Route::Manifest { .. }) => Self::Manifest,
            Ok(Route::Blob { .. }) => Self::Blob,
            Ok(Route::UploadStart { .. }) => Self::UploadStart,
            Ok(Route::Upload { .. }) | Err(RouteError::UploadId) => Self::Upload,
            Ok(Route::Referrers { .. }) => Self::Referrers,
            Err(RouteError::NotFound | RouteError::Name(_) | RouteError::Digest(_)) => {
                Self::Unknown
            }
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Catalog => "catalog",
            Self::Token => "token",
            Self::Administration => "administration",
            Self::Tags => "tags",
            Self::Manifest => "manifest",
            Self::Blob => "blob",
            Self::UploadStart => "upload_start",
            Self::Upload => "upload",
            Self::Referrers => "referrers",
            Self::Unknown => "unknown",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MethodLabel {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Other,
}

impl MethodLabel {
    pub(crate) const COUNT: usize = 7;

    pub(crate) fn of(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::HEAD => Self::Head,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::PATCH => Self::Patch,
            Method::DELETE => Self::Delete,
            _ => Self::Other,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Other => "other",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_follow_the_order_of_all() {
        for (index, route) in RouteLabel::ALL.into_iter().enumerate() {
            assert_eq!(route.index(), index);
        }
        assert_eq!(MethodLabel::Other.index() + 1, MethodLabel::COUNT);
    }

    #[test]
    fn invented_methods_share_one_label() {
        let method = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(MethodLabel::of(&method), MethodLabel::Other);
    }

    #[test]
    fn bad_upload_ids_count_as_uploads() {
        let route = Route::parse("/v2/a/blobs/uploads/..%5c");
        assert_eq!(RouteLabel::of(&route), RouteLabel::Upload);
    }
}
