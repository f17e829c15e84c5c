//! `wrpc-host call`.

use std::io::{self, Write as _};

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre, Val};
use wrpc_middleware::nats::Options;
use wrpc_middleware::runtime::Limits;

use crate::cli::{CallArgs, ComponentArgs};
use crate::component;
use crate::engine;
use crate::error::{Error, Exit, report, rpc_error};
use crate::host::{CallOptions, Host, State, link};
use crate::metrics::Telemetry;
use crate::wave::{Export, print};

impl ComponentArgs {
    pub(crate) fn call_options(&self) -> CallOptions {
        CallOptions {
            id: self.id.clone(),
            timeout: self.timeout,
            handshake_timeout: self.handshake_timeout,
            stream_idle: self.stream_idle,
            limits: Limits::default()
                .with_bytes(self.max_value_bytes)
                .with_elements(self.max_value_elements),
        }
    }

    /// How the component's client behaves.
    pub(crate) fn client_options(&self) -> Options {
        Options::new()
            .id(self.id.as_str())
            .prefix(self.lattice.as_str())
            .reconnect_wait(self.reconnect_wait)
            .keepalive(Some(self.keepalive))
    }
}

/// Calls the function as often as asked for, and prints each result on a line of stdout.
///
/// All input is checked before anything connects. Every call has an instance of its own; in a
/// repetition, a call that fails to run prints a line too and the next one follows.
///
/// # Errors
///
/// Bad input, no connection, or the failure of a single call.
pub async fn run(args: CallArgs) -> Result<Exit, Error> {
    let common = &args.component;
    let links = common.read_links()?;
    let engine = engine::new().map_err(Error::Engine)?;
    let component = component::load(&engine, &common.component)?;
    let export = Export::find(&component, &args.call)?;
    let arguments = export.arguments(&args.call)?;
    let options = common.call_options();
    let prepare = |links: &_| link(&component, &options, links);
    let instance_pre = prepare(&links)?;

    let name = format!("wrpc-host {}", common.id);
    let mut telemetry = Telemetry::start(common).await?;
    let client = args.nats.connect(&name, common.client_options()).await?;
    let followed = common.follow_links(&links, instance_pre, &client, prepare);
    let (links, instance_pre) = followed.await?;
    telemetry.follow(&client, &links);
    let host = Host::new(&engine, client, links, &options, &telemetry);
    let mut ticks = interval_at(Instant::now(), args.interval.max(SHORTEST_PERIOD));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut exit = Exit::Success;
    for _ in 0..args.repeat {
        ticks.tick().await;
        let result = call(&host, &instance_pre, &export, &arguments).await;
        let line = match result {
            Ok(results) => {
                exit = exit_of(&results);
                print(&results)
            }
            Err(error) if args.repeat == 1 => return Err(error),
            Err(error) => {
                exit = error.exit();
                tracing::error!("{}", report(&error));
                summary(&error)
            }
        };
        if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
            return Err(Error::Run {
                what: "can't write the result to stdout",
                source: error,
            });
        }
    }
    Ok(exit)
}

/// A timer has no period of zero.
const SHORTEST_PERIOD: core::time::Duration = core::time::Duration::from_nanos(1);

/// One call in an instance of its own.
async fn call(
    host: &Host,
    instance_pre: &InstancePre<State>,
    export: &Export,
    arguments: &[Val],
) -> Result<Vec<Val>, Error> {
    let mut store = host.store();
    let instance = instantiate(&mut store, instance_pre).await?;
    invoke(&mut store, &instance, export, arguments).await
}

/// A new instance.
pub(crate) async fn instantiate(
    store: &mut Store<State>,
    instance_pre: &InstancePre<State>,
) -> Result<Instance, Error> {
    let instance = instance_pre.instantiate_async(store).await;
    instance.map_err(|error| Error::Trap(error.into()))
}

/// One call in an instance, which may not be used again if it traps.
pub(crate) async fn invoke(
    store: &mut Store<State>,
    instance: &Instance,
    export: &Export,
    arguments: &[Val],
) -> Result<Vec<Val>, Error> {
    let trap = |error: wasmtime::Error| Error::Trap(error.into());
    let func = instance
        .get_func(&mut *store, export.index())
        .ok_or_else(|| trap(wasmtime::Error::msg("the instance lacks the export")))?;
    let mut results = vec![Val::Bool(false); export.results()];
    func.call_async(store, arguments, &mut results)
        .await
        .map_err(trap)?;
    Ok(results)
}

fn exit_of(results: &[Val]) -> Exit {
    match results {
        [Val::Result(Err(_))] => Exit::Err,
        _ => Exit::Success,
    }
}

/// A failed call in the one line that a repetition has for it.
fn summary(error: &Error) -> String {
    match error {
        Error::Trap(cause) => match rpc_error(cause) {
            Some(error) => format!("trap: {error}"),
            None => format!("trap: {}", cause.root_cause()).replace('\n', " "),
        },
        error => format!("failed: {error}"),
    }
}
