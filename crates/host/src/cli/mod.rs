//! The command line.

mod help;
mod http;
mod links;
mod shell;
mod top;

use core::net::SocketAddr;
use core::num::NonZeroUsize;
use core::time::Duration;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use wrpc_middleware::runtime::Limits;

pub use self::http::HttpArgs;
pub use self::links::{
    ExportArgs, ImportArgs, InitArgs, LinksArgs, LinksCommand, ListArgs, Output, PermissionsArgs,
    PlaceArgs, PutArgs, RemoveArgs, WatchArgs,
};
pub use self::shell::{CompletionsArgs, ManArgs};
pub use self::top::{TopArgs, TopOutput};
use crate::connect::NatsArgs;
use crate::id::Id;
use crate::links::LinksArg;
use crate::wave::Expression;

/// Serve and call WebAssembly components over wRPC and NATS.
///
/// A call of a component to another goes over NATS. Whatever keeps it from being answered (no link,
/// no target, a late answer, a lost connection) reaches a component that declares `result<T,
/// rpc-error>` as a value, and traps one that does not.
#[derive(Parser, Debug)]
#[command(name = "wrpc-host", version, after_help = help::PROGRAM)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Serve every function that a component exports
    #[command(long_about = help::SERVE)]
    Serve(ServeArgs),
    /// Serve a component that answers HTTP requests
    #[command(long_about = help::HTTP)]
    Http(HttpArgs),
    /// Call one function of a component that runs in this process
    #[command(long_about = help::CALL)]
    Call(CallArgs),
    /// Manage who may call whom
    #[command(long_about = help::LINKS)]
    Links(LinksArgs),
    /// Watch what hosts measure: calls, latencies, errors by case, targets
    #[command(long_about = help::TOP)]
    Top(TopArgs),
    /// See every failure of a call happen, for real, in a few seconds
    #[command(long_about = help::DEMO)]
    Demo(DemoArgs),
    /// Print what a shell needs to complete arguments
    #[command(long_about = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print a manual page
    #[command(long_about = help::MAN)]
    Man(ManArgs),
}

/// Options of a component, whether it is served or called.
#[derive(Args, Clone, Debug)]
pub struct ComponentArgs {
    /// Id of this component: the source of its links, and the subject that it is served under
    #[arg(long)]
    pub id: Id,
    /// Namespace of ids: a component is served under the subject prefix LATTICE.ID
    #[arg(long, default_value = "default")]
    pub lattice: Id,
    /// Who may call whom: a links file (TOML), or a NATS key-value bucket, whose changes count at once
    /// (see `wrpc-host links`). Without it every call is denied
    #[arg(long, value_name = "FILE|kv://BUCKET")]
    pub links: Option<LinksArg>,
    /// For how long the links of a bucket count after they were last seen to be what the bucket
    /// has: a host that is cut off for longer denies every call [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = links::max_age)]
    pub links_max_age: Option<Duration>,
    /// Deadline of each call that the component makes
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub timeout: Duration,
    /// How long a target has to take a call before it counts as unavailable
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration)]
    pub handshake_timeout: Duration,
    /// Longest silence of a byte stream (`input-stream`) of a call. Frees streams from --timeout,
    /// which otherwise cuts them off [default: no such bound]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub stream_idle: Option<Duration>,
    /// How long a call waits for a lost connection to NATS to come back
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = wait)]
    pub reconnect_wait: Duration,
    /// After how long a silence of the target of a call NATS is asked whether it is still connected;
    /// 0s: never. One that is gone fails its calls within twice this
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = wait)]
    pub keepalive: Duration,
    /// Largest parameters or results to take from a peer, encoded, without byte streams
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().bytes)]
    pub max_value_bytes: usize,
    /// Most values in them: list elements, record fields, payloads. One can take 100 bytes of
    /// memory, a byte of a list takes 40
    #[arg(long, value_name = "N", default_value_t = Limits::default().elements)]
    pub max_value_elements: usize,
    /// Address to serve metrics at, as /metrics for Prometheus and `wrpc-host top`, and /healthz;
    /// port 0 takes any free one [default: nowhere]
    #[arg(long, value_name = "IP:PORT", value_parser = http::address)]
    pub metrics: Option<SocketAddr>,
    /// The component, binary or text; its WASI has clocks, random numbers and stderr, but no
    /// files, network, environment or arguments
    pub component: PathBuf,
}

/// What to serve, and how.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Options of the component.
    #[command(flatten)]
    pub component: ComponentArgs,
    /// How long running calls may go on after a signal to stop
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = wait)]
    pub grace: Duration,
    /// How long a caller may send nothing while its parameters are incomplete
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub params_timeout: Duration,
    /// Longest that a call may run here, whatever its caller's deadline is [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub max_duration: Option<Duration>,
    /// How many calls may run here at a time; one more is refused at once, as `overloaded`, `not-sent`
    /// [default: no limit]
    #[arg(long, value_name = "N")]
    pub max_calls: Option<NonZeroUsize>,
    /// Where NATS is and who asks. Last, or its heading would be that of what follows.
    #[command(flatten)]
    pub nats: NatsArgs,
}

/// What to call, and how often.
#[derive(Args, Clone, Debug)]
pub struct CallArgs {
    /// Options of the component.
    #[command(flatten)]
    pub component: ComponentArgs,
    /// Call this many times, in one process and over one connection, each in a new instance. Each
    /// call prints one line; a failed call does not end the repetition; the exit code is that of
    /// the last call
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub repeat: u64,
    /// Time from the start of one call to the start of the next
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = wait)]
    pub interval: Duration,
    /// The call, as in 'greet("bob")'
    #[arg(value_name = "FUNC(ARGS)")]
    pub call: Expression,
    /// Where NATS is and who asks. Last, or its heading would be that of what follows.
    #[command(flatten)]
    pub nats: NatsArgs,
}

/// What the demonstration needs.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// The program nats-server [default: the one in PATH]
    #[arg(long, value_name = "FILE", env = "NATS_SERVER")]
    pub nats_server: Option<PathBuf>,
}

/// Longer ones are a typing error, and could overflow a point in time.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// A duration that may be zero.
fn wait(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a number and a unit, as in 500ms, 2s or 1m"))?;
    if duration > LONGEST {
        return Err("more than a year".into());
    }
    Ok(duration)
}

/// A duration that may not be zero.
fn duration(text: &str) -> Result<Duration, String> {
    match wait(text)? {
        Duration::ZERO => Err("nothing can be done in no time".into()),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_have_bounds() {
        assert_eq!(wait("0s"), Ok(Duration::ZERO));
        assert_eq!(wait("0"), Ok(Duration::ZERO));
        assert_eq!(duration("1m 2s"), Ok(Duration::from_secs(62)));
        assert!(duration("0s").is_err());
        assert!(wait("2years").is_err());
        assert!(wait("99999999999999999999s").is_err());
        assert!(wait("5").unwrap_err().contains("500ms"));
    }
}
