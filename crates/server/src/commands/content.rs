//! `roadstead repo`, `tag` and `upload`: what is in the registry, and what is on its way there.

use super::registry_options::RegistryOptions;
use anyhow::Context;
use clap::{Args, Subcommand};
use roadstead_api::administration::{RepositoryView, TagValue, TagView, UploadView};
use roadstead_oci::encode_query_value;

pub(super) const REPOSITORY_HELP: &str = "\
Example:
  roadstead repo ls --output json";

pub(super) const TAG_HELP: &str = "\
Examples:
  roadstead tag ls team-a/app
  roadstead tag history team-a/app:1.0
  roadstead tag rm team-a/app:1.0                    the manifest stays";

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
    /// Lists the tags of a repository and what they name.
    #[command(after_help = "Example: roadstead tag ls team-a/app")]
    Ls(TagListOptions),
    /// Removes a tag; the manifest stays.
    #[command(after_help = "Example: roadstead tag rm team-a/app:1.0")]
    Rm(OneTag),
    /// Shows what a tag is and was, the newest first; of a tag that was removed, too.
    #[command(after_help = "Example: roadstead tag history team-a/app:1.0")]
    History(TagHistoryOptions),
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
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct TagListOptions {
    /// The repository.
    repository: String,
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
pub(super) struct OneUpload {
    /// The session's id, as `upload ls` shows it.
    id: String,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl ListOptions {
    fn all<T: serde::de::DeserializeOwned>(&self, path: &str) -> anyhow::Result<Vec<T>> {
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
            let headings = ["DIGEST", "SET", "BY", "ENDED", "AT", "BY"];
            let output = options.list.registry.output;
            output.list(&values, &headings, past)
        }
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
    ]
}
