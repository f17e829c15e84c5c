//! cargo-fuzz, and the nightly toolchain that it needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process;
use crate::workspace::Workspace;

const PROGRAM: &str = "cargo-fuzz";
const VERSION: &str = "0.13.2";

/// Its flags for coverage are not stable.
const TOOLCHAIN: &str = "nightly";

/// The installed program.
#[derive(Debug)]
pub(super) struct CargoFuzz {
    program: PathBuf,
    target_dir: PathBuf,
}

impl CargoFuzz {
    /// Finds both, and installs what is missing: cargo-fuzz among the tools, the toolchain by rustup.
    ///
    /// # Errors
    ///
    /// When one can't be installed.
    pub(super) fn locate(workspace: &Workspace) -> Result<Self> {
        let toolchains = process::capture(Command::new("rustup").args(["toolchain", "list"]))
            .context("rustup is needed for a nightly toolchain; see https://rustup.rs")?;
        if !toolchains.lines().any(|line| line.starts_with(TOOLCHAIN)) {
            eprintln!("installing the toolchain {TOOLCHAIN}");
            let mut rustup = Command::new("rustup");
            rustup.args(["toolchain", "install", TOOLCHAIN, "--profile", "minimal"]);
            let installed = process::run(&mut rustup)?;
            ensure!(
                installed.success(),
                "can't install the toolchain {TOOLCHAIN}"
            );
        }
        let root = workspace.tools_dir().join(format!("{PROGRAM}-{VERSION}"));
        let program = root
            .join("bin")
            .join(PROGRAM)
            .with_extension(std::env::consts::EXE_EXTENSION);
        if !program.is_file() {
            eprintln!("installing {PROGRAM} {VERSION} (this takes a minute, once)");
            let installed = process::run(
                workspace
                    .cargo(&["install", "--quiet", "--locked", "--version", VERSION])
                    .arg("--root")
                    .arg(&root)
                    .arg(PROGRAM),
            )?;
            ensure!(
                installed.success() && program.is_file(),
                "can't install {PROGRAM} {VERSION}"
            );
        }
        Ok(Self {
            program,
            target_dir: workspace.in_target_dir("fuzz"),
        })
    }

    /// `cargo fuzz` with `args`, in the nightly toolchain, on a package.
    pub(super) fn command(&self, args: &[&str], package: &Path) -> Command {
        let mut command = Command::new("rustup");
        command
            .args(["run", TOOLCHAIN])
            .arg(&self.program)
            .arg("fuzz")
            .args(args)
            .arg("--fuzz-dir")
            .arg(package)
            .arg("--target-dir")
            .arg(&self.target_dir)
            // That of another toolchain.
            .env_remove("CARGO")
            .env_remove("RUSTUP_TOOLCHAIN");
        command
    }
}
