//! `roadstead repo`, `tag` and `upload`: what is in the registry, and what is on its way there.

use super::registry_options::RegistryOptions;
use anyhow::Context;
use clap::{Args, Subcommand};
use roadstead_api::administration::{
    RepositoryView, Restorable, RestoredTag, TagRestoration, TagValue, TagView, UploadView,
};
use roadstead_oci::encode_query_value;

pub(super) const REPOSITORY_HELP: &str = "\
Example:
  roadstead repo ls --output json";

pub(super) const TAG_HELP: &str = "\
Examples:
  roadstead tag ls team-a/app
  roadstead tag history team-a/app:1.0
  roadstead tag rm team-a/app:1.0                    the manifest stays
  roadstead tag ls --deleted team-a/app              what can be brought back
  roadstead tag restore team-a/app:1.0               to what it was before";

const TAG_LIST_HELP: &str = "\
Examples:
  roadstead tag ls team-a/app
  roadstead tag ls --deleted team-a/app              with what they named, when and by whom they were
                                                     deleted, and until when they can be brought back";

const TAG_RESTORE_HELP: &str = "\
Without --digest and --at the tag goes back to its last value that named something else than it names
now, or, when it was deleted, to its last value. What it was is in `roadstead tag history`.

Examples:
  roadstead tag restore team-a/app:1.0
  roadstead tag restore team-a/app:1.0 --at 2026-11-24T19:40:25Z
  roadstead tag restore team-a/app:1.0 --digest sha256:…";

pub(super) const UPLOAD_HELP: &str = "\
Examples:
  roadstead upload ls
  roadstead upload abort 0123456789abcdef0123456789abcdef";

#[derive(Debug, Subcommand)]
pub(super) enum RepositoryCommand {
    /// Lists the repositories.
    #[command(after_help = "Example: roadstead repo ls --limit 20")]
    Ls(ListOptions),
}

#[derive(Debug, Subcommand)]
pub(super) enum TagCommand {
    /// Lists the tags of a repository and what they name, or those that were deleted.
    #[command(after_help = TAG_LIST_HELP)]
    Ls(TagListOptions),
    /// Removes a tag; the manifest stays.
    #[command(after_help = "Example: roadstead tag rm team-a/app:1.0")]
    Rm(OneTag),
    /// Shows what a tag is and was, the newest first; of a tag that was removed, too.
    #[command(after_help = "Example: roadstead tag history team-a/app:1.0")]
    History(TagHistoryOptions),
    /// Sets a tag back to what it was; a manifest that was deleted meanwhile comes back with it.
    #[command(after_help = TAG_RESTORE_HELP)]
    Restore(TagRestoreOptions),
}

#[derive(Debug, Subcommand)]
pub(super) enum UploadCommand {
    /// Lists the upload sessions that are open.
    #[command(after_help = "Example: roadstead upload ls")]
    Ls(ListOptions),
    /// Ends an upload session and frees what it holds.
    #[command(after_help = "Example: roadstead upload abort ID")]
    Abort(OneUpload),
}

#[derive(Debug, Args)]
pub(super) struct ListOptions {
    /// The most entries; all without it.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    #[command(flatten)]
    pub(super) registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct TagListOptions {
    /// The repository.
    repository: String,
    /// Lists those that were deleted and can be brought back.
    #[arg(long)]
    deleted: bool,
    #[command(flatten)]
    list: ListOptions,
}

#[derive(Debug, Args)]
pub(super) struct OneTag {
    /// The repository and the tag.
    #[arg(value_name = "REPOSITORY:TAG")]
    target: String,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct TagHistoryOptions {
    /// The repository and the tag.
    #[arg(value_name = "REPOSITORY:TAG")]
    target: String,
    #[command(flatten)]
    list: ListOptions,
}

#[derive(Debug, Args)]
pub(super) struct TagRestoreOptions {
    /// The repository and the tag.
    #[arg(value_name = "REPOSITORY:TAG")]
    target: String,
    /// The manifest that the tag named once.
    #[arg(long, value_name = "DIGEST", conflicts_with = "at")]
    digest: Option<String>,
    /// The time at whose value the tag is wanted, in UTC, as `tag history` shows it.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct OneUpload {
    /// The session's id, as `upload ls` shows it.
    id: String,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl ListOptions {
    pub(super) fn all<T: serde::de::DeserializeOwned>(&self, path: &str) -> anyhow::Result<Vec<T>> {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        self.registry.with(|client| client.list(path, limit))
    }
}

pub(super) fn run_repository(command: &RepositoryCommand) -> anyhow::Result<()> {
    let RepositoryCommand::Ls(options) = command;
    let found: Vec<RepositoryView> = options.all("/repositories")?;
    let row = |repository: &RepositoryView| vec![repository.name.clone()];
    options.registry.output.list(&found, &["REPOSITORY"], row)
}

pub(super) fn run_tag(command: &TagCommand) -> anyhow::Result<()> {
    match command {
        TagCommand::Ls(options) if options.deleted => list_deleted_tags(options),
        TagCommand::Ls(options) => {
            let repository = encode_query_value(&options.repository);
            let tags: Vec<TagView> = options
                .list
                .all(&format!("/tags?repository={repository}"))?;
            let headings = ["TAG", "DIGEST", "SET", "BY"];
            options.list.registry.output.list(&tags, &headings, |tag| {
                vec![
                    tag.name.clone(),
                    tag.value.digest.clone(),
                    tag.value.set.to_string(),
                    tag.value.set_by.clone(),
                ]
            })
        }
        TagCommand::Rm(tag) => {
            let path = format!("/tags?{}", query(&tag.target)?);
            tag.registry.with(|client| client.remove(&path))
        }
        TagCommand::History(options) => {
            let path = format!("/tags/history?{}", query(&options.target)?);
            let values: Vec<TagValue> = options.list.all(&path)?;
            let headings = ["DIGEST", "SET", "BY", "ENDED", "AT", "BY", "RESTORABLE"];
            let output = options.list.registry.output;
            output.list(&values, &headings, past)
        }
        TagCommand::Restore(options) => restore_tag(options),
    }
}

fn list_deleted_tags(options: &TagListOptions) -> anyhow::Result<()> {
    let repository = encode_query_value(&options.repository);
    let path = format!("/tags/deleted?repository={repository}");
    let tags: Vec<TagView> = options.list.all(&path)?;
    let headings = ["TAG", "DIGEST", "DELETED", "BY", "RESTORABLE"];
    options.list.registry.output.list(&tags, &headings, |tag| {
        let ended = tag.value.ended.as_ref();
        vec![
            tag.name.clone(),
            tag.value.digest.clone(),
            ended.map_or_else(String::new, |ended| ended.at.to_string()),
            ended.map_or_else(String::new, |ended| ended.by.clone()),
            restorable(tag.value.restorable.as_ref()),
        ]
    })
}

fn restore_tag(options: &TagRestoreOptions) -> anyhow::Result<()> {
    let path = format!("/tags/restore?{}", query(&options.target)?);
    let restoration = TagRestoration {
        digest: options.digest.clone(),
        at: options.at.clone(),
    };
    let restored: RestoredTag = options
        .registry
        .with(|client| client.send("POST", &path, &restoration))?;
    let was = match &restored.before {
        Some(before) if *before == restored.digest => "named it already".to_owned(),
        Some(before) => format!("named {before} before"),
        None => "was deleted".to_owned(),
    };
    let text = format!(
        "{} names {} ({was}){}",
        options.target,
        restored.digest,
        brought_back(&restored.restored)
    );
    options.registry.output.one(&restored, &text)
}

/// Says which deleted manifests came back, a line each.
pub(super) fn brought_back(digests: &[String]) -> String {
    let lines = digests
        .iter()
        .map(|digest| format!("\nbrought back {digest}"));
    lines.collect()
}

/// Says in a cell whether a manifest can be had.
fn restorable(found: Option<&Restorable>) -> String {
    match found.map(|found| found.until.as_ref()) {
        Some(Some(until)) => format!("until {until}"),
        Some(None) => "yes".to_owned(),
        None => "no".to_owned(),
    }
}

pub(super) fn run_upload(command: &UploadCommand) -> anyhow::Result<()> {
    match command {
        UploadCommand::Ls(options) => {
            let uploads: Vec<UploadView> = options.all("/uploads")?;
            let headings = ["ID", "REPOSITORY", "OWNER", "BYTES", "CREATED", "ACTIVE"];
            options.registry.output.list(&uploads, &headings, |upload| {
                vec![
                    upload.id.clone(),
                    upload.repository.clone(),
                    upload.owner.clone(),
                    upload.size_bytes.to_string(),
                    upload.created.to_string(),
                    upload.active.to_string(),
                ]
            })
        }
        UploadCommand::Abort(upload) => {
            let path = format!("/uploads/{}", encode_query_value(&upload.id));
            upload.registry.with(|client| client.remove(&path))
        }
    }
}

/// Writes `REPOSITORY:TAG` as a query.
fn query(target: &str) -> anyhow::Result<String> {
    let (repository, tag) = target
        .rsplit_once(':')
        .context("name a tag, such as team-a/app:1.0")?;
    Ok(format!(
        "repository={}&tag={}",
        encode_query_value(repository),
        encode_query_value(tag)
    ))
}

fn past(value: &TagValue) -> Vec<String> {
    let (how, at, by) = match &value.ended {
        Some(ended) => (ended.how.clone(), ended.at.to_string(), ended.by.clone()),
        None => Default::default(),
    };
    vec![
        value.digest.clone(),
        value.set.to_string(),
        value.set_by.clone(),
        how,
        at,
        by,
        restorable(value.restorable.as_ref()),
    ]
}
