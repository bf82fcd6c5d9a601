//! What a failed command says, in one sentence, and the code it ends with.

use roadstead_config::ConfigErrors;
use std::io::Write;
use std::process::ExitCode;

/// The command line (clap uses the same code) or the configuration is wrong: starting again
/// without a change is of no use.
const WRONG_CONFIGURATION: u8 = 2;

/// The end of a command that has a code of its own.
#[derive(Debug)]
pub(crate) struct Ended {
    code: u8,
    error: Option<anyhow::Error>,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the command ends with code {}", self.code)
    }
}

impl std::error::Error for Ended {}

impl Ended {
    /// Says what went wrong and ends with a code.
    pub(crate) const fn with(code: u8, error: anyhow::Error) -> Self {
        Self {
            code,
            error: Some(error),
        }
    }

    /// Ends with a code, when all that there is to say was said.
    pub(crate) const fn quietly(code: u8) -> Self {
        Self { code, error: None }
    }
}

/// Writes what went wrong to the standard error.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(Ended { code, error }) = error.downcast_ref::<Ended>() {
        if let Some(error) = error {
            report(error);
        }
        return ExitCode::from(*code);
    }
    let mut output = std::io::stderr().lock();
    // Nothing is left to do when even this cannot be written.
    let _ = output.write_all(message(error).as_bytes());
    if error.is::<ConfigErrors>() {
        ExitCode::from(WRONG_CONFIGURATION)
    } else {
        ExitCode::FAILURE
    }
}

/// Returns the lines that tell an error: one for each mistake in the configuration, one otherwise.
fn message(error: &anyhow::Error) -> String {
    if let Some(mistakes) = error.downcast_ref::<ConfigErrors>() {
        let lines: Vec<String> = mistakes
            .iter()
            .map(|mistake| format!("roadstead: {mistake}\n"))
            .collect();
        return lines.concat();
    }
    let mut sentence = String::new();
    for cause in error.chain() {
        let part = cause.to_string();
        // Many errors end with the text of their cause.
        if sentence.ends_with(&part) {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(": ");
        }
        sentence.push_str(&part);
    }
    format!("roadstead: {sentence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    #[test]
    fn causes_follow_in_one_sentence_and_are_said_once() {
        let error = Err::<(), _>(anyhow!("no space left"))
            .context("write failed: no space left")
            .context("cannot open ./data")
            .expect_err("is an error");
        assert_eq!(
            message(&error),
            "roadstead: cannot open ./data: write failed: no space left\n"
        );
    }
}
