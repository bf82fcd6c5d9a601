//! `roadstead robot`: accounts of machines.

use super::identities::{GrantOptions, RegistryOptions, ask, secret_of};
use super::print;
use crate::administration::{Answer, Request, RobotView};
use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use roadstead_auth::{ROBOT_LOGIN_PREFIX, SubjectName};
use roadstead_config::{Config, ExternalUrl, Period};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(super) enum RobotCommand {
    /// Makes a robot, which logs in as robot+NAME, and shows its secret once.
    Create(CreateOptions),
    /// Makes a new secret and shows it once. The last one works until the next rotation.
    Rotate(RotateOptions),
    /// Removes a robot. Tokens that it holds end within minutes.
    Rm(OneRobot),
    /// Lists the robots: what they may, when they end (seconds since 1970), when they were last seen.
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
        RobotCommand::Create(options) => create(options),
        RobotCommand::Rotate(options) => {
            let keep_old = if options.drop_old {
                Some(Duration::ZERO)
            } else {
                options.keep_old.map(Period::as_duration)
            };
            let name = options.name;
            let secret = options
                .registry
                .secret(Request::RotateRobot { name, keep_old })?;
            print(&format!("{secret}\n"))
        }
        RobotCommand::Rm(robot) => robot
            .registry
            .tell(Request::RemoveRobot { name: robot.name }),
        RobotCommand::Ls(registry) => match registry.ask(Request::ListRobots)? {
            Answer::Robots(robots) => {
                let lines: anyhow::Result<String> = robots.iter().map(line).collect();
                print(&lines?)
            }
            _ => bail!("the server answers something else: it is of another version"),
        },
    }
}

fn create(options: CreateOptions) -> anyhow::Result<()> {
    let config = options.registry.load()?;
    // Nothing is made before it is known that it can be shown.
    let host = match &options.image_pull_secret {
        Some(_) => Some(host(options.registry_host.as_deref(), &config)?),
        None => None,
    };
    let request = Request::CreateRobot {
        name: options.name.clone(),
        grants: options.grant.grants()?,
        expires: options.grant.expires(),
    };
    let secret = secret_of(ask(&config, request)?)?;
    match (options.image_pull_secret, host) {
        (Some(name), Some(host)) => print(&pull_secret(&name, &host, &options.name, &secret)?),
        _ => print(&format!("{secret}\n")),
    }
}

/// Returns the host that nodes pull from.
fn host(given: Option<&str>, config: &Config) -> anyhow::Result<String> {
    let of_config = || config.external_url.as_ref().map(ExternalUrl::authority);
    let host = given.or_else(of_config);
    Ok(host
        .context("name the registry's host with --registry-host, or in the setting external_url")?
        .to_owned())
}

/// Writes a Secret as Kubernetes takes it.
fn pull_secret(
    name: &str,
    host: &str,
    robot: &SubjectName,
    secret: &str,
) -> anyhow::Result<String> {
    let login = format!("{ROBOT_LOGIN_PREFIX}{robot}");
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

fn line(robot: &RobotView) -> anyhow::Result<String> {
    let secs = |time: Option<roadstead_storage::Timestamp>| {
        time.map_or_else(
            || "never".to_owned(),
            |time| (time.as_millis() / 1000).to_string(),
        )
    };
    Ok(format!(
        "{}\t{}\tsecrets {}\tends {}\tseen {}\n",
        robot.name,
        serde_json::to_string(&robot.grants)?,
        robot.secrets,
        secs(robot.expires),
        secs(robot.last_used),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_secret_holds_what_the_kubelet_reads() {
        let robot = "ci".parse().expect("is a name");
        let text = pull_secret("pull", "registry.example.com", &robot, "rsr_x").expect("is text");
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
