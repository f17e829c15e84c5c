//! Where this repository is, and cargo in it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

/// The workspace that this program belongs to.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    programs: PathBuf,
}

impl Workspace {
    /// The workspace that this program was built from.
    ///
    /// # Errors
    ///
    /// When the operating system can't say where this program is.
    pub(crate) fn this() -> Result<Self> {
        let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest_dir.ancestors().nth(2).unwrap_or(manifest_dir);
        let program = env::current_exe().context("can't find this program's own file")?;
        let programs = program.parent().unwrap_or(&program);
        Ok(Self {
            root: root.into(),
            programs: programs.into(),
        })
    }

    /// A program that cargo built in the same profile as this one.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs
            .join(name)
            .with_extension(env::consts::EXE_EXTENSION)
    }

    /// The directory of the workspace's manifest.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What is in the target directory under this name, which `cargo clean` removes.
    pub(crate) fn in_target_dir(&self, name: &str) -> PathBuf {
        self.programs.with_file_name(name)
    }

    /// Where programs that this one installs go.
    pub(crate) fn tools_dir(&self) -> PathBuf {
        self.in_target_dir("tools")
    }

    /// The cargo that started this program, with `args`, at the root of the workspace.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(args).current_dir(&self.root);
        for (name, _) in env::vars_os() {
            if names_this_package(&name) {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Whether cargo has set this variable to tell this program which package it belongs to. Some
/// build scripts of dependencies watch those: passed on, they would be built anew whenever someone
/// changes between `cargo` and `cargo xtask`.
fn names_this_package(variable: &OsStr) -> bool {
    variable.to_str().is_some_and(|variable| {
        variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
    })
}

#[cfg(test)]
mod tests {
    use super::Workspace;

    #[test]
    fn cargo_does_not_learn_which_package_has_started_it() {
        let command = Workspace::this().unwrap().cargo(&[]);
        let removed: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| value.is_none().then_some(name))
            .collect();
        // `cargo test` sets it as `cargo run` does.
        assert!(removed.contains(&"CARGO_PKG_NAME".as_ref()), "{removed:?}");
        assert!(
            removed.contains(&"CARGO_MANIFEST_DIR".as_ref()),
            "{removed:?}"
        );
    }

    #[test]
    fn the_root_holds_the_workspace_manifest() {
        let manifest = Workspace::this().unwrap().root.join("Cargo.toml");
        let text = std::fs::read_to_string(manifest).unwrap();
        assert!(text.contains("[workspace]"), "{text}");
    }
}
