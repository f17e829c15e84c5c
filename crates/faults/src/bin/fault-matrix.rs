//! The fault matrix: the harness, and the processes that it starts of itself.

use std::process::ExitCode;

use clap::Parser;
use wrpc_middleware_faults::{caller, matrix, target};

/// Every fault in every phase of a call
#[derive(Debug, Parser)]
enum Command {
    /// Play the matrix
    Run(matrix::Args),
    /// Be the caller of a cell
    #[command(hide = true)]
    Caller(caller::Args),
    /// Be the target of a cell
    #[command(hide = true)]
    Target(target::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Command::parse() {
        Command::Run(args) => run(&args).await,
        Command::Caller(args) => caller::run(&args).await.map(|()| true),
        Command::Target(args) => target::run(&args).await.map(|()| true),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(args: &matrix::Args) -> anyhow::Result<bool> {
    matrix::run(&std::env::current_exe()?, args).await
}
