//! The bench that counts instructions: gungraun, its runner, and valgrind below it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use regex::Regex;
use wrpc_middleware_bench::report::gungraun;

use super::packages::Packages;
use crate::process;
use crate::workspace::Workspace;

/// Names the runner, to the build of a bench as well as to the bench.
pub(super) const RUNNER: &str = "GUNGRAUN_RUNNER";

/// Names the directory of its results.
pub(super) const HOME: &str = "GUNGRAUN_HOME";

/// The library whose version the runner has to have.
const LIBRARY: &str = "gungraun";

/// The runner's package and program.
const PROGRAM: &str = "gungraun-runner";

/// Whether there is a valgrind: its version, or what to do.
pub(super) fn valgrind() -> Result<String, &'static str> {
    process::capture(Command::new("valgrind").arg("--version"))
        .map(|version| version.trim().to_owned())
        .map_err(|_| "valgrind is not installed (apt-get install valgrind)")
}

/// The runner, which is installed below `tools` if it is not there yet.
///
/// # Errors
///
/// When it can't be installed.
pub(super) fn runner(workspace: &Workspace, packages: &Packages) -> Result<PathBuf> {
    let version = packages
        .version(LIBRARY)
        .with_context(|| format!("no package depends on {LIBRARY}"))?;
    let root = workspace.tools_dir().join(format!("{PROGRAM}-{version}"));
    let runner = root
        .join("bin")
        .join(PROGRAM)
        .with_extension(std::env::consts::EXE_EXTENSION);
    if runner.is_file() {
        return Ok(runner);
    }
    eprintln!("installing {PROGRAM} {version} (this takes a few minutes, once)");
    fs::create_dir_all(&root).with_context(|| format!("can't create {}", root.display()))?;
    let installed = process::run(
        workspace
            .cargo(&["install", "--quiet", "--locked", "--version", version])
            .arg("--root")
            .arg(&root)
            .arg(PROGRAM),
    )?;
    anyhow::ensure!(
        installed.success() && runner.is_file(),
        "can't install {PROGRAM} {version}; to do without: --skip instructions"
    );
    Ok(runner)
}

/// The arguments to run what `filter` matches; several runs if it matches a part only, since
/// gungraun itself takes a single pattern of another kind. Empty if nothing matches.
///
/// `list` is what the bench says that it has.
pub(super) fn arguments(list: &str, filter: Option<&Regex>) -> Vec<Vec<String>> {
    let save = || "--save-summary=json".to_owned();
    let Some(filter) = filter else {
        return vec![vec![save()]];
    };
    let all: Vec<_> = benches(list).collect();
    let matching: Vec<_> = all
        .iter()
        .filter(|path| filter.is_match(path) || filter.is_match(&gungraun::name(path)))
        .collect();
    if matching.len() == all.len() && !all.is_empty() {
        return vec![vec![save()]];
    }
    matching
        .into_iter()
        .map(|path| vec![save(), (*path).to_owned()])
        .collect()
}

/// The paths in a list such as `instructions::layers::call::full_stack: benchmark`.
fn benches(list: &str) -> impl Iterator<Item = &str> {
    list.lines()
        .filter_map(|line| line.trim().strip_suffix(": benchmark"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
instructions::layers::call::full_stack: benchmark
instructions::layers::call::denied: benchmark
instructions::layers::call::fail_fast: benchmark

0 tests, 3 benchmarks
";

    fn paths(filter: &str) -> Vec<Option<String>> {
        let filter = Regex::new(filter).unwrap();
        arguments(LIST, Some(&filter))
            .into_iter()
            .map(|arguments| arguments.get(1).cloned())
            .collect()
    }

    #[test]
    fn without_a_filter_all_run_at_once() {
        assert_eq!(arguments("", None), [["--save-summary=json"]]);
        assert_eq!(paths("."), [None]);
    }

    #[test]
    fn names_match_as_gungraun_and_as_the_report_write_them() {
        for filter in ["full stack", "full_stack"] {
            let full_stack = "instructions::layers::call::full_stack".to_owned();
            assert_eq!(paths(filter), [Some(full_stack)]);
        }
        assert_eq!(paths("^(denied|fail fast)$").len(), 2);
    }

    #[test]
    fn what_matches_nothing_runs_nothing() {
        assert_eq!(paths("lookup"), []);
    }
}
