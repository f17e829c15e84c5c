//! Running other programs.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

/// How many lines of a failed program's output an error repeats.
const LINES_IN_ERROR: usize = 8;

/// Runs `command` on this program's terminal until it ends.
///
/// # Errors
///
/// When it can't be started. A program that ran and failed is an [`ExitStatus`].
pub(crate) fn run(command: &mut Command) -> Result<ExitStatus> {
    command
        .status()
        .with_context(|| format!("can't start {}", name(command)))
}

/// Runs `command` out of sight and returns what it wrote to its standard output.
///
/// # Errors
///
/// When it can't be started, or fails: with the last lines that it wrote to its standard error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("can't start {}", name(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} ended with {}: {}",
            name(command),
            output.status,
            last_lines(&stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The exit code that passes on how a program ended; never 0 for a failure, a signal is 1.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    match status.code() {
        Some(code) => u8::try_from(code).unwrap_or(1),
        None => 1,
    }
}

/// The first file called `name` in the directories of `search_path` (the format of `$PATH`).
pub(crate) fn find_on_path(name: &str, search_path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(search_path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let skipped = lines.len().saturating_sub(LINES_IN_ERROR);
    lines
        .into_iter()
        .skip(skipped)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_directory_of_the_search_path_wins() {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        std::fs::write(second.path().join("tool"), "").unwrap();
        let search_path = std::env::join_paths([first.path(), second.path()]).unwrap();
        let found = || find_on_path("tool", &search_path);

        assert_eq!(found(), Some(second.path().join("tool")));
        std::fs::create_dir(first.path().join("tool")).unwrap();
        assert_eq!(found(), Some(second.path().join("tool")), "not a directory");
        std::fs::remove_dir(first.path().join("tool")).unwrap();
        std::fs::write(first.path().join("tool"), "").unwrap();
        assert_eq!(found(), Some(first.path().join("tool")));
        assert_eq!(find_on_path("other", &search_path), None);
    }

    #[test]
    fn an_error_repeats_the_end_of_the_output() {
        let lines: Vec<_> = (0..20).map(|line| format!("line {line}")).collect();
        let end = last_lines(&lines.join("\n\n"));
        assert_eq!(end.lines().count(), LINES_IN_ERROR);
        assert!(end.ends_with("line 19"), "{end}");
    }

    #[cfg(unix)]
    #[test]
    fn a_failure_is_never_exit_code_zero() {
        use std::os::unix::process::ExitStatusExt as _;

        let exited = |code: i32| exit_code(ExitStatus::from_raw(code << 8));
        assert_eq!(exited(0), 0);
        assert_eq!(exited(101), 101);
        assert_eq!(exit_code(ExitStatus::from_raw(9)), 1, "killed");
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = capture(&mut Command::new("no-such-program-here")).unwrap_err();
        assert_eq!(error.to_string(), "can't start no-such-program-here");
    }
}
