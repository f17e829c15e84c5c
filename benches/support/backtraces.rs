//! Backtraces, of which a call that fails would capture one.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::Context as _;

/// Starts this program anew where the environment asks for backtraces: `Invoke::invoke` fails with
/// an `anyhow::Error`, and to capture its backtrace costs ten times what is to be measured. Those
/// of panics stay.
///
/// # Errors
///
/// The program can't be started.
pub fn disable() -> anyhow::Result<()> {
    if Backtrace::capture().status() == BacktraceStatus::Disabled {
        return Ok(());
    }
    let error = Command::new(std::env::current_exe().context("find this program")?)
        .args(std::env::args_os().skip(1))
        .env("RUST_LIB_BACKTRACE", "0")
        .exec();
    Err(error).context("start this program without backtraces")
}
