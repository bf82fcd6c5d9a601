//! Reads the keys below a prefix in order, some thousand at a time, and skips what is not asked for.

use crate::Result;
use crate::registry::Registry;
use roadstead_storage::Entry;
use std::collections::VecDeque;

/// Keys listed in one call.
const PAGE: usize = 1000;

/// A place in a listing.
pub(super) struct Walk {
    prefix: String,
    after: Option<String>,
    page: VecDeque<Entry>,
    is_over: bool,
    calls: usize,
}

impl Walk {
    /// Begins at the first key below `prefix` that comes after `after`.
    pub(super) fn new(prefix: impl Into<String>, after: Option<String>) -> Self {
        Self {
            prefix: prefix.into(),
            after,
            page: VecDeque::new(),
            is_over: false,
            calls: 0,
        }
    }

    /// Returns the next key without going on.
    pub(super) async fn peek(&mut self, registry: &Registry) -> Result<Option<&Entry>> {
        if self.page.is_empty() && !self.is_over {
            let records = &registry.inner.records;
            let page = records.list(&self.prefix, self.after.as_deref(), PAGE);
            let page = page.await?;
            self.calls += 1;
            self.is_over = !page.more;
            if let Some(last) = page.entries.last() {
                self.after = Some(last.key.clone());
            }
            self.page = page.entries.into();
        }
        Ok(self.page.front())
    }

    /// Returns the next key and goes on.
    pub(super) async fn next(&mut self, registry: &Registry) -> Result<Option<Entry>> {
        self.peek(registry).await?;
        Ok(self.page.pop_front())
    }

    /// Goes on behind every key that starts with `section`, without listing those that are not
    /// listed yet. `section` ends with a slash.
    pub(super) fn skip(&mut self, section: &str) {
        while self
            .page
            .front()
            .is_some_and(|entry| entry.key.starts_with(section))
        {
            self.page.pop_front();
        }
        if self.page.is_empty() && !self.is_over {
            // The character after the slash: no key is so named, and all that follow are greater.
            let mut behind = section.trim_end_matches('/').to_owned();
            behind.push('0');
            if self.after.as_ref().is_none_or(|after| *after < behind) {
                self.after = Some(behind);
            }
        }
    }

    /// Goes on at the first key that is not before `key`.
    pub(super) fn seek(&mut self, key: &str) {
        while self
            .page
            .front()
            .is_some_and(|entry| entry.key.as_str() < key)
        {
            self.page.pop_front();
        }
        let is_behind = self.after.as_deref().is_some_and(|after| after >= key);
        if self.page.is_empty() && !self.is_over && !is_behind {
            // `key` itself must be found: so go on just before it.
            self.after = just_before(key);
        }
    }

    /// Returns how many listings were made since it was asked last.
    pub(super) fn take_calls(&mut self) -> usize {
        std::mem::take(&mut self.calls)
    }
}

/// A text that comes before `key` and after every key of ours that comes before it.
fn just_before(key: &str) -> Option<String> {
    let last = key.chars().next_back()?;
    let before = char::from_u32(u32::from(last).checked_sub(1)?)?;
    let mut text = key[..key.len() - last.len_utf8()].to_owned();
    text.push(before);
    // Greater than every character of a key.
    text.push('~');
    Some(text)
}

/// A key below `repo/`, in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RepositoryKey<'a> {
    pub(super) name: &'a str,
    /// `_manifest`, `_tag` and so on.
    pub(super) section: &'a str,
    pub(super) rest: &'a str,
}

impl<'a> RepositoryKey<'a> {
    /// Splits a key behind a prefix such as `repo/`.
    pub(super) fn parse(prefix: &str, key: &'a str) -> Option<Self> {
        let key = key.strip_prefix(prefix)?;
        // A component of a name cannot start with an underscore.
        let (name, rest) = key.split_once("/_")?;
        let section_start = name.len() + 1;
        let (section, rest_of_key) = rest.split_once('/')?;
        Some(Self {
            name,
            section: &key[section_start..=section_start + section.len()],
            rest: rest_of_key,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;
    use bytes::Bytes;
    use roadstead_storage::{Condition, RecordStore};

    async fn filled(keys: &[&str]) -> Fixture {
        let fixture = Fixture::new();
        for key in keys {
            let put = fixture
                .records
                .put(key, Bytes::from_static(b"x"), Condition::Any);
            let _ = put.await.unwrap();
        }
        fixture
    }

    async fn rest(walk: &mut Walk, registry: &Registry) -> Vec<String> {
        let mut keys = Vec::new();
        while let Some(entry) = walk.next(registry).await.unwrap() {
            keys.push(entry.key);
        }
        keys
    }

    #[test]
    fn a_key_is_split_at_its_section() {
        let key = RepositoryKey::parse("repo/", "repo/a/b/_manifest/sha256/00");
        let expected = RepositoryKey {
            name: "a/b",
            section: "_manifest",
            rest: "sha256/00",
        };
        assert_eq!(key, Some(expected));
        assert_eq!(RepositoryKey::parse("repo/", "repo/a"), None);
        assert_eq!(RepositoryKey::parse("repo/", "link/a/_tag/b"), None);
    }

    #[tokio::test]
    async fn skipping_a_section_lands_on_the_next_one() {
        let fixture = filled(&[
            "repo/a/_history/x/1",
            "repo/a/_history/x/2",
            "repo/a/_manifest/m",
            "repo/a/b/_tag/t",
        ])
        .await;
        let mut walk = Walk::new("repo/", None);
        walk.skip("repo/a/_history/");
        let keys = rest(&mut walk, &fixture.registry).await;
        assert_eq!(keys, ["repo/a/_manifest/m", "repo/a/b/_tag/t"]);
        // Also when the section is in the page already.
        let mut walk = Walk::new("repo/", None);
        walk.peek(&fixture.registry).await.unwrap();
        walk.skip("repo/a/_history/");
        assert_eq!(rest(&mut walk, &fixture.registry).await, keys);
    }

    #[tokio::test]
    async fn seeking_lands_on_the_key_or_the_one_behind() {
        let fixture = filled(&["b/1", "b/2", "b/3"]).await;
        for (sought, found) in [("b/2", 2), ("b/15", 2), ("b/4", 0), ("a", 3)] {
            for peeked in [false, true] {
                let mut walk = Walk::new("b/", None);
                if peeked {
                    walk.peek(&fixture.registry).await.unwrap();
                }
                walk.seek(sought);
                let keys = rest(&mut walk, &fixture.registry).await;
                assert_eq!(keys.len(), found, "{sought} {peeked}");
            }
        }
    }

    #[tokio::test]
    async fn a_walk_goes_on_over_pages() {
        let keys: Vec<_> = (0..2500).map(|at| format!("c/{at:05}")).collect();
        let names: Vec<_> = keys.iter().map(String::as_str).collect();
        let fixture = filled(&names).await;
        let mut walk = Walk::new("c/", None);
        assert_eq!(rest(&mut walk, &fixture.registry).await, keys);
        assert_eq!(walk.take_calls(), 3);
    }
}
