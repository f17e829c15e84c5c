//! The arguments of `wrpc-host completions` and `wrpc-host man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Which shell.
#[derive(Args, Clone, Debug)]
pub struct CompletionsArgs {
    /// The shell that is to complete
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Which page.
#[derive(Args, Clone, Debug)]
pub struct ManArgs {
    /// The command whose page is printed, as in `links put` [default: the program itself]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub command: Vec<String>,
    /// Write the page of each command into this directory
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
}
