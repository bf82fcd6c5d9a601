//! Robots: accounts of machines, with secrets that can be rotated and grants of their own.

use crate::record::{self, Records, Step, after, change};
use crate::rights::check_grants;
use crate::secret::{NewSecret, SecretHash, SecretKind, is_secret};
use crate::{AuthError, Grant, Identity, Result, Rights, SubjectName, layout};
use moka::sync::Cache;
use roadstead_storage::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What a robot's login name begins with: `robot+ci` logs in the robot `ci`. No user's name holds `+`.
pub const ROBOT_LOGIN_PREFIX: &str = "robot+";
/// How exactly it is known when a robot was last seen.
const USED_EXACTNESS: Duration = Duration::from_hours(1);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RobotSecret {
    hash: SecretHash,
    created: Timestamp,
    expires: Option<Timestamp>,
}

/// A robot, as the record holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Robot {
    /// What it may, beside what rules allow it.
    pub grants: Vec<Grant>,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Whether it is shut out for now.
    #[serde(default)]
    pub is_disabled: bool,
    /// When it was made, by the store's clock.
    pub created: Timestamp,
    /// The newest first, two at most.
    secrets: Vec<RobotSecret>,
}

impl Robot {
    /// Returns when each of its secrets was made and when it ends, the newest first.
    pub fn secrets(&self) -> impl Iterator<Item = (Timestamp, Option<Timestamp>)> {
        self.secrets
            .iter()
            .map(|secret| (secret.created, secret.expires))
    }

    /// Returns which of its secrets this is, when it is accepted.
    fn accepts(&self, secret: &str, now: Timestamp) -> Option<&RobotSecret> {
        // Both are compared, whichever fits.
        let fitting = self.secrets.iter().fold(None, |fitting, one| {
            let fits = one.hash.is_of(secret) & is_before(now, one.expires);
            if fits { Some(one) } else { fitting }
        })?;
        self.lives(now).then_some(fitting)
    }

    /// Returns when one of its secrets is accepted no more.
    fn end_of(&self, secret: &RobotSecret) -> Option<Timestamp> {
        [self.expires, secret.expires].into_iter().flatten().min()
    }

    fn lives(&self, now: Timestamp) -> bool {
        is_before(now, self.expires) && !self.is_disabled
    }
}

fn is_before(now: Timestamp, end: Option<Timestamp>) -> bool {
    end.is_none_or(|end| now < end)
}

/// What a rotation does with the secret that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldSecret {
    /// It works until the next rotation.
    Keep,
    /// It works for this long.
    KeepFor(Duration),
    /// It works no more.
    Drop,
}

/// The robots in the record store.
#[derive(Clone)]
pub struct Robots {
    records: Records,
    /// The hour in which this replica last noted that a robot was seen.
    noted: Cache<SubjectName, Timestamp>,
}

impl fmt::Debug for Robots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Robots")
    }
}

fn absent(name: &SubjectName) -> AuthError {
    AuthError::Absent(format!("robot {name}"))
}

impl Robots {
    /// Looks after the robots in these records.
    #[must_use]
    pub fn new(records: Records) -> Self {
        Self {
            records,
            noted: Cache::new(10_000),
        }
    }

    /// Makes a robot, and its first secret, which is shown this once. `Exists` when there is one of
    /// the name.
    pub async fn create(
        &self,
        name: &SubjectName,
        grants: Vec<Grant>,
        expires_in: Option<Duration>,
    ) -> Result<NewSecret> {
        check_grants(&grants)?;
        let now = self.records.now().await?;
        let secret = NewSecret::make(SecretKind::Robot);
        let robot = Robot {
            grants,
            expires: expires_in.map(|span| after(now, span)),
            is_disabled: false,
            created: now,
            secrets: vec![RobotSecret {
                hash: secret.hash(),
                created: now,
                expires: None,
            }],
        };
        change(
            &self.records,
            &layout::robot(name),
            |present: Option<Robot>| {
                if present.is_some() {
                    return Err(AuthError::Exists(format!("robot {name}")));
                }
                Ok(Step::Put(robot.clone(), ()))
            },
        )
        .await?;
        Ok(secret)
    }

    /// Makes a new secret, which is shown this once. Of older ones the newest alone may stay.
    pub async fn rotate(&self, name: &SubjectName, old: OldSecret) -> Result<NewSecret> {
        let now = self.records.now().await?;
        let secret = NewSecret::make(SecretKind::Robot);
        self.update(name, |robot| {
            robot.secrets.truncate(match old {
                OldSecret::Drop => 0,
                OldSecret::Keep | OldSecret::KeepFor(_) => 1,
            });
            if let (OldSecret::KeepFor(span), Some(last)) = (old, robot.secrets.first_mut()) {
                let end = after(now, span);
                last.expires = Some(last.expires.map_or(end, |expires| expires.min(end)));
            }
            robot.secrets.insert(
                0,
                RobotSecret {
                    hash: secret.hash(),
                    created: now,
                    expires: None,
                },
            );
        })
        .await?;
        Ok(secret)
    }

    /// Ends every secret but the newest.
    pub async fn drop_old_secret(&self, name: &SubjectName) -> Result<()> {
        self.update(name, |robot| robot.secrets.truncate(1)).await
    }

    /// Gives a robot these grants and no others.
    pub async fn set_grants(&self, name: &SubjectName, grants: Vec<Grant>) -> Result<()> {
        check_grants(&grants)?;
        self.update(name, |robot| robot.grants.clone_from(&grants))
            .await
    }

    /// Sets when a robot ends, from now; never with `None`.
    pub async fn set_expiry(&self, name: &SubjectName, expires_in: Option<Duration>) -> Result<()> {
        let now = self.records.now().await?;
        self.update(name, |robot| {
            robot.expires = expires_in.map(|span| after(now, span));
        })
        .await
    }

    /// Shuts a robot out, or lets it in again.
    pub async fn set_disabled(&self, name: &SubjectName, is_disabled: bool) -> Result<()> {
        self.update(name, |robot| robot.is_disabled = is_disabled)
            .await
    }

    async fn update(&self, name: &SubjectName, edit: impl Fn(&mut Robot)) -> Result<()> {
        change(
            &self.records,
            &layout::robot(name),
            |robot: Option<Robot>| {
                let mut robot = robot.ok_or_else(|| absent(name))?;
                edit(&mut robot);
                Ok(Step::Put(robot, ()))
            },
        )
        .await
    }

    /// Removes a robot.
    pub async fn remove(&self, name: &SubjectName) -> Result<()> {
        change(
            &self.records,
            &layout::robot(name),
            |robot: Option<Robot>| robot.map(|_| Step::Remove(())).ok_or_else(|| absent(name)),
        )
        .await?;
        self.noted.invalidate(name);
        change(
            &self.records,
            &layout::robot_used(name),
            |used: Option<Timestamp>| Ok(used.map_or(Step::Keep(()), |_| Step::Remove(()))),
        )
        .await
    }

    /// Reads a robot.
    pub async fn get(&self, name: &SubjectName) -> Result<Option<Robot>> {
        record::read(&self.records, &layout::robot(name)).await
    }

    /// Returns when a robot was last seen, to the hour.
    pub async fn last_used(&self, name: &SubjectName) -> Result<Option<Timestamp>> {
        record::read(&self.records, &layout::robot_used(name)).await
    }

    /// Lists names of robots in byte order, at most `limit` (1 to 10,000), and whether more follow.
    pub async fn list(
        &self,
        start_after: Option<&SubjectName>,
        limit: usize,
    ) -> Result<(Vec<String>, bool)> {
        let start_after = start_after.map(SubjectName::as_str);
        record::list_names(&self.records, layout::ROBOTS, start_after, limit).await
    }

    /// Returns what a robot brings when the secret is one of its own, and when that ends; `now` is
    /// the replica's clock.
    pub(crate) async fn check(
        &self,
        name: &SubjectName,
        secret: &str,
        now: Timestamp,
    ) -> Result<Option<(Rights, Option<Timestamp>)>> {
        if !is_secret(SecretKind::Robot, secret) {
            return Ok(None);
        }
        let Some(robot) = self.get(name).await? else {
            return Ok(None);
        };
        let Some(accepted) = robot.accepts(secret, now) else {
            return Ok(None);
        };
        let ends = robot.end_of(accepted);
        Ok(Some((self.admit(name, robot, now).await, ends)))
    }

    /// Returns what a robot brings that was told by its certificate; `None` when it is not, or not any
    /// more. `now` is the replica's clock.
    pub(crate) async fn bearer(
        &self,
        name: &SubjectName,
        now: Timestamp,
    ) -> Result<Option<Rights>> {
        match self.get(name).await? {
            Some(robot) if robot.lives(now) => Ok(Some(self.admit(name, robot, now).await)),
            _ => Ok(None),
        }
    }

    async fn admit(&self, name: &SubjectName, robot: Robot, now: Timestamp) -> Rights {
        self.note_use(name, now).await;
        Rights::of(Identity::Robot(name.clone())).with_grants(robot.grants)
    }

    /// Notes that a robot was seen, once an hour. A note that fails is lost: it is not worth a login.
    async fn note_use(&self, name: &SubjectName, now: Timestamp) {
        let last = self.noted.get(name);
        if last.is_some_and(|last| now.since(last) < USED_EXACTNESS) {
            return;
        }
        self.noted.insert(name.clone(), now);
        let noted = change(
            &self.records,
            &layout::robot_used(name),
            |used: Option<Timestamp>| {
                Ok(match used {
                    Some(used) if now.since(used) < USED_EXACTNESS => Step::Keep(()),
                    _ => Step::Put(now, ()),
                })
            },
        )
        .await;
        if let Err(error) = noted {
            tracing::warn!(robot = %name, %error, "failed to note that robot {name} was seen");
        }
    }
}

#[cfg(test)]
mod tests;
