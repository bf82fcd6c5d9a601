//! A htpasswd file with bcrypt hashes, for people who have one; read again when it changes.

use crate::passwords::Listed;
use crate::{AuthError, Result, SubjectName};
use roadstead_storage::Clock;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// The largest file that is read, in bytes.
pub const MAX_HTPASSWD_BYTES: u64 = 4 * 1024 * 1024;
/// The dearest hash that is taken: the next is twice as dear, and 14 takes most of a second.
const MAX_COST: u32 = 14;
/// How often the file is looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A user of a htpasswd file has no record, so this stands for its id.
pub(crate) const HTPASSWD_ID: &str = "htpasswd";

type Entries = HashMap<SubjectName, Arc<str>>;

/// The users of a file. One that cannot be read any more stays as it was last read.
#[derive(Debug)]
pub struct Htpasswd {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    looked: Duration,
    stamp: Stamp,
    entries: Arc<Entries>,
}

/// By what a changed file is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

impl Htpasswd {
    /// Reads a file.
    pub async fn open(path: PathBuf, clock: Arc<dyn Clock>) -> Result<Self> {
        let (stamp, entries) = load(&path).await?;
        let state = Mutex::new(State {
            looked: clock.monotonic(),
            stamp,
            entries: Arc::new(entries),
        });
        Ok(Self { path, clock, state })
    }

    /// Returns the user's hash, or another to take as long over; `None` while the file is empty.
    pub(crate) async fn find(&self, user: Option<&SubjectName>) -> Option<Listed> {
        let entries = self.entries().await;
        if let Some(own) = user.and_then(|user| entries.get(user)) {
            return Some(Listed::Own(own.clone()));
        }
        entries.values().next().cloned().map(Listed::Other)
    }

    /// Tells whether the file lists a user.
    pub async fn lists(&self, user: &SubjectName) -> bool {
        self.entries().await.contains_key(user)
    }

    async fn entries(&self) -> Arc<Entries> {
        let mut state = self.state.lock().await;
        let now = self.clock.monotonic();
        if now.saturating_sub(state.looked) < LOOK_EVERY {
            return state.entries.clone();
        }
        state.looked = now;
        match self.load_if_changed(state.stamp).await {
            Ok(None) => {}
            Ok(Some((stamp, entries))) => {
                state.stamp = stamp;
                state.entries = Arc::new(entries);
            }
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%error, "failed to read {path} again; it stays as it was");
            }
        }
        state.entries.clone()
    }

    async fn load_if_changed(&self, known: Stamp) -> Result<Option<(Stamp, Entries)>> {
        if stamp_of(&self.path).await? == known {
            return Ok(None);
        }
        load(&self.path).await.map(Some)
    }
}

fn unreadable(path: &std::path::Path, reason: impl std::fmt::Display) -> AuthError {
    AuthError::Invalid(format!("failed to read {}: {reason}", path.display()))
}

async fn stamp_of(path: &std::path::Path) -> Result<Stamp> {
    let metadata = tokio::fs::metadata(path)
        .await
        .map_err(|error| unreadable(path, error))?;
    Ok(Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
    })
}

async fn load(path: &std::path::Path) -> Result<(Stamp, Entries)> {
    // The stamp is taken first: a change that comes in between is seen the next time.
    let stamp = stamp_of(path).await?;
    if stamp.length > MAX_HTPASSWD_BYTES {
        let reason = format!("it has more than {MAX_HTPASSWD_BYTES} bytes");
        return Err(unreadable(path, reason));
    }
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| unreadable(path, error))?;
    Ok((stamp, parse(&text, path)))
}

/// Reads lines of `name:hash`. Lines with other hashes than bcrypt's are told of and left out.
fn parse(text: &str, path: &std::path::Path) -> Entries {
    let mut entries = Entries::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, hash)) = entry(line) {
            entries.insert(name, hash);
        } else {
            tracing::warn!(
                "line {} of {} is left out: it is no user's name with a bcrypt hash of a cost up to {MAX_COST}",
                index + 1,
                path.display()
            );
        }
    }
    entries
}

fn entry(line: &str) -> Option<(SubjectName, Arc<str>)> {
    let (name, hash) = line.split_once(':')?;
    let name = SubjectName::parse(name).ok()?;
    let parts: bcrypt::HashParts = hash.parse().ok()?;
    (4..=MAX_COST)
        .contains(&parts.get_cost())
        .then(|| (name, hash.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;
    use std::io::Write as _;

    fn name(text: &str) -> SubjectName {
        SubjectName::parse(text).unwrap()
    }

    /// Puts another file in the place of the old one, as editors do.
    fn publish(path: &std::path::Path, text: &str) {
        let mut file = std::fs::File::create(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn line(user: &str) -> String {
        format!("{user}:{}\n", bcrypt::hash("secret", 4).unwrap())
    }

    #[tokio::test]
    async fn a_changed_file_is_read_again_within_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        let clock = Fixture::new().clock;
        publish(&path, &line("ops"));
        let file = Htpasswd::open(path.clone(), clock.clone()).await.unwrap();
        assert!(file.lists(&name("ops")).await && !file.lists(&name("developer")).await);
        publish(&path, &(line("ops") + &line("developer")));
        assert!(!file.lists(&name("developer")).await);
        clock.advance(LOOK_EVERY);
        assert!(file.lists(&name("developer")).await);
        publish(&path, &line("developer"));
        clock.advance(LOOK_EVERY);
        assert!(!file.lists(&name("ops")).await);
    }

    #[tokio::test]
    async fn a_file_that_is_gone_stays_as_it_was_and_none_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        let clock = Fixture::new().clock;
        assert!(Htpasswd::open(path.clone(), clock.clone()).await.is_err());
        publish(&path, &line("ops"));
        let file = Htpasswd::open(path.clone(), clock.clone()).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        clock.advance(LOOK_EVERY);
        assert!(file.lists(&name("ops")).await);
    }

    #[tokio::test]
    async fn only_names_with_bcrypt_hashes_are_taken() {
        let bcrypt = bcrypt::hash("secret", 4).unwrap();
        let dear = bcrypt.replacen("$04$", "$31$", 1);
        let text = format!(
            "# comment\n\nops:{bcrypt}\n a/b:{bcrypt}\nmd5:$apr1$x$y\nplain:secret\nsha:{{SHA}}x\ndear:{dear}\nnothing\nempty:\n"
        );
        let entries = parse(&text, std::path::Path::new("htpasswd"));
        assert_eq!(entries.keys().collect::<Vec<_>>(), [&name("ops")]);
    }

    #[tokio::test]
    async fn a_stranger_is_given_a_hash_that_is_not_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("htpasswd");
        publish(&path, &line("ops"));
        let file = Htpasswd::open(path, Fixture::new().clock).await.unwrap();
        assert!(matches!(
            file.find(Some(&name("ops"))).await,
            Some(Listed::Own(_))
        ));
        assert!(matches!(
            file.find(Some(&name("x"))).await,
            Some(Listed::Other(_))
        ));
        assert!(matches!(file.find(None).await, Some(Listed::Other(_))));
    }
}
