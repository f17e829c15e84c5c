//! `wrpc-host http`.
//!
//! ```text
//! listener ──▶ connection ──▶ service ──▶ guest     a task with an instance of its own
//!                 │              │
//!                 │              └─ refusal         what the host answers in its place
//!                 └─ activity                       when to close the connection
//! ```
//!
//! # What bounds a request
//!
//! - Its deadline. A guest that computes traps, by an epoch; one that waits is dropped together with
//!   its store; a connection whose client does not read the response is cut. What the guest calls has
//!   the same deadline.
//! - Its client. The guest's task is owned by the future of the response, then by its body, so it
//!   ends with the connection, or with the stream of HTTP/2.
//! - A permit for each guest, so that there is always an instance left in the pool, and a limit of
//!   its memory.
//!
//! # What ends a response
//!
//! The channel that `wasmtime_wasi_http` passes a body through ends in the same way whether the guest
//! has finished it or is gone. `guest::Fate` tells them apart: it is set before the store goes away,
//! and a body that meets its end under a bad fate fails, so that the connection is cut. A guest that
//! traps after it has finished its body may be taken for one that has not.

mod access;
mod activity;
mod body;
mod connection;
mod error;
mod guest;
mod listener;
mod pool;
mod refusal;
mod service;
mod trace;
mod wasi;

use core::time::Duration;
use std::sync::Arc;

use hyper::header::HeaderValue;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasmtime_wasi_http::p2::add_only_http_to_linker_async;
use wasmtime_wasi_http::p2::bindings::ProxyPre;

pub use self::error::HttpError;
use self::guest::Guests;
use self::service::Service;
pub(crate) use self::wasi::WasiHttp;
use crate::cli::HttpArgs;
use crate::error::{Error, Exit};
use crate::host::{Host, link_with};
use crate::listen::Listener;
use crate::metrics::Telemetry;
use crate::serve::{confirm, say};
use crate::signals::StopSignals;

/// How long those that are cut off have to say so.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Answers HTTP requests by the component until a signal comes.
///
/// # Errors
///
/// Bad input, no connection to NATS at the start, or an address that can't be listened at. What
/// becomes of single requests is logged.
pub async fn run(args: HttpArgs) -> Result<Exit, Error> {
    let common = &args.component;
    let links = common.read_links()?;
    let (engine, component) = pool::load(&common.component, args.max_requests, args.max_memory)?;
    let options = common.call_options();
    let prepare = |links: &_| {
        let instance_pre = link_with(&component, &options, links, add_only_http_to_linker_async)?;
        let proxy = ProxyPre::new(instance_pre).map_err(|error| HttpError::NoHandler {
            path: common.component.clone(),
            source: error.into(),
        })?;
        Ok(proxy)
    };
    let proxy = prepare(&links)?;

    let mut signals = StopSignals::new()?;
    let listener = Listener::bind(args.addr, "--addr").await?;
    let address = listener.address();
    let name = format!("wrpc-host {}", common.id);
    let mut telemetry = Telemetry::start(common).await?;
    let client = args.nats.connect(&name, common.client_options()).await?;
    let followed = common.follow_links(&links, proxy, &client, prepare);
    let (links, proxy) = followed.await?;
    telemetry.follow(&client, &links);
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let requests = usize::try_from(args.max_requests.get()).unwrap_or(usize::MAX);
    let requests = requests.min(Semaphore::MAX_PERMITS);
    let permits = Arc::new(Semaphore::new(requests));
    let tasks = TaskTracker::new();
    let service = Arc::new(Service {
        guests: Guests {
            host: Host::new(&engine, client.clone(), links, &options, &telemetry),
            proxy,
            max_memory: args.max_memory,
            cut: cut.clone(),
        },
        timeout: args.request_timeout,
        permits: Arc::clone(&permits),
        tasks: tasks.clone(),
        host: HeaderValue::from_str(&address.to_string()).unwrap_or(HeaderValue::from_static("")),
    });
    let connections = listener::serve(
        listener,
        service,
        args.max_connections,
        args.idle_timeout,
        stop.clone(),
    );
    let mut connections = tokio::spawn(connections);
    say(&format!("serving {} at http://{address}", common.id));

    let signal = signals.next().await;
    let grace = humantime::format_duration(args.grace);
    say(&format!("{signal}: stopping, within {grace}"));
    stop.cancel();
    tasks.close();
    let finished = async {
        let _ = (&mut connections).await;
        tasks.wait().await;
    };
    let deadline = Instant::now() + args.grace;
    let why = tokio::select! {
        finished = timeout_at(deadline, finished) => match finished {
            Ok(()) => None,
            Err(_) => Some("after the grace period".to_owned()),
        },
        signal = signals.next() => Some(format!("by {signal}")),
    };
    if let Some(why) = why {
        let running = requests - permits.available_permits().min(requests);
        tracing::warn!("{} cut off {why}", counted_requests(running));
        cut.cancel();
        let gone = async {
            tasks.wait().await;
            if !connections.is_finished() {
                let _ = connections.await;
            }
        };
        // Their calls are cancelled as well, and NATS has to be told.
        let _ = timeout(LAST_WORDS, gone).await;
        confirm(&client).await;
    }
    Ok(Exit::Success)
}

fn counted_requests(requests: usize) -> String {
    match requests {
        1 => "1 running request is".into(),
        n => format!("{n} running requests are"),
    }
}
