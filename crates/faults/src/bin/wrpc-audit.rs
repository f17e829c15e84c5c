//! `cargo xtask audit` and `cargo xtask soak`.

use core::time::Duration;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, value_parser};
use tokio::sync::mpsc::UnboundedReceiver;
use wrpc_middleware_faults::audit::faults::Cast;
use wrpc_middleware_faults::audit::stage::Settings;
use wrpc_middleware_faults::audit::{self, caller, target};
use wrpc_middleware_faults::soak;
use wrpc_middleware_testing::process::role_with_orders;

/// Calls while what they run on breaks, held against what was run
#[derive(Debug, Parser)]
enum Command {
    /// Make calls, and see whether what callers were told is what targets did
    Audit(AuditArgs),
    /// Do the same for long, and count everything back in quiet moments
    Soak(SoakArgs),
}

#[derive(Args, Debug)]
struct AuditArgs {
    /// How many calls to make, more or less
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = value_parser!(u64).range(1..))]
    calls: u64,
    /// For how long at most
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=10_000))]
    minutes: Option<u64>,
    /// How long a round is, after which is checked what was written down
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(1..=3_600))]
    round: u64,
    /// The time from one fault to the next, on average
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 700, value_parser = value_parser!(u64).range(1..=60_000))]
    gap: u64,
    /// Repeat calls that may have run: the mistake that is to be found
    #[arg(long)]
    blindly: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct SoakArgs {
    /// For how long
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    /// How long the load of a round is
    #[arg(long, value_name = "SECONDS", default_value_t = 55, value_parser = value_parser!(u64).range(1..=3_600))]
    round: u64,
    /// The time from one fault to the next, on average
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 700, value_parser = value_parser!(u64).range(1..=60_000))]
    gap: u64,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct Common {
    /// How many calls to begin in a second, at most
    #[arg(long, value_name = "CALLS", default_value_t = 4_000, value_parser = value_parser!(u32).range(1..))]
    rate: u32,
    /// How many processes call
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value_parser!(u8).range(1..))]
    callers: u8,
    /// How many calls each of them makes at a time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = value_parser!(u16).range(1..))]
    workers: u16,
    /// How many targets there are, of two processes each
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u8).range(1..))]
    targets: u8,
    /// What faults and calls are drawn by; drawn itself by default, and printed
    #[arg(long)]
    seed: Option<u64>,
    /// Where to write the report
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Common {
    fn settings(&self, blindly: bool, spares_first: bool) -> Settings {
        Settings {
            cast: Cast {
                callers: self.callers.into(),
                targets: self.targets.into(),
                members: 2,
                spares_first,
            },
            workers: self.workers,
            rate: self.rate,
            seed: self.seed.unwrap_or_else(rand::random),
            blindly,
        }
    }

    fn write(&self, report: &str) -> Result<()> {
        let Some(file) = &self.report else {
            print!("\n{report}");
            return Ok(());
        };
        if let Some(dir) = file.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(file, report).with_context(|| format!("can't write {}", file.display()))?;
        println!("report: {}", file.display());
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    if let Some((role, args, orders)) = role_with_orders() {
        play(&role, &args, orders).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_true = match Command::parse() {
        Command::Audit(args) => run_audit(&args).await?,
        Command::Soak(args) => run_soak(&args).await?,
    };
    Ok(if is_true {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What this does as one of the processes.
async fn play(role: &str, args: &[String], orders: UnboundedReceiver<String>) -> Result<()> {
    match (role, args) {
        (caller::ROLE, [config]) => caller::run(serde_json::from_str(config)?, orders).await,
        (target::ROLE, [config]) => target::run(&serde_json::from_str(config)?, orders).await,
        _ => bail!("no such role: {role:?}"),
    }
}

async fn run_audit(args: &AuditArgs) -> Result<bool> {
    let settings = args.common.settings(args.blindly, false);
    println!("seed {}", settings.seed);
    let extent = audit::Extent {
        calls: args.calls,
        time: args.minutes.map(Duration::from_mins),
        round: Duration::from_secs(args.round),
        gap: Duration::from_millis(args.gap),
    };
    let started = Instant::now();
    let audit = audit::run(settings, extent).await?;
    args.common.write(&audit::report::markdown(
        &audit,
        settings,
        started.elapsed(),
    ))?;
    Ok(audit.is_clean())
}

async fn run_soak(args: &SoakArgs) -> Result<bool> {
    let settings = args.common.settings(false, true);
    println!("seed {}", settings.seed);
    let extent = soak::Extent {
        time: Duration::from_mins(args.minutes),
        round: Duration::from_secs(args.round),
        gap: Duration::from_millis(args.gap),
    };
    let soak = soak::run(settings, extent).await?;
    args.common
        .write(&soak::report::markdown(&soak, settings))?;
    Ok(soak.is_clean())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::Command;

    #[test]
    fn the_command_line_is_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn nothing_is_no_audit() {
        for (command, option) in [
            ("audit", "--calls"),
            ("audit", "--minutes"),
            ("audit", "--round"),
            ("audit", "--rate"),
            ("audit", "--callers"),
            ("soak", "--minutes"),
        ] {
            let arguments = ["wrpc-audit", command, option, "0"];
            let error = Command::try_parse_from(arguments).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{option}");
        }
    }
}
