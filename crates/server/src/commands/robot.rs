//! `roadstead robot`: accounts of machines.

use super::identities::{GrantOptions, shown};
use super::print;
use super::registry_options::RegistryOptions;
use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use roadstead_api::administration::{MadeRobot, Moment, NewRobot, RobotView, SecretRotation};
use roadstead_auth::SubjectName;
use roadstead_config::Period;

pub(super) const HELP: &str = "\
Examples:
  roadstead robot create ci --repositories 'team-a/**' --actions pull,push --expires 90d
  roadstead robot create node --repositories '**' --actions pull --image-pull-secret registry | kubectl apply -f -
  roadstead robot rotate ci --keep-old 24h
  roadstead robot ls --output json";

#[derive(Debug, Subcommand)]
pub(super) enum RobotCommand {
    /// Makes a robot, which logs in as robot+NAME, and shows its secret once.
    #[command(
        after_help = "Example: roadstead robot create ci --repositories 'team-a/**' --actions pull,push"
    )]
    Create(CreateOptions),
    /// Makes a new secret and shows it once. The last one works until the next rotation.
    #[command(after_help = "Example: roadstead robot rotate ci --keep-old 24h")]
    Rotate(RotateOptions),
    /// Removes a robot. Tokens that it holds end within minutes.
    #[command(after_help = "Example: roadstead robot rm ci")]
    Rm(OneRobot),
    /// Lists the robots: what they may, when they end, when they were last seen.
    #[command(after_help = "Example: roadstead robot ls --output json")]
    Ls(RegistryOptions),
}

#[derive(Debug, Args)]
pub(super) struct CreateOptions {
    /// The robot's name.
    name: SubjectName,
    #[command(flatten)]
    grant: GrantOptions,
    /// Prints a Secret for the imagePullSecrets of Kubernetes, of this name, in place of the secret.
    #[arg(long, value_name = "NAME", value_parser = secret_name)]
    image_pull_secret: Option<String>,
    /// The registry's host, and port, in that Secret; without it, that of the setting
    /// `external_url`.
    #[arg(long, value_name = "HOST", requires = "image_pull_secret")]
    registry_host: Option<String>,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct RotateOptions {
    /// The robot.
    name: SubjectName,
    /// How long the last secret still works, such as 24h.
    #[arg(long, value_name = "DURATION")]
    keep_old: Option<Period>,
    /// Ends the last secret at once.
    #[arg(long, conflicts_with = "keep_old")]
    drop_old: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct OneRobot {
    /// The robot.
    name: SubjectName,
    #[command(flatten)]
    registry: RegistryOptions,
}

pub(super) fn run(command: RobotCommand) -> anyhow::Result<()> {
    match command {
        RobotCommand::Create(options) => create(&options),
        RobotCommand::Rotate(options) => {
            let keep_old = options
                .keep_old
                .map(|period| period.as_duration().as_secs());
            let rotation = SecretRotation {
                keep_old_secs: if options.drop_old { Some(0) } else { keep_old },
            };
            let path = format!("/robots/{}/rotate", options.name);
            let made: MadeRobot = options
                .registry
                .with(|client| client.send("POST", &path, &rotation))?;
            options.registry.output.one(&made, &made.secret)
        }
        RobotCommand::Rm(robot) => robot
            .registry
            .with(|client| client.remove(&format!("/robots/{}", robot.name))),
        RobotCommand::Ls(registry) => {
            let robots: Vec<RobotView> = registry.with(|client| client.list("/robots", None))?;
            let headings = ["ROBOT", "GRANTS", "SECRETS", "ENDS", "SEEN"];
            registry.output.list(&robots, &headings, row)
        }
    }
}

fn create(options: &CreateOptions) -> anyhow::Result<()> {
    // Nothing is made before it is known that it can be shown.
    let host = match &options.image_pull_secret {
        Some(_) => Some(host(options)?),
        None => None,
    };
    let robot = NewRobot {
        name: options.name.to_string(),
        grants: options.grant.grants(),
        expires_in_secs: options.grant.expires_in_secs(),
    };
    let made: MadeRobot = options
        .registry
        .with(|client| client.send("POST", "/robots", &robot))?;
    match (&options.image_pull_secret, host) {
        (Some(name), Some(host)) => print(&pull_secret(name, &host, &made.login, &made.secret)?),
        _ => options.registry.output.one(&made, &made.secret),
    }
}

/// Returns the host that nodes pull from: as given, or where the registry says that it is.
fn host(options: &CreateOptions) -> anyhow::Result<String> {
    if let Some(given) = &options.registry_host {
        return Ok(given.clone());
    }
    let server = options.registry.server();
    let of_server = || {
        Some(
            server
                .as_deref()?
                .split_once("://")?
                .1
                .trim_end_matches('/'),
        )
    };
    let config = options.registry.config()?;
    let of_config = || Some(config.as_ref()?.external_url.as_ref()?.authority());
    let host = of_server().or_else(of_config);
    Ok(host
        .context("name the registry's host with --registry-host, or in the setting external_url")?
        .to_owned())
}

/// Writes a Secret as Kubernetes takes it.
fn pull_secret(name: &str, host: &str, login: &str, secret: &str) -> anyhow::Result<String> {
    let auth = STANDARD.encode(format!("{login}:{secret}"));
    let account = serde_json::json!({"username": login, "password": secret, "auth": auth});
    let hosts = serde_json::Map::from_iter([(host.to_owned(), account)]);
    let document = serde_json::to_string(&serde_json::json!({ "auths": hosts }))?;
    Ok(format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\ntype: \
         kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: {}\n",
        STANDARD.encode(document)
    ))
}

/// Reads the name of a Secret: a DNS subdomain (RFC 1123), as Kubernetes wants it.
fn secret_name(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        let is_inner =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty()
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= 253 && text.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err("Kubernetes takes lower-case letters, digits, '-' and '.'".to_owned())
}

fn row(robot: &RobotView) -> Vec<String> {
    let time = |time: &Option<Moment>| {
        let written = time.as_ref().map(ToString::to_string);
        written.unwrap_or_else(|| "never".to_owned())
    };
    vec![
        robot.name.clone(),
        shown(&robot.grants),
        robot.secrets.len().to_string(),
        time(&robot.expires),
        time(&robot.last_used),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_secret_holds_what_the_kubelet_reads() {
        let text = pull_secret("pull", "registry.example.com", "robot+ci", "rsr_x");
        let text = text.expect("is text");
        let (_, data) = text.split_once(".dockerconfigjson: ").expect("has data");
        let document = STANDARD.decode(data.trim()).expect("is base64");
        let document: serde_json::Value = serde_json::from_slice(&document).expect("is JSON");
        let account = &document["auths"]["registry.example.com"];
        assert_eq!(account["username"], "robot+ci");
        let auth = STANDARD.decode(account["auth"].as_str().expect("is text"));
        assert_eq!(auth.as_deref(), Ok(&b"robot+ci:rsr_x"[..]));
        assert!(
            text.contains("type: kubernetes.io/dockerconfigjson\n"),
            "{text}"
        );
    }

    #[test]
    fn a_name_that_kubernetes_would_not_take_is_refused() {
        assert!(secret_name("pull.team-a").is_ok());
        for name in ["", "Pull", "-a", "a_b", "a..b", "a\nb"] {
            assert!(secret_name(name).is_err(), "{name}");
        }
    }
}
