//! `roadstead manifest`: manifests that were deleted, and how they come back.

use super::content::{ListOptions, brought_back};
use super::registry_options::RegistryOptions;
use anyhow::Context;
use clap::{Args, Subcommand};
use roadstead_api::administration::{ManifestRestoration, RemovedManifestView, RestoredManifest};
use roadstead_oci::encode_query_value;

pub(super) const HELP: &str = "\
A deleted manifest is retained for the time of the setting deleted_retention, with all that it names.

Examples:
  roadstead manifest ls --deleted team-a/app
  roadstead manifest restore team-a/app@sha256:… --tag 1.0";

#[derive(Debug, Subcommand)]
pub(super) enum ManifestCommand {
    /// Lists the manifests of a repository that were deleted and can be brought back.
    #[command(after_help = "Example: roadstead manifest ls --deleted team-a/app")]
    Ls(ManifestListOptions),
    /// Brings a deleted manifest back, and deleted ones that it names. Its tags stay away.
    #[command(after_help = RESTORE_HELP)]
    Restore(ManifestRestoreOptions),
}

const RESTORE_HELP: &str = "\
An index comes back with those of its manifests that were deleted, too. When a blob is gone, nothing
comes back, and the blob is named.

Examples:
  roadstead manifest restore team-a/app@sha256:…
  roadstead manifest restore team-a/app@sha256:… --tag 1.0 --tag latest";

#[derive(Debug, Args)]
pub(super) struct ManifestListOptions {
    /// The repository.
    repository: String,
    /// Lists those that were deleted; there is no other list of manifests.
    #[arg(long, required = true)]
    deleted: bool,
    #[command(flatten)]
    list: ListOptions,
}

#[derive(Debug, Args)]
pub(super) struct ManifestRestoreOptions {
    /// The repository and the manifest.
    #[arg(value_name = "REPOSITORY@DIGEST")]
    target: String,
    /// A tag to set to it; may be given again.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    #[command(flatten)]
    registry: RegistryOptions,
}

pub(super) fn run(command: &ManifestCommand) -> anyhow::Result<()> {
    match command {
        ManifestCommand::Ls(options) => list(options),
        ManifestCommand::Restore(options) => restore(options),
    }
}

fn list(options: &ManifestListOptions) -> anyhow::Result<()> {
    let repository = encode_query_value(&options.repository);
    let path = format!("/manifests/deleted?repository={repository}");
    let found: Vec<RemovedManifestView> = options.list.all(&path)?;
    let headings = ["DIGEST", "BYTES", "TYPE", "DELETED", "BY", "RESTORABLE"];
    let output = options.list.registry.output;
    output.list(&found, &headings, |manifest| {
        let shown = manifest.artifact_type.as_ref();
        vec![
            manifest.digest.clone(),
            manifest.size_bytes.to_string(),
            shown.unwrap_or(&manifest.media_type).clone(),
            manifest.deleted.to_string(),
            manifest.deleted_by.clone(),
            format!("until {}", manifest.until),
        ]
    })
}

fn restore(options: &ManifestRestoreOptions) -> anyhow::Result<()> {
    let (repository, digest) = options
        .target
        .split_once('@')
        .context("name a manifest by its digest, such as team-a/app@sha256:…")?;
    let path = format!(
        "/manifests/restore?repository={}",
        encode_query_value(repository)
    );
    let restoration = ManifestRestoration {
        digest: digest.to_owned(),
        tags: options.tags.clone(),
    };
    let restored: RestoredManifest = options
        .registry
        .with(|client| client.send("POST", &path, &restoration))?;
    let named = match options.tags.as_slice() {
        [] => String::new(),
        tags => format!(" as {}", tags.join(", ")),
    };
    let text = format!(
        "{repository} has {}{named}{}",
        restored.digest,
        brought_back(&restored.restored)
    );
    options.registry.output.one(&restored, &text)
}
