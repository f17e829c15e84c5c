//! Python: `componentize-py` in the version of the example's requirements.txt.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Missing, Places, installed, versioned};
use crate::process;

pub(super) fn build(places: &Places) -> Result<()> {
    process::capture(python().args(PIP).arg("--version")).map_err(|error| {
        Missing(format!(
            "{error:#}; the Python guest needs Python 3.9 or later with pip (Debian and Ubuntu: \
             apt install python3-pip)"
        ))
    })?;
    let requirements = places.sources.join("requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("can't read {}", requirements.display()))?;
    // Not a virtual environment: its files hold their own path, so it can't be moved into place.
    let packages = installed(
        &places.tools,
        &versioned("componentize-py", &wanted),
        |staging| {
            let mut install = python();
            install
                .args(PIP)
                .args(["install", "--quiet", "--disable-pip-version-check"])
                .args(["--require-hashes", "--only-binary", ":all:"])
                .arg("--requirement")
                .arg(&requirements)
                .arg("--target")
                .arg(staging)
                // These would contradict `--target`.
                .env("PIP_USER", "0")
                .env("PIP_REQUIRE_VIRTUALENV", "0");
            process::capture(&mut install).map(drop)
        },
    )?;
    process::capture(
        python()
            .env("PYTHONPATH", &packages)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(packages.join("bin").join("componentize-py"))
            .args(["--quiet", "--world", "welcome", "--wit-path"])
            .arg(&places.wit)
            .args(["componentize", "app", "--output"])
            .arg(&places.component)
            .current_dir(&places.sources),
    )
    .map(drop)
}

const PIP: [&str; 2] = ["-m", "pip"];

fn python() -> Command {
    Command::new("python3")
}
