//! Where this repository is, and cargo in it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace that this program belongs to.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace that this program was built from.
    pub(crate) fn this() -> Self {
        let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest_dir.ancestors().nth(2).unwrap_or(manifest_dir);
        Self { root: root.into() }
    }

    /// Where programs that this one installs go: below the target directory, so that
    /// `cargo clean` removes them too.
    pub(crate) fn tools_dir(&self) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |dir| self.root.join(dir))
            .join("tools")
    }

    /// The cargo that started this program, with `args`, at the root of the workspace.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(args).current_dir(&self.root);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::Workspace;

    #[test]
    fn the_root_holds_the_workspace_manifest() {
        let manifest = Workspace::this().root.join("Cargo.toml");
        let text = std::fs::read_to_string(manifest).unwrap();
        assert!(text.contains("[workspace]"), "{text}");
    }
}
