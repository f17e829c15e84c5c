//! The caller: a process that makes the calls it is told to make, and says how they end.

mod call;

use core::time::Duration;

use anyhow::Context as _;
use async_nats::HeaderMap;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::Layer as _;
use wrpc_middleware_nats::Options;
use wrpc_middleware_testing::process::hear;
use wrpc_middleware_transport::link::{Link, LinkTable};
use wrpc_middleware_transport::nats::NatsTransport;
use wrpc_middleware_transport::{Stack, Target, Transport};

use self::call::Callable;
use crate::connect;
use crate::speech::{Counts, Ended, Said, Told};
use crate::work::{self, Gates};

/// How long a call may take.
pub const TIMEOUT: Duration = Duration::from_secs(3);

/// How long the target may take to accept a call.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_millis(1500);

/// The component that calls.
const SOURCE: &str = "caller";

/// What calls are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Client {
    /// The stack over our own transport
    Own,
    /// The stack over upstream's client
    Upstream,
    /// Upstream's client as it is, without the stack
    Bare,
}

impl Client {
    /// Its name, as an argument.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Upstream => "upstream",
            Self::Bare => "bare",
        }
    }
}

/// How the caller calls.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The servers, the first one preferred
    #[arg(long, value_delimiter = ',', required = true)]
    servers: Vec<String>,
    /// What calls are made with
    #[arg(long, value_enum, default_value = "own")]
    client: Client,
}

/// Makes calls until the harness ends.
///
/// # Errors
///
/// The servers can't be reached, or what is told is not understood.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let told = hear();
    match args.client {
        Client::Own => {
            let client = connect::own(&args.servers, Options::new().id(SOURCE)).await?;
            let service = stack()?.layer(client.clone());
            make_calls(told, service, || {
                Counts::of(client.calls(), client.buffered())
            })
            .await
        }
        Client::Upstream => {
            let nats = connect::upstream(&args.servers).await?;
            let service = stack()?.layer(NatsTransport::builder(nats).build());
            make_calls(told, service, || Counts::of(0, 0)).await
        }
        Client::Bare => {
            let nats = connect::upstream(&args.servers).await?;
            let client = wrpc_transport_nats::Client::new(nats, work::TARGET, None).await?;
            make_calls(told, Transport::new(client), || Counts::of(0, 0)).await
        }
    }
}

/// See [`timeout`].
type Timeouts = fn(&str, &str) -> Duration;

/// How long a call of `func` may take: those that only make trouble for others wait until it is
/// there.
fn timeout(_instance: &str, func: &str) -> Duration {
    match func {
        work::FLOOD | work::SWALLOW | work::OCCUPY => 10 * TIMEOUT,
        _ => TIMEOUT,
    }
}

/// The whole stack, with a link to all functions but one.
fn stack() -> anyhow::Result<Stack<LinkTable, Timeouts>> {
    let functions = work::FUNCTIONS.into_iter();
    let link = Link::new(SOURCE, Target::new(work::TARGET)?, work::INTERFACE.parse()?)
        .with_functions(functions.filter(|func| *func != work::FORBIDDEN));
    Ok(Stack::new(LinkTable::new([link])?)
        .timeout(timeout as Timeouts)
        .handshake_timeout(HANDSHAKE_TIMEOUT)
        .source(SOURCE))
}

/// Makes the calls that it is told to make, each in a task of its own.
async fn make_calls(
    mut told: UnboundedReceiver<String>,
    service: impl Callable<Option<HeaderMap>>,
    count: impl Fn() -> Counts,
) -> anyhow::Result<()> {
    let gates = Gates::default();
    let mut calls = JoinSet::new();
    Said::Ready.say();
    while let Some(line) = told.recv().await {
        match Told::parse(&line).with_context(|| format!("told `{line}`"))? {
            Told::Call { id, func } => {
                let (service, gates) = (service.clone(), gates.clone());
                calls.spawn(async move {
                    let start = Instant::now();
                    let ended = call::make(service, &gates, &id, &func).await;
                    let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                    let (outcome, message) = match ended {
                        Ok(true) => ("ok".into(), String::new()),
                        Ok(false) => (
                            "wrong".into(),
                            "what arrived before the end is not the right answer".into(),
                        ),
                        Err(error) => (
                            format!("{}/{}", error.kind(), error.delivery()),
                            error.to_string(),
                        ),
                    };
                    Said::Ended(Ended {
                        id,
                        outcome,
                        message,
                        millis,
                    })
                    .say();
                });
            }
            Told::Go { func } => gates.open(func),
            Told::Count => {
                while calls.try_join_next().is_some() {}
                Said::Counted(count()).say();
            }
        }
    }
    Ok(())
}
