//! The program `wrpc-host`.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;
use wrpc_host::cli::{Cli, Command};
use wrpc_host::engine::EVENT_INTERVAL;
use wrpc_host::error::{Error, Exit, report};
use wrpc_host::terminal::has_colour;
use wrpc_host::{call, demo, http, links_command, serve, shell, top};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let default = match cli.command {
        // The demonstration breaks things on purpose, and `top` has the terminal to itself.
        Command::Demo(_) | Command::Top(_) | Command::Completions(_) | Command::Man(_) => "off",
        // What the NATS client has to say reaches us as events and errors, too.
        Command::Serve(_) | Command::Http(_) | Command::Call(_) | Command::Links(_) => {
            "warn,async_nats=off"
        }
    };
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| default.into());
    let filter = EnvFilter::builder().parse_lossy(filter);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(has_colour(&std::io::stderr()))
        .log_internal_errors(false)
        .init();
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // Not `eprintln`, which panics if stderr is closed.
            let _ = writeln!(std::io::stderr(), "error: {}", report(&error));
            error.exit().into()
        }
    }
}

fn run(cli: Cli) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build()
        .map_err(|source| Error::Run {
            what: "can't start the asynchronous runtime",
            source,
        })?;
    let exit = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve::run(args).await,
            Command::Http(args) => http::run(args).await,
            Command::Call(args) => call::run(args).await,
            Command::Links(args) => links_command::run(args).await,
            Command::Top(args) => top::run(args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Completions(args) => shell::completions(&args),
            Command::Man(args) => shell::man(&args),
        }
    });
    // What still runs is the client's or a guest's and is of no use any more.
    runtime.shutdown_background();
    exit
}
