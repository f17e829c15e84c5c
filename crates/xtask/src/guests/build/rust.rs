//! Rust: cargo, `wit-bindgen`, and whichever WebAssembly target there is.
//!
//! | installed | how |
//! |---|---|
//! | `wasm32-wasip2` | cargo makes the component |
//! | `wasm32-unknown-unknown` | cargo makes a module, `wit-component` a component of it |
//! | neither | the same by Debian's Rust for WebAssembly ([`debian`]), where there is a Debian |

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use wit_component::ComponentEncoder;

use super::{Missing, Places, debian};
use crate::process;

const COMPONENT: &str = "wasm32-wasip2";
const MODULE: &str = "wasm32-unknown-unknown";

pub(super) fn build(places: &Places) -> Result<()> {
    let sysroot = sysroot()?;
    let has = |target: &str| {
        sysroot
            .join("lib/rustlib")
            .join(target)
            .join("lib")
            .is_dir()
    };
    if has(COMPONENT) {
        let component = cargo(places, COMPONENT, |_| Ok(()))?;
        fs::copy(&component, &places.component)
            .with_context(|| format!("can't copy {}", component.display()))?;
        return Ok(());
    }
    let module = if has(MODULE) {
        cargo(places, MODULE, |_| Ok(()))?
    } else {
        let rust = debian::rust(&places.tools).map_err(|error| {
            Missing(format!(
                "this Rust has no WebAssembly target (rustup target add {COMPONENT}), and \
                 Debian's could not be used: {error:#}"
            ))
        })?;
        let lld = lld(&sysroot)?;
        cargo(places, MODULE, |cargo| rust.configure(cargo, &lld))?
    };
    let encode = || {
        ComponentEncoder::default()
            .module(&fs::read(&module)?)?
            .validate(true)
            .encode()
    };
    let component =
        encode().with_context(|| format!("can't make a component of {}", module.display()))?;
    fs::write(&places.component, component)
        .with_context(|| format!("can't write {}", places.component.display()))
}

/// Builds for `target` and returns what came out.
fn cargo(
    places: &Places,
    target: &str,
    configure: impl FnOnce(&mut Command) -> Result<()>,
) -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--locked", "--release"])
        .args(["--target", target, "--target-dir"])
        .arg(&places.scratch)
        .current_dir(&places.sources);
    configure(&mut cargo)?;
    process::capture(&mut cargo)?;
    Ok(places.scratch.join(target).join("release/welcome.wasm"))
}

/// Where the Rust is that cargo uses here.
fn sysroot() -> Result<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = process::capture(Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(output.trim().into())
}

/// The directory of the linker for WebAssembly that rustup installs with every Rust.
fn lld(sysroot: &Path) -> Result<PathBuf> {
    let rustlib = sysroot.join("lib/rustlib");
    fs::read_dir(&rustlib)
        .with_context(|| format!("can't read {}", rustlib.display()))?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .find(|dir| dir.join("rust-lld").is_file())
        .with_context(|| format!("no rust-lld in {}", rustlib.display()))
}

/// `$NAME` with `dir` in front.
pub(super) fn prepended(name: &str, dir: &Path) -> Result<OsString> {
    let rest = std::env::var_os(name).unwrap_or_default();
    let dirs = std::iter::once(dir.to_owned()).chain(std::env::split_paths(&rest));
    std::env::join_paths(dirs.filter(|dir| !dir.as_os_str().is_empty()))
        .with_context(|| format!("can't add {} to ${name}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_comes_before_those_that_are_there() {
        let path = prepended("PATH", Path::new("/first")).unwrap();
        let dirs: Vec<_> = std::env::split_paths(&path).collect();
        assert_eq!(dirs[0], Path::new("/first"));
        assert!(dirs.len() > 1);
        let path = prepended("NO_SUCH_VARIABLE_HERE", Path::new("/only")).unwrap();
        assert_eq!(path, "/only");
    }

    #[test]
    fn the_linker_is_found_where_rustup_puts_it() {
        let sysroot = tempfile::tempdir().unwrap();
        let error = lld(sysroot.path()).unwrap_err().to_string();
        assert!(error.starts_with("can't read "), "{error}");
        let bin = sysroot.path().join("lib/rustlib/some-host/bin");
        fs::create_dir_all(&bin).unwrap();
        let error = lld(sysroot.path()).unwrap_err().to_string();
        assert!(error.starts_with("no rust-lld in "), "{error}");
        fs::write(bin.join("rust-lld"), "").unwrap();
        assert_eq!(lld(sysroot.path()).unwrap(), bin);
    }
}
