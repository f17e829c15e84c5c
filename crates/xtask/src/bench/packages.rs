//! The versions of what the workspace is built from.

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::process;
use crate::workspace::Workspace;

/// The packages in the lock file.
#[derive(Debug, Deserialize)]
pub(super) struct Packages {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
}

impl Packages {
    /// Asks cargo for them.
    ///
    /// # Errors
    ///
    /// When the lock file does not fit the manifests, for example.
    pub(super) fn of(workspace: &Workspace) -> Result<Self> {
        let metadata = process::capture(&mut workspace.cargo(&[
            "metadata",
            "--locked",
            "--format-version",
            "1",
        ]))?;
        Self::parse(&metadata)
    }

    fn parse(metadata: &str) -> Result<Self> {
        serde_json::from_str(metadata).context("cargo metadata says something unknown")
    }

    /// The version of a package; the first, if there are several.
    pub(super) fn version(&self, name: &str) -> Option<&str> {
        self.packages
            .iter()
            .find(|package| package.name == name)
            .map(|package| package.version.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let packages = Packages::of(&Workspace::this().unwrap()).unwrap();
        assert_eq!(
            packages.version("xtask"),
            Some(env!("CARGO_PKG_VERSION")),
            "this package"
        );
        assert_eq!(packages.version("no-such-package"), None);
    }

    #[test]
    fn something_else_is_refused() {
        assert!(Packages::parse("{}").is_err());
    }
}
