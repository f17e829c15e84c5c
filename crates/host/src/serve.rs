//! `wrpc-host serve`.

use core::time::Duration;
use std::io::Write as _;

use futures::StreamExt as _;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};
use wrpc_middleware::RpcError;
use wrpc_middleware::nats::{Client, ConnectionState, Options};
use wrpc_middleware::runtime::{ExportServer, InvocationError, Served};
use wrpc_middleware::telemetry::served::{ObservedServe, ServedCall};

use crate::cli::ServeArgs;
use crate::component;
use crate::engine;
use crate::error::{Error, Exit, report};
use crate::host::{Host, State, link};
use crate::metrics::Telemetry;
use crate::signals::StopSignals;

/// How long to wait for NATS to confirm something that nobody's answer depends on.
const CONFIRMATION: Duration = Duration::from_secs(1);

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
    let prepare = |links: &_| link(&component, &options, links);
    let instance_pre = prepare(&links)?;

    let mut signals = StopSignals::new()?;
    let name = format!("wrpc-host {}", common.id);
    let mut telemetry = Telemetry::start(common).await?;
    let client = args.nats.connect(&name, args.client_options()).await?;
    let followed = common.follow_links(&links, instance_pre, &client, prepare);
    let (links, instance_pre) = followed.await?;
    telemetry.follow(&client, &links);
    let host = Host::new(&engine, client.clone(), links, &options, &telemetry);
    let context = host.context().clone();
    let mut exports = ExportServer::new(instance_pre, move || host.store())
        .limits(options.limits)
        .params_timeout(args.params_timeout);
    if let Some(limit) = args.max_duration {
        exports = exports.max_duration(limit);
    }
    // What the component calls meanwhile has to be over when the call of it has to be, and is of its
    // trace.
    let nested = move |call: Option<&ServedCall>| {
        let context = context.clone();
        match call {
            Some(call) => call.nested(context),
            None => context,
        }
    };
    let transport = ObservedServe::new(client.clone(), telemetry.server().clone());
    let mut served = exports
        .serve_with(&transport, nested, State::set_context)
        .await?;
    let functions = served.functions().len();
    if functions == 0 {
        return Err(Error::NothingToServe(common.component.clone()));
    }
    confirm(&client).await;
    say(&format!("serving {}: {}", common.id, counted(functions)));
    let again = format!("serving {} again: {}", common.id, counted(functions));
    let returns = tokio::spawn(announce_returns(client.clone(), again));

    let mut calls = JoinSet::new();
    let signal = tokio::select! {
        signal = signals.next() => signal,
        () = take(&mut served, &mut calls) => return Err(Error::Unsubscribed),
    };
    returns.abort();
    let grace = humantime::format_duration(args.grace);
    say(&format!("{signal}: stopping, within {grace}"));
    let deadline = Instant::now() + args.grace;
    tokio::select! {
        finished = wind_down(served, &mut calls, &client, deadline) => if !finished {
            tracing::warn!("{} cut off after the grace period", counted_calls(calls.len()));
        },
        signal = signals.next() => {
            tracing::warn!("{} cut off by {signal}", counted_calls(calls.len()));
        }
    }
    // Each is dropped together with its own store, and its caller told.
    calls.shutdown().await;
    // The last results are still on their way out.
    confirm(&client).await;
    Ok(Exit::Success)
}

impl ServeArgs {
    fn client_options(&self) -> Options {
        // The component's adapter bounds the silence of a caller.
        let options = self.component.client_options().params_timeout(None);
        match self.max_calls {
            Some(calls) => options.max_running(calls),
            None => options,
        }
    }
}

/// How a call ended: answered or not, or no longer wanted.
type Ended = Result<Result<(), InvocationError>, RpcError>;

type Calls = JoinSet<()>;

/// Stops taking calls, loses none that NATS has passed on, and lets them finish. Returns whether
/// they did in time.
async fn wind_down(
    mut served: Served<ServedCall>,
    calls: &mut Calls,
    client: &Client,
    deadline: Instant,
) -> bool {
    client.drain();
    let mut state = client.connection_state();
    let drained = async {
        tokio::select! {
            biased;
            () = take(&mut served, calls) => {}
            // Without it nothing more can come.
            _ = state.wait_for(|state| *state != ConnectionState::Connected) => {}
        }
    };
    // A moment of NATS, whatever the grace of running calls is.
    if timeout(CONFIRMATION, drained).await.is_err() {
        tracing::debug!("no confirmation by NATS in time");
    }
    drop(served);
    timeout_at(deadline, finish(calls)).await.is_ok()
}

/// Takes calls and runs them side by side, until no more can come.
async fn take(served: &mut Served<ServedCall>, calls: &mut Calls) {
    loop {
        tokio::select! {
            call = served.next() => match call {
                Some(Ok((context, invocation))) => {
                    // As long as its caller waits for it.
                    calls.spawn(async move {
                        let ended = context.run(invocation).await;
                        context.span().in_scope(|| log(&ended));
                    });
                }
                Some(Err(error)) => tracing::warn!("{}", report(&error)),
                None => return,
            },
            Some(ended) = calls.join_next() => log_panic(ended),
        }
    }
}

async fn finish(calls: &mut Calls) {
    while let Some(ended) = calls.join_next().await {
        log_panic(ended);
    }
}

fn log(ended: &Ended) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!("{}", report(error)),
        Err(error) => tracing::info!("a call was given up: {}", report(error)),
    }
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!("{}", report(&error));
    }
}

/// Says so when a lost connection is back and the functions can be called again.
async fn announce_returns(client: Client, again: String) {
    let mut state = client.connection_state();
    while state.changed().await.is_ok() {
        if *state.borrow_and_update() == ConnectionState::Connected {
            confirm(&client).await;
            say(&again);
        }
    }
}

/// Waits until NATS has processed what was sent to it so far, within reason.
pub(crate) async fn confirm(client: &Client) {
    if *client.connection_state().borrow() != ConnectionState::Connected {
        return;
    }
    match timeout(CONFIRMATION, client.round_trip()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "no confirmation by NATS"),
        Err(_) => tracing::debug!("no confirmation by NATS in time"),
    }
}

/// Tells the operator, whatever the log level is.
pub(crate) fn say(text: &str) {
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
