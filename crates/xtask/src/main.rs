//! Setup and checks that cargo can't do alone; run as `cargo xtask COMMAND`.
//!
//! Some things need more than cargo here: a NATS server, which is installed on first use; the
//! list of checks that a change has to pass, which is the same on a laptop and in CI; the report
//! that is made of all benches; the guests that are not written in Rust alone; the fuzzers, which
//! need another toolchain; the orders in which threads may go on; and the faults, of which the tests play a selection, with the runs of a
//! million calls while things break.

mod audit;
mod bench;
mod demo;
mod faults;
mod features;
mod fuzz;
mod guests;
mod interleavings;
mod nats_server;
mod outcome;
mod process;
mod selection;
mod soak;
mod steps;
mod summary;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::workspace::Workspace;

/// Setup and checks of this repository
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    /// Make a million calls while what they run on breaks, and hold what callers were told against
    /// what targets ran
    ///
    /// Processes of callers and targets, on a NATS server of their own. Prints the seed that it
    /// can be repeated by, writes target/audit/report.md, and ends with 1 if something does not
    /// hold.
    Audit(audit::Options),
    /// Measure what the stack costs, and write target/bench/report.md
    ///
    /// Runs all benches one after the other, on a NATS server of their own. A bench that fails
    /// does not keep the others from running; the exit code is that of the first that did.
    Bench(bench::Options),
    /// Watch every failure of a call happen for real, and what the component gets
    ///
    /// Builds `wrpc-host` and runs `wrpc-host demo` on a NATS server of its own.
    Demo(demo::Options),
    /// Play every fault in every phase of a call, and write target/faults/report.md
    ///
    /// NATS, the target and the caller are processes of their own, which are killed, stopped and
    /// cut off from each other. The exit code is 1 if a call did not end as it must.
    Faults(faults::Options),
    /// Search for bytes that a peer, a broker, a guest or a file must not get away with
    ///
    /// Fetches the tools that it lacks: cargo-fuzz below target/, a nightly toolchain by rustup.
    /// Ends with 1 if it has found something; see docs/FUZZING.md for what to do then.
    Fuzz(fuzz::Options),
    /// Build the example guests in Rust, JavaScript and Python, and see how each takes every failure
    ///
    /// Fetches the tools that it lacks below target/, and puts the components into target/guests/.
    Guests(guests::Options),
    /// Try the orders in which threads may come to what they share
    ///
    /// The tests of the half-open probe, of the demultiplexer and of what the broker refused, by
    /// Shuttle. A test that fails prints the order in which it did.
    Interleavings(interleavings::Options),
    /// Make calls for an hour while what they run on breaks, and count back in quiet moments what
    /// they take
    ///
    /// Says each minute how it goes, writes target/soak/report.md, and ends with 1 if something is
    /// left behind, grows, or does not hold.
    Soak(soak::Options),
    /// Run every check that a change has to pass
    ///
    /// Stops at the first step that fails, with that step's exit code.
    Test(test::Options),
    /// Print the path of the NATS server that tests, benches and the demo use, installing it if need be
    ///
    /// To run one test by itself: `NATS_SERVER=$(cargo xtask nats-server) cargo test NAME`.
    NatsServer,
}

fn main() -> ExitCode {
    run(&Command::parse()).unwrap_or_else(|error| match error.downcast::<clap::Error>() {
        // Arguments that are wrong in a way that only the command itself could tell.
        Ok(usage) => usage.exit(),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    })
}

fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::this()?;
    match command {
        Command::Audit(options) => audit::run(&workspace, options),
        Command::Bench(options) => bench::run(&workspace, options),
        Command::Demo(options) => demo::run(&workspace, options),
        Command::Faults(options) => faults::run(&workspace, options),
        Command::Fuzz(options) => fuzz::run(&workspace, options),
        Command::Guests(options) => guests::run(&workspace, options),
        Command::Interleavings(options) => interleavings::run(&workspace, options),
        Command::Soak(options) => soak::run(&workspace, options),
        Command::Test(options) => test::run(&workspace, options),
        Command::NatsServer => {
            println!("{}", nats_server::locate(&workspace.tools_dir())?.display());
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Command::command().debug_assert();
    }
}
