//! A request to administration, and how an operation reads what it needs of it.

use super::MAX_ADMIN_BODY_BYTES;
use super::pages::DEFAULT_ENTRIES;
use crate::audit::Whence;
use crate::error::AdminError;
use crate::page::PageRequest;
use crate::parameters;
use bytes::Bytes;
use roadstead_auth::{Caller, SubjectName};
use roadstead_oci::{RepositoryName, Tag};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::fmt;

/// Who administers.
#[derive(Clone, Debug)]
pub enum Requester {
    /// Whoever owns the data folder, or has the store's credentials, and needs no other right.
    Operator,
    /// Somebody with the right `admin`, who sent a request over the network.
    Caller(Caller),
}

impl fmt::Display for Requester {
    /// Writes the name that logs and records keep. No user's name holds a colon.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => formatter.write_str("local:operator"),
            Self::Caller(caller) => write!(formatter, "{}", caller.identity()),
        }
    }
}

/// One request. `Debug` is left out: the body may hold a password.
pub struct AdminRequest<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The raw path below [`super::ADMINISTRATION_PATH`], such as `/users/ops`.
    pub path: &'a str,
    /// The raw query; empty when there is none.
    pub query: &'a str,
    /// The body: JSON, or nothing.
    pub body: &'a Bytes,
    /// Who asks.
    pub by: Requester,
    /// Where the request comes from.
    pub whence: Whence,
}

impl AdminRequest<'_> {
    /// Tells whether the method is one that changes something.
    #[must_use]
    pub fn changes(&self) -> bool {
        !matches!(self.method, "GET" | "HEAD")
    }
}

/// A request whose path was found, with the values of the path's parameters in their order.
pub(crate) struct Input<'a> {
    pub(crate) request: &'a AdminRequest<'a>,
    pub(crate) parameters: Vec<Cow<'a, str>>,
}

impl Input<'_> {
    /// Returns a parameter of the path.
    pub(crate) fn path(&self, index: usize) -> &str {
        self.parameters.get(index).map_or("", |value| value)
    }

    /// Returns a parameter of the path that is the name of a user, a group or a robot.
    pub(crate) fn name(&self, index: usize) -> Result<SubjectName, AdminError> {
        subject(self.path(index))
    }

    /// Reads a parameter of the query.
    pub(crate) fn query(&self, key: &'static str) -> Result<Option<String>, AdminError> {
        let found = parameters::single(self.request.query, key)
            .map_err(|problem| AdminError::invalid(format!("parameter {key}: {problem}")))?;
        Ok(found.map(Cow::into_owned))
    }

    /// Reads a parameter of the query that must be there.
    pub(crate) fn needed(&self, key: &'static str) -> Result<String, AdminError> {
        self.query(key)?
            .ok_or_else(|| AdminError::invalid(format!("parameter {key} is missing")))
    }

    /// Reads the repository that the query names.
    pub(crate) fn repository(&self) -> Result<RepositoryName, AdminError> {
        let text = self.needed("repository")?;
        RepositoryName::parse(&text)
            .map_err(|error| AdminError::invalid(format!("parameter repository: {error}")))
    }

    /// Reads the tag that the query names.
    pub(crate) fn tag(&self) -> Result<Tag, AdminError> {
        let text = self.needed("tag")?;
        Tag::parse(&text).map_err(|error| AdminError::invalid(format!("parameter tag: {error}")))
    }

    /// Reads which page of a list is asked for: where it begins, and its most entries.
    pub(crate) fn page(&self) -> Result<(Option<String>, usize), AdminError> {
        let page = PageRequest::parse(self.request.query)
            .map_err(|error| AdminError::invalid(error.to_string()))?;
        let limit = page.limit.unwrap_or(DEFAULT_ENTRIES).max(1);
        Ok((page.after, limit))
    }

    /// Reads the body.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, AdminError> {
        let body = self.request.body;
        if body.len() > MAX_ADMIN_BODY_BYTES {
            return Err(AdminError::TooLarge);
        }
        serde_json::from_slice(body)
            .map_err(|error| AdminError::invalid(format!("body is not as it should be: {error}")))
    }

    /// Reads the body, which may be missing where every member is optional.
    pub(crate) fn optional_body<T: DeserializeOwned + Default>(&self) -> Result<T, AdminError> {
        if self.request.body.is_empty() {
            return Ok(T::default());
        }
        self.body()
    }
}

/// Reads the name of a user, a group or a robot.
pub(crate) fn subject(text: &str) -> Result<SubjectName, AdminError> {
    SubjectName::parse(text).map_err(|error| AdminError::invalid(format!("{text:.80?}: {error}")))
}

/// Reads several names.
pub(crate) fn subjects(texts: &[String]) -> Result<Vec<SubjectName>, AdminError> {
    texts.iter().map(|text| subject(text)).collect()
}
