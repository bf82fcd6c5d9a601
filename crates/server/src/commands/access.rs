//! `roadstead access`: rules, why they decide as they do, signing keys, and the API's description.

use super::print;
use super::registry_options::RegistryOptions;
use clap::{Args, Subcommand};
use roadstead_api::administration::{self, Explanation, KeyRotation, RuleText, RuleView};
use roadstead_auth::Action;
use roadstead_oci::encode_query_value;

pub(super) const HELP: &str = "\
Examples:
  roadstead access explain --as ops --action push team-a/app:1.0
  roadstead access rules
  roadstead access allow --subjects group:team-a --repositories 'team-a/**' --actions pull,push
  roadstead access deny --subjects '*' --repositories '*/release' --tags 'v*' --actions tag-overwrite
  roadstead access remove 0123456789abcdef";

#[derive(Debug, Subcommand)]
pub(super) enum AccessCommand {
    /// Says whether somebody may do something, and by which rule.
    #[command(
        after_help = "Example: roadstead access explain --as robot+ci --action pull team-a/app"
    )]
    Explain(ExplainOptions),
    /// Lists the rules: those of the configuration, and the stored ones behind them.
    #[command(after_help = "Example: roadstead access rules --output json")]
    Rules(RegistryOptions),
    /// Stores a rule that allows something. Every server goes by it within seconds.
    #[command(
        after_help = "Example: roadstead access allow --subjects group:team-a --repositories 'team-a/**' --actions pull,push"
    )]
    Allow(RuleOptions),
    /// Stores a rule that denies something, whatever other rules allow.
    #[command(
        after_help = "Example: roadstead access deny --subjects '*' --repositories '*/release' --tags 'v*' --actions tag-overwrite"
    )]
    Deny(RuleOptions),
    /// Removes a stored rule. Those of the configuration are changed there.
    #[command(after_help = "Example: roadstead access remove ID")]
    Remove(OneRule),
    /// Makes a new key that signs tokens. It is done every 30 days without being asked.
    #[command(after_help = "Example: roadstead access rotate-keys --drop-old")]
    RotateKeys(KeyOptions),
    /// Prints the description of the administration API, as `OpenAPI` 3.1. No server is asked.
    #[command(after_help = "Example: roadstead access openapi > roadstead.json")]
    Openapi,
}

#[derive(Debug, Args)]
pub(super) struct ExplainOptions {
    /// The name that they log in with, such as ops or robot+ci, or anonymous.
    #[arg(long = "as", value_name = "NAME")]
    who: String,
    /// pull, push, delete, tag-overwrite or admin.
    #[arg(long, value_parser = parse_action)]
    action: Action,
    /// The repository, or a tag in it: team-a/app or team-a/app:1.0.
    #[arg(value_name = "REPOSITORY[:TAG]")]
    target: String,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct RuleOptions {
    /// Whom it is about: user:NAME, group:NAME, robot:NAME, anonymous, authenticated, or '*'.
    #[arg(long, value_delimiter = ',', required = true, value_name = "SUBJECTS")]
    subjects: Vec<String>,
    /// Patterns of repositories, such as 'team-a/**'; none for the action catalog alone.
    #[arg(long, value_delimiter = ',', value_name = "PATTERNS")]
    repositories: Vec<String>,
    /// Patterns of tags; without them, all requests, with a tag and without.
    #[arg(long, value_delimiter = ',', value_name = "PATTERNS")]
    tags: Vec<String>,
    /// pull, push, delete, tag-overwrite, admin, catalog or '*'.
    #[arg(long, value_delimiter = ',', required = true, value_name = "ACTIONS")]
    actions: Vec<String>,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct OneRule {
    /// The rule's id, as `access rules` shows it.
    id: String,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct KeyOptions {
    /// Forgets the keys that were: every token ends, here at once and on other servers within a
    /// minute. For a key that was stolen.
    #[arg(long)]
    drop_old: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

pub(super) fn run(command: AccessCommand) -> anyhow::Result<()> {
    match command {
        AccessCommand::Explain(options) => explain(&options),
        AccessCommand::Rules(registry) => {
            let rules: Vec<RuleView> = registry.with(|client| client.list("/rules", None))?;
            let headings = [
                "NUMBER",
                "ID",
                "EFFECT",
                "SUBJECTS",
                "REPOSITORIES",
                "TAGS",
                "ACTIONS",
            ];
            registry.output.list(&rules, &headings, row)
        }
        AccessCommand::Allow(options) => add(options, "allow"),
        AccessCommand::Deny(options) => add(options, "deny"),
        AccessCommand::Remove(rule) => {
            let path = format!("/rules/{}", encode_query_value(&rule.id));
            rule.registry.with(|client| client.remove(&path))
        }
        AccessCommand::RotateKeys(options) => {
            let rotation = KeyRotation {
                drop_old: options.drop_old,
            };
            options
                .registry
                .with(|client| client.tell("POST", "/keys/rotate", Some(&rotation)))
        }
        AccessCommand::Openapi => print(&administration::document()),
    }
}

fn add(options: RuleOptions, effect: &str) -> anyhow::Result<()> {
    let rule = RuleText {
        subjects: options.subjects,
        repositories: options.repositories,
        tags: options.tags,
        actions: options.actions,
        effect: effect.to_owned(),
    };
    let registry = options.registry;
    let added: RuleView = registry.with(|client| client.send("POST", "/rules", &rule))?;
    registry
        .output
        .one(&added, added.id.as_deref().unwrap_or_default())
}

fn row(rule: &RuleView) -> Vec<String> {
    let of_configuration = || "(configuration)".to_owned();
    vec![
        rule.number.to_string(),
        rule.id.clone().unwrap_or_else(of_configuration),
        rule.rule.effect.clone(),
        rule.rule.subjects.join(","),
        rule.rule.repositories.join(","),
        rule.rule.tags.join(","),
        rule.rule.actions.join(","),
    ]
}

fn explain(options: &ExplainOptions) -> anyhow::Result<()> {
    let (repository, tag) = match options.target.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (&*options.target, None),
    };
    let mut path = format!(
        "/explain?as={}&action={}&repository={}",
        encode_query_value(&options.who),
        options.action,
        encode_query_value(repository)
    );
    if let Some(tag) = tag {
        path = format!("{path}&tag={}", encode_query_value(tag));
    }
    let explained: Explanation = options.registry.with(|client| client.get(&path))?;
    let word = if explained.allowed { "yes" } else { "no" };
    let rule = match &explained.rule {
        Some(rule) => format!(": {}", serde_json::to_string(rule)?),
        None => String::new(),
    };
    let text = format!("{word}: {}{rule}", explained.reason);
    options.registry.output.one(&explained, &text)
}

fn parse_action(text: &str) -> Result<Action, String> {
    let known = Action::ALL
        .into_iter()
        .find(|action| action.as_str() == text);
    known.ok_or_else(|| "use pull, push, delete, tag-overwrite or admin".to_owned())
}
