//! How a part of a command ended.

use std::process::Command;

use anyhow::Result;

use crate::process;

/// How something ended that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything is as it should be.
    Passed,
    /// It did nothing, for this reason.
    Skipped(String),
}

/// Why something failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code to end with.
    pub(crate) code: u8,
    /// What happened, when the program that failed has not already said so.
    pub(crate) reason: Option<anyhow::Error>,
}

impl From<anyhow::Error> for Failure {
    fn from(reason: anyhow::Error) -> Self {
        Self {
            code: 1,
            reason: Some(reason),
        }
    }
}

/// Runs a program that says by itself what is wrong.
///
/// # Errors
///
/// When it can't be started, or fails: with its exit code.
pub(crate) fn pass(command: &mut Command) -> Result<(), Failure> {
    let status = process::run(command)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure {
        code: process::exit_code(status),
        reason: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_failed_program_keeps_its_exit_code() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 7"]);
        let failure = pass(&mut command).unwrap_err();
        assert_eq!((failure.code, failure.reason.is_none()), (7, true));
        assert!(pass(Command::new("sh").args(["-c", "exit 0"])).is_ok());
    }
}
