//! The catalog: which repositories exist. One does from its first manifest on.

use crate::record::{CatalogRecord, Encoded};
use crate::registry::{ROUNDS, Registry};
use crate::{Result, layout};
use roadstead_oci::RepositoryName;
use roadstead_storage::limits::MAX_PAGE_ENTRIES;
use roadstead_storage::{Condition, Outcome};

/// A page of the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogPage {
    /// The repositories in byte order of their names.
    pub repositories: Vec<RepositoryName>,
    /// Whether repositories follow after the last one.
    pub more: bool,
}

/// A page of a listing: what follows the prefix in each key.
pub(crate) struct Names {
    pub(crate) names: Vec<String>,
    pub(crate) more: bool,
}

impl Registry {
    /// Lists repositories in byte order, after `after`, which need not be one. One storage call.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn catalog(&self, after: Option<&str>, limit: usize) -> Result<CatalogPage> {
        let page = self.list_names(layout::CATALOG, after, limit).await?;
        Ok(CatalogPage {
            repositories: page
                .names
                .iter()
                .filter_map(|name| RepositoryName::parse(name).ok())
                .collect(),
            more: page.more,
        })
    }

    /// Tells whether a manifest was ever pushed to a repository.
    pub(crate) async fn repository_exists(&self, repository: &RepositoryName) -> Result<bool> {
        let read = self.inner.records.get(&layout::catalog(repository)).await?;
        Ok(read.record.is_some())
    }

    /// Enters a repository into the catalog. One storage call.
    pub(crate) async fn enter_catalog(&self, repository: &RepositoryName) -> Result<()> {
        let key = layout::catalog(repository);
        for _ in 0..ROUNDS {
            let bytes = CatalogRecord {}.encode();
            match self.put_bytes(&key, bytes, Condition::Absent).await? {
                Outcome::Applied(_) | Outcome::Conflict => return Ok(()),
                Outcome::Unknown => {}
            }
        }
        Err(Self::contended(&key))
    }

    /// Lists what follows `prefix` in the keys under it, after the text `after`. A page of none
    /// costs no storage call.
    pub(crate) async fn list_names(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Names> {
        let mut names = Vec::new();
        if limit == 0 {
            return Ok(Names { names, more: false });
        }
        let start = after.map(|after| format!("{prefix}{after}"));
        let limit = limit.min(MAX_PAGE_ENTRIES);
        let page = self.inner.records.list(prefix, start.as_deref(), limit);
        let page = page.await?;
        for entry in &page.entries {
            names.extend(entry.key.strip_prefix(prefix).map(ToOwned::to_owned));
        }
        Ok(Names {
            names,
            more: page.more,
        })
    }
}
