//! `wrpc-host completions`.

use clap::CommandFactory as _;

use super::print;
use crate::cli::{Cli, CompletionsArgs};
use crate::error::{Error, Exit};

/// Prints what the shell has to read to complete the arguments of the program.
///
/// # Errors
///
/// Stdout can't be written to.
pub fn completions(args: &CompletionsArgs) -> Result<Exit, Error> {
    let mut text = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut text);
    print(&text)
}
