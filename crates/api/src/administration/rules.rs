//! `/rules`: who may do what. Those of the configuration are shown; stored ones can be changed.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::Input;
use super::pages::{Page, PageQuery};
use crate::error::AdminError;
use roadstead_auth::{ActionSet, Effect, PathPattern, Rule, RuleBook, Subject, TagPattern};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A rule, as the configuration writes it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rule)]
pub struct RuleText {
    /// `user:NAME`, `group:NAME`, `robot:NAME`, `anonymous`, `authenticated` or `*`.
    #[schema(example = json!(["group:team-a"]))]
    pub subjects: Vec<String>,
    /// Patterns of repositories.
    #[serde(default)]
    #[schema(example = json!(["team-a/**"]))]
    pub repositories: Vec<String>,
    /// Patterns of tags; when empty, all requests, with a tag and without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// `pull`, `push`, `delete`, `tag-overwrite`, `admin`, `catalog` or `*`.
    #[schema(example = json!(["pull", "push"]))]
    pub actions: Vec<String>,
    /// `allow` or `deny`; a rule that denies wins over all that allow.
    #[serde(default = "allow")]
    #[schema(example = "allow")]
    pub effect: String,
}

fn allow() -> String {
    "allow".to_owned()
}

/// A rule with its place.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleView {
    /// The number that an explanation names; stored rules come after those of the configuration.
    pub number: usize,
    /// Names a stored rule; one of the configuration has none, and is changed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The rule.
    pub rule: RuleText,
}

/// Lists the rules, in the order of their numbers, of which `last` is one.
#[utoipa::path(get, path = "/rules", tag = "rules", params(PageQuery), responses(
    (status = 200, body = Page<RuleView>), (status = "default", body = Failure)))]
pub(crate) async fn list(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (after, limit) = input.page()?;
    let after: usize = match after {
        Some(text) => text
            .parse()
            .map_err(|_| AdminError::invalid("parameter last: is no number of a rule"))?,
        None => 0,
    };
    let book = &administration.rules;
    let stored = book.stored().await?.rules;
    let configured = book.configured().iter().map(|rule| (None, rule));
    let stored = stored.iter().map(|rule| (Some(RuleBook::id(rule)), rule));
    let mut rest = configured
        .chain(stored)
        .enumerate()
        .skip(after)
        .map(|(index, (id, rule))| RuleView {
            number: index + 1,
            id,
            rule: rule.into(),
        });
    let items: Vec<RuleView> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    let last = items.last().map(|rule| rule.number.to_string());
    Ok(Output::shown(&Page::new(items, last, more)))
}

/// Adds a rule to the stored ones. It holds here at once and at other replicas within seconds.
/// 409 when the same is there.
#[utoipa::path(post, path = "/rules", tag = "rules", request_body = RuleText, responses(
    (status = 201, body = RuleView), (status = "default", body = Failure)))]
pub(crate) async fn add(administration: &Administration, input: &Input<'_>) -> Outcome {
    let text: RuleText = input.body()?;
    let rule = parse(&text)?;
    let number = administration.rules.add(rule.clone()).await?;
    let id = RuleBook::id(&rule);
    let change = format!("added rule {id}");
    let view = RuleView {
        number,
        id: Some(id),
        rule: (&rule).into(),
    };
    Ok(Output::created(&view).logged(change))
}

/// Removes a stored rule.
#[utoipa::path(delete, path = "/rules/{id}", tag = "rules",
    params(("id" = String, Path)), responses(
    (status = 204), (status = "default", body = Failure)))]
pub(crate) async fn remove(administration: &Administration, input: &Input<'_>) -> Outcome {
    let id = input.path(0);
    administration.rules.remove(id).await?;
    Ok(Output::done().logged(format!("removed rule {id}")))
}

impl From<&Rule> for RuleText {
    fn from(rule: &Rule) -> Self {
        fn texts<T: ToString>(values: &[T]) -> Vec<String> {
            values.iter().map(ToString::to_string).collect()
        }
        Self {
            subjects: texts(&rule.subjects),
            repositories: texts(&rule.repositories),
            tags: texts(&rule.tags),
            actions: Vec::from(rule.actions),
            effect: match rule.effect {
                Effect::Allow => "allow",
                Effect::Deny => "deny",
            }
            .to_owned(),
        }
    }
}

fn parse(text: &RuleText) -> Result<Rule, AdminError> {
    Ok(Rule {
        subjects: parse_all(&text.subjects, Subject::parse)?,
        repositories: parse_all(&text.repositories, PathPattern::parse)?,
        tags: parse_all(&text.tags, TagPattern::parse)?,
        actions: ActionSet::parse(&text.actions)
            .map_err(|error| AdminError::invalid(error.to_string()))?,
        effect: match text.effect.as_str() {
            "allow" => Effect::Allow,
            "deny" => Effect::Deny,
            _ => return Err(AdminError::invalid("effect is neither allow nor deny")),
        },
    })
}

fn parse_all<T, E: std::fmt::Display>(
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, AdminError> {
    let parse = |text: &String| parse(text).map_err(|error| AdminError::invalid(error.to_string()));
    texts.iter().map(parse).collect()
}
