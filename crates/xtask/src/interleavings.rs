//! `cargo xtask interleavings`.

use std::env;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Args, value_parser};

use crate::process;
use crate::workspace::Workspace;

/// How many orders to try, or which.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many orders to try for each test, 5000 if this is not given
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(2..))]
    orders: Option<u32>,
    /// Play one order again, which a test that failed has printed
    #[arg(
        long,
        value_name = "SCHEDULE",
        conflicts_with = "orders",
        requires = "test"
    )]
    again: Option<String>,
    /// The test, all of them if none is named
    test: Option<String>,
}

/// Has Shuttle decide in which order threads go on, in the tests of what is shared between them.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let mut tests = tests(workspace, options.test.as_deref());
    if let Some(orders) = options.orders {
        tests.env("WRPC_INTERLEAVINGS", orders.to_string());
    }
    if let Some(schedule) = &options.again {
        tests.env("WRPC_INTERLEAVING", schedule);
    }
    let passed = process::run(&mut tests)?.success();
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The modules with such tests.
const ALL: &str = "races::";

/// `cargo test` of what threads share, with Shuttle in place of `std::sync`.
pub(crate) fn tests(workspace: &Workspace, name: Option<&str>) -> Command {
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    let mut cargo = workspace.cargo(&["test", "--lib", name.unwrap_or(ALL)]);
    cargo
        .args(["--package", "wrpc-middleware-transport"])
        .args(["--package", "wrpc-middleware-nats"])
        // All dependencies are built for it: these of the other tests would be built anew after it.
        .arg("--target-dir")
        .arg(workspace.in_target_dir("shuttle"))
        .env("RUSTFLAGS", format!("{flags} --cfg shuttle"))
        .env("CARGO_PROFILE_DEV_DEBUG", "false");
    cargo
}
