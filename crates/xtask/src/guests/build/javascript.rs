//! JavaScript: `componentize-js` from npm, in the versions of the example's package-lock.json.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Missing, Places, installed, versioned};
use crate::process;

const MANIFESTS: [&str; 2] = ["package.json", "package-lock.json"];

/// What the oldest supported release of Node.js calls itself.
const MAJOR: u32 = 20;

pub(super) fn build(places: &Places) -> Result<()> {
    node()?;
    let lock = places.sources.join("package-lock.json");
    let lock =
        fs::read_to_string(&lock).with_context(|| format!("can't read {}", lock.display()))?;
    let tools = installed(
        &places.tools,
        &versioned("componentize-js", &lock),
        |staging| {
            for manifest in MANIFESTS {
                fs::copy(places.sources.join(manifest), staging.join(manifest))?;
            }
            // Nothing here needs a script to run when it is installed.
            process::capture(
                Command::new("npm")
                    .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                    .current_dir(staging),
            )?;
            Ok(())
        },
    )?;
    process::capture(
        Command::new("node")
            .arg(tools.join("node_modules/@bytecodealliance/componentize-js/src/cli.js"))
            .arg("--wit")
            .arg(&places.wit)
            .args(["--world-name", "welcome", "--out"])
            .arg(&places.component)
            .arg("app.js")
            .current_dir(&places.sources),
    )
    .map(drop)
}

/// Checks that there is a Node.js that is new enough, and npm.
fn node() -> Result<()> {
    let missing = |what: String| {
        Missing(format!(
            "{what}; the JavaScript guest needs Node.js {MAJOR} or later with npm \
             (https://nodejs.org/download)"
        ))
    };
    let version = process::capture(Command::new("node").arg("--version"))
        .map_err(|error| missing(error.to_string()))?;
    let version = version.trim();
    if major(version).is_none_or(|major| major < MAJOR) {
        return Err(missing(format!("this Node.js is {version}")).into());
    }
    process::capture(Command::new("npm").arg("--version"))
        .map_err(|error| missing(error.to_string()))?;
    Ok(())
}

/// The first number of a version such as `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_the_first_number() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v8"), Some(8));
        assert_eq!(major("20.1"), None);
        assert_eq!(major(""), None);
    }
}
