//! A Rust that builds for WebAssembly, where no target can be added to the one that is installed:
//! Debian's `rustc-web`, unpacked without being installed; needs no root.
//!
//! It comes without a standard library for WebAssembly, so cargo builds that from source too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::installed;
use super::rust::prepended;
use crate::process;

/// The packages, and what of them is needed: without the rest of `rust-web-src`, which has all of
/// LLVM in it, they take 0.4 GB and not 0.8.
const PACKAGES: [(&str, &[&str]); 5] = [
    ("libllvm19", &["./usr/lib"]),
    ("libstd-rust-web-1.85", &["./usr/lib"]),
    ("libstd-rust-web-dev", &["./usr/lib"]),
    ("rustc-web", &["./usr/bin/rustc"]),
    ("rust-web-src", &["./usr/lib", "./usr/src/*/library"]),
];

/// The unpacked packages.
pub(super) struct Rust {
    root: PathBuf,
}

/// Finds the packages below `tools`, or fetches them.
pub(super) fn rust(tools: &Path) -> Result<Rust> {
    let root = installed(tools, "rustc-web-1.85", |staging| {
        let packages = staging.join("packages");
        fs::create_dir(&packages)?;
        download(&packages)?;
        for entry in fs::read_dir(&packages)? {
            unpack(&entry?.path(), staging)?;
        }
        fs::remove_dir_all(&packages)?;
        let rust = Rust {
            root: staging.into(),
        };
        // Before it is kept: a library of the system may be missing.
        process::capture(rust.libraries(Command::new(rust.rustc()).arg("--version"))?)?;
        Ok(())
    })?;
    Ok(Rust { root })
}

impl Rust {
    /// Has `cargo` use this Rust, and the linker in `lld`.
    pub(super) fn configure(&self, cargo: &mut Command, lld: &Path) -> Result<()> {
        self.libraries(cargo)?
            .arg("-Zbuild-std=std,panic_abort")
            // For -Z in a release of Rust.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTC", self.rustc())
            .env("PATH", prepended("PATH", lld)?);
        Ok(())
    }

    fn rustc(&self) -> PathBuf {
        self.root.join("usr/bin/rustc")
    }

    fn libraries<'a>(&self, command: &'a mut Command) -> Result<&'a mut Command> {
        let mut libraries = fs::read_dir(self.root.join("usr/lib"))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|dir| dir.to_string_lossy().ends_with("-linux-gnu"));
        let dir = libraries.next().context("the packages have no libraries")?;
        Ok(command.env("LD_LIBRARY_PATH", prepended("LD_LIBRARY_PATH", &dir)?))
    }
}

fn download(dir: &Path) -> Result<()> {
    let download = || {
        let mut command = Command::new("apt-get");
        command.arg("download").current_dir(dir);
        command.args(PACKAGES.map(|(package, _)| package));
        process::capture(&mut command)
    };
    if let Err(error) = download() {
        // A fresh machine has no package lists, and only root can get them.
        process::capture(Command::new("apt-get").arg("update"))
            .map_err(|_| error.context("apt-get download failed, and update did too"))?;
        download()?;
    }
    Ok(())
}

/// Unpacks what is needed of a package.
fn unpack(package: &Path, root: &Path) -> Result<()> {
    let file = package.file_name().unwrap_or_default().to_string_lossy();
    let (_, wanted) = PACKAGES
        .into_iter()
        .find(|(name, _)| file.starts_with(&format!("{name}_")))
        .with_context(|| format!("{file} was not asked for"))?;
    let mut archive = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .context("can't start dpkg-deb")?;
    let contents = archive.stdout.take().context("dpkg-deb has no output")?;
    let extracted = Command::new("tar")
        .args(["--extract", "--wildcards", "--no-wildcards-match-slash"])
        .arg("--directory")
        .arg(root)
        .args(wanted)
        .stdin(contents)
        .status()
        .context("can't start tar")?;
    let read = archive.wait().context("can't wait for dpkg-deb")?;
    if !(extracted.success() && read.success()) {
        bail!("can't unpack {file}: dpkg-deb ended with {read}, tar with {extracted}");
    }
    Ok(())
}
