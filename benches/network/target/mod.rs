//! The targets, in a process of their own: what a provider does that is written with upstream's
//! crates, and the same over the own transport.

mod echo;
mod plain;
mod streams;

use tokio::task::JoinSet;
use wrpc_middleware::nats::{ConnectOptions, Options};

use crate::peers::{OWN_TARGET, UPSTREAM_TARGET};
use wrpc_middleware_testing::nats::{connect, round_trip};
use wrpc_middleware_testing::process::{Process, say};

pub(crate) use self::echo::{ANSWER, ECHO, PLAIN, THE_ANSWER};
pub(crate) use self::plain::{RAW, RAW_SINK, RAW_SOURCE};
pub(crate) use self::streams::{SINK, SOURCE, STALL, STALL_LEN};

/// The role of the process.
pub(crate) const ROLE: &str = "target";

/// Starts the process and waits until it serves.
pub(crate) async fn start(url: &str) -> Process {
    let mut process = Process::start(ROLE, &[url]);
    process.says("ready").await;
    process
}

/// Serves until the process ends. Every call runs in a task of its own.
pub(crate) async fn serve(url: &str) -> anyhow::Result<()> {
    let mut served = JoinSet::new();

    let nats = connect(url).await;
    let group = Some(UPSTREAM_TARGET.into());
    let upstream = wrpc_transport_nats::Client::new(nats.clone(), UPSTREAM_TARGET, group).await?;
    echo::serve(&upstream, &mut served).await?;
    streams::serve(&upstream, &mut served).await?;

    let options = Options::new().id(OWN_TARGET);
    let own = wrpc_middleware::nats::connect(ConnectOptions::new(url).client(options)).await?;
    echo::serve(&own, &mut served).await?;
    streams::serve(&own, &mut served).await?;

    plain::serve(&nats, &mut served).await?;

    round_trip(&nats).await;
    say("ready");
    served.join_all().await;
    Ok(())
}
