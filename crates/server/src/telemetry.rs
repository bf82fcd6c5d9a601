//! Logs: for humans on a terminal, JSON otherwise, always to the standard error.

use anyhow::Context;
use roadstead_config::{Log, LogFilter, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// For whom log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// People.
    Human,
    /// Programs.
    Json,
}

impl Form {
    fn of(format: LogFormat, is_terminal: bool) -> Self {
        match format {
            LogFormat::Human => Self::Human,
            LogFormat::Auto if is_terminal => Self::Human,
            LogFormat::Auto | LogFormat::Json => Self::Json,
        }
    }
}

/// Starts logging for this process and returns the form it takes.
pub(crate) fn start(log: &Log) -> anyhow::Result<Form> {
    let is_terminal = std::io::stderr().is_terminal();
    let form = Form::of(log.format, is_terminal);
    let filter = EnvFilter::try_new(directives(&log.level))
        .with_context(|| format!("log.level: `{}` is not a filter", log.level))?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = match form {
        Form::Human => registry
            .with(lines.with_target(false).with_ansi(is_terminal))
            .try_init(),
        Form::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    started.context("cannot start logging")?;
    Ok(form)
}

/// Returns the filter's directives. actix tells at `info` which threads it starts, which is news to
/// nobody here. Its dispatcher calls it an error when a client greets with TLS or sends anything else
/// that is no request, though nobody here must act; failed answers are told by the access log. A
/// directive for either in the configuration comes later and wins.
fn directives(level: &LogFilter) -> String {
    if level.as_str() == "off" {
        return level.to_string();
    }
    format!("actix_server=error,actix_http::h1::dispatcher=off,{level}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_for_humans_on_a_terminal_alone() {
        assert_eq!(Form::of(LogFormat::Auto, true), Form::Human);
        assert_eq!(Form::of(LogFormat::Auto, false), Form::Json);
        assert_eq!(Form::of(LogFormat::Human, false), Form::Human);
        assert_eq!(Form::of(LogFormat::Json, true), Form::Json);
    }
}
