//! Administration: users, groups, robots, access tokens, keys, and why a rule decides as it does.
//!
//! One request, one answer. A command does the work itself where it can open the store; where a
//! server has the store open, it asks that server over a socket in the data folder.

mod ask;
mod request;
mod socket;

pub(crate) use ask::ask;
pub(crate) use request::{Answer, Question, Request, RobotView, UserView, action};
pub(crate) use socket::Socket;

use anyhow::{Context, anyhow, bail};
use roadstead_api::{AuditEvent, AuditLog};
use roadstead_auth::{
    AccessRequest, AccessTokens, Action, Authenticator, Caller, Identity, KeySettings, OldKeys,
    OldSecret, PasswordHash, Passwords, ROBOT_LOGIN_PREFIX, Reason, Records, Rights, Robots, Rule,
    RuleBook, SigningKeys, SubjectName, Users,
};
use roadstead_storage::Clock;
use std::sync::Arc;

/// Who asks, in the audit log: somebody who may open the socket or the store.
const LOCAL: &str = "local";
/// How many names one listing reads at once.
const PAGE: usize = 1000;

/// What administration works on.
pub(crate) struct Administration {
    pub(crate) records: Records,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) passwords: Arc<Passwords>,
    /// The rules of the configuration.
    pub(crate) rules: Vec<Rule>,
    /// Whether everybody may do everything.
    pub(crate) is_open: bool,
    /// Who logs in at this process, when anybody does.
    pub(crate) authenticator: Option<Arc<Authenticator>>,
    /// The keys of this process, when it has read them.
    pub(crate) keys: Option<Arc<SigningKeys>>,
    /// Where changes are told.
    pub(crate) audit: AuditLog,
}

impl Administration {
    /// Does what is asked.
    pub(crate) async fn answer(&self, request: Request) -> anyhow::Result<Answer> {
        let change = request.change();
        let answer = self.run(request).await;
        if let (Some(change), Ok(_)) = (change, &answer) {
            self.audit.record(AuditEvent::change(LOCAL, change)).await;
        }
        // Whatever was changed holds at once, here at least.
        if let Some(authenticator) = &self.authenticator {
            authenticator.forget_logins();
        }
        answer
    }

    async fn run(&self, request: Request) -> anyhow::Result<Answer> {
        let users = Users::new(Arc::clone(&self.records));
        let robots = Robots::new(Arc::clone(&self.records));
        let tokens = AccessTokens::new(Arc::clone(&self.records));
        match request {
            Request::AddUser {
                name,
                groups,
                password,
            } => {
                let password = self.hash(&password).await?;
                users.add(&name, Some(password), groups).await?;
                Ok(Answer::Done)
            }
            Request::RemoveUser { name } => {
                users.remove(&name).await?;
                tokens.remove_all(&name).await?;
                Ok(Answer::Done)
            }
            Request::SetPassword { name, password } => {
                let password = self.hash(&password).await?;
                users.set_password(&name, password).await?;
                Ok(Answer::Done)
            }
            Request::ListUsers => Ok(Answer::Users(list_users(&users).await?)),
            Request::JoinGroup { group, user } => {
                let mut groups = groups_of(&users, &user).await?;
                groups.push(group);
                users.set_groups(&user, groups).await?;
                Ok(Answer::Done)
            }
            Request::LeaveGroup { group, user } => {
                let mut groups = groups_of(&users, &user).await?;
                if !groups.contains(&group) {
                    bail!("user {user} is not in group {group}");
                }
                groups.retain(|one| *one != group);
                users.set_groups(&user, groups).await?;
                Ok(Answer::Done)
            }
            Request::CreateRobot {
                name,
                grants,
                expires,
            } => {
                let secret = robots.create(&name, grants, expires).await?;
                Ok(Answer::Secret(secret.expose().to_owned()))
            }
            Request::RotateRobot { name, keep_old } => {
                let old = keep_old.map_or(OldSecret::Keep, |span| {
                    if span.is_zero() {
                        OldSecret::Drop
                    } else {
                        OldSecret::KeepFor(span)
                    }
                });
                let secret = robots.rotate(&name, old).await?;
                Ok(Answer::Secret(secret.expose().to_owned()))
            }
            Request::RemoveRobot { name } => {
                robots.remove(&name).await?;
                Ok(Answer::Done)
            }
            Request::ListRobots => Ok(Answer::Robots(list_robots(&robots).await?)),
            Request::CreateToken {
                user,
                label,
                grants,
                expires,
            } => {
                let owner = users.get(&user).await?;
                let owner = owner.ok_or_else(|| anyhow!("there is no user {user}"))?;
                let created = tokens.create(&user, &owner.id, &label, grants, expires);
                let (_, secret) = created.await?;
                Ok(Answer::Secret(secret.expose().to_owned()))
            }
            Request::RotateKeys { drop_old } => self.rotate_keys(drop_old).await,
            Request::Explain(question) => self.explain(&users, &robots, &question).await,
        }
    }

    async fn hash(&self, password: &str) -> anyhow::Result<PasswordHash> {
        Ok(self.passwords.hash(password).await?)
    }

    async fn rotate_keys(&self, drop_old: bool) -> anyhow::Result<Answer> {
        let keys = match &self.keys {
            Some(keys) => Arc::clone(keys),
            None => Arc::new(
                SigningKeys::open(
                    Arc::clone(&self.records),
                    Arc::clone(&self.clock),
                    KeySettings::default(),
                )
                .await?,
            ),
        };
        let old = if drop_old {
            OldKeys::Drop
        } else {
            OldKeys::Honour
        };
        keys.rotate(old).await?;
        Ok(Answer::Done)
    }

    async fn explain(
        &self,
        users: &Users,
        robots: &Robots,
        question: &Question,
    ) -> anyhow::Result<Answer> {
        if self.is_open {
            let reason = "the registry is open: everybody may do everything".to_owned();
            return Ok(Answer::Explained { may: true, reason });
        }
        let book = RuleBook::open(Arc::clone(&self.records), self.rules.clone());
        let policy = book.await.context("cannot read the rules")?.policy();
        let caller = caller_of(users, robots, &question.who).await?;
        let name = &question.repository;
        let action = question.action;
        let request = match &question.tag {
            Some(tag) => AccessRequest::Tag { name, tag, action },
            None => AccessRequest::Repository { name, action },
        };
        let mut reason = policy.explain(&caller, &request);
        // Who pushes to a tag that exists needs the right to overwrite it, too.
        let mut over = "";
        if let (Some(tag), Action::Push, true) = (&question.tag, action, reason.is_allowed()) {
            let overwriting = policy.explain(&caller, &AccessRequest::overwrite(name, tag));
            if !overwriting.is_allowed() {
                over = "; where the tag exists, to give it another digest is not allowed";
            }
        }
        let rules = policy.rules();
        let may = reason.is_allowed();
        let rule = match &mut reason {
            Reason::DeniedByRule(number) | Reason::AllowedByRule(number) => {
                rules.rules().get(number.saturating_sub(1))
            }
            _ => None,
        };
        let rule = match rule {
            Some(rule) => format!(": {}", serde_json::to_string(rule)?),
            None => String::new(),
        };
        let reason = format!("{reason}{rule}{over}");
        Ok(Answer::Explained { may, reason })
    }
}

/// Returns the caller that a login name would be.
async fn caller_of(users: &Users, robots: &Robots, who: &str) -> anyhow::Result<Caller> {
    if who == "anonymous" {
        return Ok(Caller::anonymous());
    }
    if let Some(robot) = who.strip_prefix(ROBOT_LOGIN_PREFIX) {
        let name: SubjectName = robot.parse()?;
        let robot = robots.get(&name).await?;
        let robot = robot.ok_or_else(|| anyhow!("there is no robot {name}"))?;
        let rights = Rights::of(Identity::Robot(name)).with_grants(robot.grants);
        return Ok(Caller::with_password(rights));
    }
    let name: SubjectName = who.parse()?;
    // One of a htpasswd file has no record, and no groups.
    let user = users.get(&name).await?;
    let groups = user.map(|user| user.groups).unwrap_or_default();
    let rights = Rights::of(Identity::User(name)).with_groups(groups);
    Ok(Caller::with_password(rights))
}

async fn groups_of(users: &Users, name: &SubjectName) -> anyhow::Result<Vec<SubjectName>> {
    let user = users.get(name).await?;
    Ok(user
        .ok_or_else(|| anyhow!("there is no user {name}"))?
        .groups)
}

async fn list_users(users: &Users) -> anyhow::Result<Vec<UserView>> {
    let mut views = Vec::new();
    let mut after: Option<SubjectName> = None;
    loop {
        let (names, more) = users.list(after.as_ref(), PAGE).await?;
        for name in names {
            let name: SubjectName = name.parse()?;
            if let Some(user) = users.get(&name).await? {
                views.push(UserView {
                    name: name.clone(),
                    groups: user.groups,
                });
            }
            after = Some(name);
        }
        if !more {
            return Ok(views);
        }
    }
}

async fn list_robots(robots: &Robots) -> anyhow::Result<Vec<RobotView>> {
    let mut views = Vec::new();
    let mut after: Option<SubjectName> = None;
    loop {
        let (names, more) = robots.list(after.as_ref(), PAGE).await?;
        for name in names {
            let name: SubjectName = name.parse()?;
            if let Some(robot) = robots.get(&name).await? {
                views.push(RobotView {
                    secrets: robot.secrets().count(),
                    name: name.clone(),
                    grants: robot.grants,
                    expires: robot.expires,
                    last_used: robots.last_used(&name).await?,
                });
            }
            after = Some(name);
        }
        if !more {
            return Ok(views);
        }
    }
}
