//! The checks that a change has to pass, each one a step of `cargo xtask test`.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use clap::ValueEnum;

use crate::outcome::{Failure, Outcome, pass};
use crate::workspace::Workspace;
use crate::{features, guests, interleavings, nats_server, process};

/// A step; in the order of their declaration, so that what is cheap fails first.
///
/// Steps that build use the whole workspace with default features where they can, so that what one
/// of them built the next one need not build again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Formatting
    Fmt,
    /// Licences, sources and bans of dependencies; skipped where cargo-deny is not installed
    Deny,
    /// Lints of all targets, warnings are errors
    Clippy,
    /// Documentation builds without warnings
    Doc,
    /// The layers alone, with NATS only, with Wasmtime only
    Features,
    /// Unit tests, end-to-end tests and the examples in the documentation
    Test,
    /// What threads share, in the orders in which they may come to it
    Interleavings,
    /// The example guests in Rust, JavaScript and Python; those that can't be built here are passed
    /// over, but not in CI
    Guests,
}

impl Step {
    /// Whether it starts NATS servers.
    pub(crate) fn needs_nats_server(self) -> bool {
        matches!(self, Self::Test | Self::Guests)
    }

    /// Runs the step; `nats_server` is the executable for a step that needs one.
    ///
    /// # Errors
    ///
    /// The first check that failed, or could not be made.
    pub(crate) fn run(
        self,
        workspace: &Workspace,
        nats_server: Option<&Path>,
    ) -> Result<Outcome, Failure> {
        let cargo = |args: &[&str]| workspace.cargo(args);
        match self {
            Self::Fmt => {
                require(workspace, "fmt", "rustfmt")?;
                pass(&mut cargo(&["fmt", "--all", "--check"]))?;
            }
            Self::Deny => {
                if process::capture(&mut cargo(&["deny", "--version"])).is_err() {
                    return Ok(Outcome::Skipped(
                        "cargo-deny is not installed (cargo install --locked cargo-deny)".into(),
                    ));
                }
                // Advisories need a database from the network, and change without this
                // repository changing.
                pass(&mut cargo(&[
                    "deny",
                    "--offline",
                    "check",
                    "--hide-inclusion-graph",
                    "licenses",
                    "bans",
                    "sources",
                ]))?;
            }
            Self::Clippy => {
                require(workspace, "clippy", "clippy")?;
                pass(cargo(&["clippy", "--workspace", "--all-targets"]).args(DENY_WARNINGS))?;
            }
            Self::Doc => {
                // Examples make cargo select the same features of dependencies as for tests.
                pass(
                    cargo(&["doc", "--workspace", "--no-deps"])
                        .args(["--lib", "--examples"])
                        .env("RUSTDOCFLAGS", "-D warnings"),
                )?;
            }
            Self::Features => {
                require(workspace, "clippy", "clippy")?;
                for selection in features::SELECTIONS {
                    selection.check_tree(workspace)?;
                }
                for selection in features::SELECTIONS {
                    // Lints too: code that is dead in one selection only.
                    pass(
                        cargo(&["clippy", "--package", features::PACKAGE])
                            .args(["--no-default-features", "--features", selection.features])
                            .args(DENY_WARNINGS),
                    )?;
                }
            }
            Self::Test => {
                let mut test = cargo(&["test", "--workspace", "--no-fail-fast"]);
                if let Some(nats_server) = nats_server {
                    test.env(nats_server::VARIABLE, nats_server);
                }
                pass(&mut test)?;
            }
            Self::Interleavings => pass(&mut interleavings::tests(workspace, None))?,
            Self::Guests => {
                let nats_server = nats_server.context("no NATS server")?;
                return guests::check(workspace, nats_server);
            }
        }
        Ok(Outcome::Passed)
    }
}

const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];

/// Checks that `cargo SUBCOMMAND` is there.
fn require(workspace: &Workspace, subcommand: &str, component: &str) -> Result<(), Failure> {
    process::capture(&mut workspace.cargo(&[subcommand, "--version"]))
        .map(drop)
        .map_err(|_| {
            anyhow!(
                "cargo {subcommand} is not installed; with rustup: rustup component add \
                 {component}; otherwise install your distribution's package for it"
            )
            .into()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_component_is_named_with_what_to_do() {
        let failure =
            require(&Workspace::this().unwrap(), "no-such-subcommand", "thing").unwrap_err();
        let reason = failure.reason.unwrap().to_string();
        assert!(reason.contains("rustup component add thing"), "{reason}");
    }
}
