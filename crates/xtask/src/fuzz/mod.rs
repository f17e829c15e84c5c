//! `cargo xtask fuzz`.

mod statistics;
mod table;
mod target;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum as _};

use self::statistics::Statistics;
use self::table::Table;
use self::target::Target;
use self::tools::CargoFuzz;
use crate::process;
use crate::workspace::Workspace;

/// What to fuzz.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The targets, all of them if none is named
    #[arg(value_name = "TARGET")]
    targets: Vec<Target>,
    /// For how long to fuzz each target
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
}

/// Builds the chosen targets, fuzzes one after the other, and prints what came of it.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let targets = match options.targets.as_slice() {
        [] => Target::value_variants(),
        chosen => chosen,
    };
    let cargo_fuzz = CargoFuzz::locate(workspace)?;
    let dirs = Dirs::of(workspace);
    let mut table = Table::default();
    for target in targets {
        let name = target.name();
        eprintln!("\n== {name}");
        let found = dirs.create("artifacts", &name)?;
        let before = inputs(&found)?;
        let mut run =
            cargo_fuzz.command(&["run", "--sanitizer", "none"], &target.package(workspace));
        run.arg(&name)
            // What it comes upon goes into the first.
            .arg(dirs.create("corpus", &name)?)
            .arg(target.kept(workspace))
            .arg("--")
            .arg(format!("-max_total_time={}", options.minutes * 60))
            .arg(format!("-artifact_prefix={}/", found.display()))
            .args(LIMITS);
        let log = dirs.create("logs", "")?.join(format!("{name}.log"));
        let output =
            fs::File::create(&log).with_context(|| format!("can't write {}", log.display()))?;
        eprintln!(
            "building it, and then {} min of fuzzing; {}",
            options.minutes,
            log.display()
        );
        let status = process::run(run.stderr(output))?;
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let new: Vec<_> = inputs(&found)?
            .into_iter()
            .filter(|input| !before.contains(input))
            .collect();
        table.add(name, Statistics::read(&text), status.success(), new);
    }
    println!("{table}");
    Ok(if table.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Past these an input is a finding: memory in MiB, and seconds.
const LIMITS: [&str; 3] = ["-rss_limit_mb=2048", "-timeout=20", "-print_final_stats=1"];

/// What a run leaves, below `target/fuzz`.
struct Dirs(PathBuf);

impl Dirs {
    fn of(workspace: &Workspace) -> Self {
        Self(workspace.in_target_dir("fuzz"))
    }

    fn create(&self, what: &str, target: &str) -> Result<PathBuf> {
        let dir = self.0.join(what).join(target);
        fs::create_dir_all(&dir).with_context(|| format!("can't create {}", dir.display()))?;
        Ok(dir)
    }
}

/// The files of a directory.
fn inputs(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("can't read {}", dir.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}
