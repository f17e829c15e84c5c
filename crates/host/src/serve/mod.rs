//! `wrpc-host serve`.

mod drain;

use core::time::Duration;
use std::io::Write as _;

use async_nats::connection::State;
use futures::StreamExt as _;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use wrpc_middleware::runtime::{ExportServer, InvocationError, Served};
use wrpc_transport_nats::NatsContext;

use self::drain::{Stop, stoppable};
use crate::cli::ServeArgs;
use crate::component;
use crate::connect::{Connection, ConnectionState, round_trip};
use crate::engine;
use crate::error::{Error, Exit, report};
use crate::host::{Host, link};
use crate::signals::StopSignals;

/// How long to wait for NATS to confirm something that only makes a message more exact.
const CONFIRMATION: Duration = Duration::from_secs(1);

/// How long a function that is not called goes on taking calls after a signal; see [`drain`].
const LINGER: Duration = Duration::from_millis(100);

/// Serves every export of the component until a signal comes.
///
/// # Errors
///
/// Bad input, no connection, or a component that can't be served. What becomes of single calls
/// is logged.
pub async fn run(args: ServeArgs) -> Result<Exit, Error> {
    let common = &args.component;
    let links = common.read_links()?;
    let engine = engine::new().map_err(Error::Engine)?;
    let component = component::load(&engine, &common.component)?;
    let options = common.call_options();
    let instance_pre = link(&component, &options, &links)?;

    let mut signals = StopSignals::new()?;
    let name = format!("wrpc-host {}", common.id);
    let Connection { client, state } = args.nats.connect(&name).await?;
    let host = Host::new(&engine, client.clone(), links.table(), &options);
    let transport = wrpc_transport_nats::Client::new(
        client.clone(),
        format!("{}.{}", common.lattice, common.id),
        Some(common.id.to_shared()),
    )
    .await
    .map_err(Error::Subscribe)?;
    let (stop, transport) = stoppable(transport);
    let mut exports = ExportServer::new(instance_pre, move || host.store())
        .limits(options.limits)
        .params_timeout(args.params_timeout);
    if let Some(limit) = args.max_duration {
        exports = exports.max_duration(limit);
    }
    let mut served = exports.serve(&transport).await?;
    let functions = served.functions().len();
    if functions == 0 {
        return Err(Error::NothingToServe(common.component.clone()));
    }
    confirm(&client).await;
    say(&format!("serving {}: {}", common.id, counted(functions)));
    let again = format!("serving {} again: {}", common.id, counted(functions));
    let returns = tokio::spawn(announce_returns(state, client.clone(), again));

    let mut calls = JoinSet::new();
    let signal = tokio::select! {
        signal = signals.next() => signal,
        () = take(&mut served, &mut calls) => return Err(Error::Unsubscribed),
    };
    returns.abort();
    // Calls that are just coming are still taken, for the moment of `LINGER`.
    let grace = humantime::format_duration(args.grace);
    say(&format!("{signal}: stopping, within {grace}"));
    let deadline = Instant::now() + args.grace;
    stop.soon();
    tokio::select! {
        finished = wind_down(served, &mut calls, &client, &stop, deadline) => if !finished {
            tracing::warn!("{} cut off after the grace period", counted_calls(calls.len()));
        },
        signal = signals.next() => {
            tracing::warn!("{} cut off by {signal}", counted_calls(calls.len()));
        }
    }
    // Each is dropped together with its own store.
    calls.shutdown().await;
    // The last results are still on their way out.
    confirm(&client).await;
    Ok(Exit::Success)
}

type Calls = JoinSet<Result<(), InvocationError>>;

/// Ends the subscriptions and lets the running calls finish. Returns whether they did in time.
async fn wind_down(
    mut served: Served<NatsContext>,
    calls: &mut Calls,
    client: &async_nats::Client,
    stop: &Stop,
    deadline: Instant,
) -> bool {
    let accepted = async {
        sleep(LINGER).await;
        stop.now();
    };
    tokio::join!(take(&mut served, calls), accepted);
    // Twice, since the client ends subscriptions in the background.
    let unsubscribed = async {
        confirm(client).await;
        confirm(client).await;
    };
    let (finished, ()) = tokio::join!(timeout_at(deadline, finish(calls)), unsubscribed);
    finished.is_ok()
}

/// Takes calls and runs them side by side, until the subscriptions end.
async fn take(served: &mut Served<NatsContext>, calls: &mut Calls) {
    loop {
        tokio::select! {
            call = served.next() => match call {
                Some(Ok((_, invocation))) => {
                    calls.spawn(invocation);
                }
                Some(Err(error)) => tracing::warn!("{}", report(&error)),
                None => return,
            },
            Some(ended) = calls.join_next() => log(ended),
        }
    }
}

async fn finish(calls: &mut Calls) {
    while let Some(ended) = calls.join_next().await {
        log(ended);
    }
}

fn log(ended: Result<Result<(), InvocationError>, JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!("{}", report(&error)),
        Err(error) => tracing::error!("{}", report(&error)),
    }
}

/// Says so when a lost connection is back and the functions can be called again.
async fn announce_returns(
    mut state: watch::Receiver<ConnectionState>,
    client: async_nats::Client,
    again: String,
) {
    let mut announced = 0;
    loop {
        let back = state.wait_for(|state| !state.is_down && state.losses > announced);
        match back.await {
            Ok(state) => announced = state.losses,
            Err(_) => return,
        }
        confirm(&client).await;
        say(&again);
    }
}

/// Waits until NATS has processed what was sent to it so far, within reason.
async fn confirm(client: &async_nats::Client) {
    if client.connection_state() != State::Connected {
        return;
    }
    match timeout(CONFIRMATION, round_trip(client)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "no confirmation by NATS"),
        Err(_) => tracing::debug!("no confirmation by NATS in time"),
    }
}

/// Tells the operator, whatever the log level is.
fn say(text: &str) {
    // A closed stderr is no reason to stop serving.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn counted(functions: usize) -> String {
    match functions {
        1 => "1 function".into(),
        n => format!("{n} functions"),
    }
}

fn counted_calls(calls: usize) -> String {
    match calls {
        1 => "1 running call is".into(),
        n => format!("{n} running calls are"),
    }
}
