//! A process that calls, and writes down how each call ended.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use futures::future::try_join;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tower::Layer as _;
use tower::retry::Retry;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_nats::{CallContext, Client};
use wrpc_middleware_testing::process::say;
use wrpc_middleware_transport::link::{Interface, Link, LinkAuthorization, LinkTable};
use wrpc_middleware_transport::liveness::TargetLiveness;
use wrpc_middleware_transport::retry::RetryPolicy;
use wrpc_middleware_transport::timeout::Timeout;
use wrpc_middleware_transport::{Context, Invoker, Stack, Target};
use wrpc_transport::Invoke;

use super::attempts::Attempts;
use super::functions::{Function, INSTANCE, INTERFACE, answer};
use super::history::{Call, Journal, Outcome, now};
use super::id::CallId;
use super::lag::Lag;
use super::target::connect_at_last;
use super::vitals::Vitals;

/// The role of the process.
pub const ROLE: &str = "audit-caller";

/// Orders that it takes; the last two with the target that they are about.
pub const LOAD: &str = "load";
/// Make no more calls. Answered with how many were begun, once all have ended.
pub const REST: &str = "rest";
/// Put the link to a target.
pub const LINK: &str = "link ";
/// Remove the link to a target.
pub const UNLINK: &str = "unlink ";

/// How long after its deadline a call that goes on counts as hanging.
const HANGS: Duration = Duration::from_secs(15);

/// How many times a call is repeated by those who repeat calls.
const RETRIES: u32 = 3;

/// What it has to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Where the broker is.
    pub url: String,
    /// Who it is.
    pub id: String,
    /// Its number.
    pub caller: u8,
    /// Whom it calls.
    pub targets: Vec<String>,
    /// How many calls it makes at a time.
    pub workers: u16,
    /// How long each of those waits at least from one call to the next.
    pub pace: Duration,
    /// How long a call may take.
    pub limit: Duration,
    /// How long a target has to take it.
    pub handshake: Duration,
    /// Which calls it repeats.
    pub repeats: Repeats,
    /// What its calls are drawn by.
    pub seed: u64,
    /// Where it writes down how they ended.
    pub journal: PathBuf,
}

/// Which calls a caller repeats that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Repeats {
    /// None.
    Never,
    /// Those that were certainly not sent, by [`RetryPolicy`].
    Safe,
    /// All of them, which is the mistake that the audit is there to find.
    Blindly,
}

type Service = LinkAuthorization<Timeout<TargetLiveness<Client>>, LinkTable>;

/// Calls when it is told to, until its parent ends.
///
/// # Errors
///
/// It can't write down what it sees, or was told something that makes no sense.
pub async fn run(config: Config, mut orders: UnboundedReceiver<String>) -> Result<()> {
    let client = connect_at_last(&config.url, "caller", &config.id).await;
    let links = LinkTable::default();
    for target in &config.targets {
        links.insert(&link(&config.id, target)?);
    }
    let stack = Stack::new(links.clone())
        .timeout(config.limit)
        .handshake_timeout(config.handshake);
    let caller = Arc::new(Caller {
        service: stack.layer(client.clone()),
        policy: RetryPolicy::new(RETRIES),
        journal: Journal::open(&config.journal)?,
        lag: Lag::new(),
        config,
    });
    let workers = 0..caller.config.workers;
    let mut workers: Vec<_> = workers.map(|worker| Worker::new(&caller, worker)).collect();
    let (loaded, load) = watch::channel(false);
    let mut running = JoinSet::new();
    // For as long as the process.
    tokio::spawn(caller.lag.clone().watch());
    say("ready");
    while let Some(order) = orders.recv().await {
        let (order, target) = order.split_at(order.find(' ').map_or(order.len(), |n| n + 1));
        match order {
            super::VITALS => say(&serde_json::to_string(&Vitals::of(&client).await?)?),
            LINK => links.insert(&link(&caller.config.id, target)?),
            UNLINK => {
                let interface = interface()?;
                // It may be told twice.
                let _ = links.remove(&caller.config.id, target, &interface);
            }
            LOAD => {
                loaded.send_replace(true);
                for worker in workers.drain(..) {
                    running.spawn(worker.run(load.clone()));
                }
            }
            REST => {
                loaded.send_replace(false);
                let mut begun = 0;
                while let Some(worker) = running.join_next().await {
                    let (worker, calls) = worker.context("a worker")??;
                    workers.push(worker);
                    begun += calls;
                }
                say(&begun.to_string());
            }
            _ => bail!("no such order: {order:?}"),
        }
    }
    Ok(())
}

fn interface() -> Result<Interface> {
    Ok(INTERFACE.parse()?)
}

fn link(source: &str, target: &str) -> Result<Link> {
    let link = Link::new(source, Target::new(target)?, interface()?);
    Ok(link.with_name(target))
}

/// What all workers of the process share.
struct Caller {
    service: Service,
    policy: RetryPolicy,
    journal: Journal,
    lag: Lag,
    config: Config,
}

/// Makes one call after the other.
struct Worker {
    caller: Arc<Caller>,
    number: u16,
    next: u32,
    rng: Xoshiro256PlusPlus,
}

impl Worker {
    fn new(caller: &Arc<Caller>, number: u16) -> Self {
        let which = CallId::new(caller.config.caller, number, 0).worker();
        let seed = caller.config.seed ^ which;
        Self {
            caller: Arc::clone(caller),
            number,
            next: 0,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
        }
    }

    /// Calls as long as there is to be load. Returns how many calls it has made.
    async fn run(mut self, load: watch::Receiver<bool>) -> Result<(Self, u64)> {
        let mut pace = interval(self.caller.config.pace);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let before = self.next;
        while *load.borrow() {
            pace.tick().await;
            let caller = Arc::clone(&self.caller);
            let call = caller.call(&mut self).await?;
            caller.journal.call(&call)?;
        }
        let calls = self.next.wrapping_sub(before).into();
        Ok((self, calls))
    }
}

impl Caller {
    async fn call(&self, worker: &mut Worker) -> Result<Call> {
        let config = &self.config;
        let id = CallId::new(config.caller, worker.number, worker.next);
        worker.next = worker.next.wrapping_add(1);
        let rng = &mut worker.rng;
        let target = config
            .targets
            .get(rng.random_range(0..config.targets.len().max(1)));
        let target = target.context("nobody to call")?;
        let function = Function::draw(rng);
        let params = Bytes::from(function.params(id.attempt(0), rng));

        let attempts = Attempts::new(id);
        let (begun, start, lag) = (now(), Instant::now(), self.lag.so_far());
        let deadline = start + config.limit;
        let context = Context::new(None)
            .with_source(config.id.as_str())
            .with_link_name(target.as_str())
            .with_deadline(deadline);
        let ended = async {
            let service = attempts.clone().over(self.service.clone());
            match config.repeats {
                Repeats::Never => {
                    finish(Invoker::new(service), context, function, params.clone()).await
                }
                Repeats::Safe => {
                    let service = Retry::new(self.policy.clone(), service);
                    finish(Invoker::new(service), context, function, params.clone()).await
                }
                Repeats::Blindly => {
                    let invoker = Invoker::new(service);
                    let mut left = RETRIES;
                    loop {
                        let params = params.clone();
                        let ended =
                            finish(invoker.clone(), context.clone(), function, params).await;
                        if ended.is_ok() || left == 0 || Instant::now() >= deadline {
                            break ended;
                        }
                        left -= 1;
                    }
                }
            }
        };
        let ended = timeout(config.limit + HANGS, ended).await;
        let took = start.elapsed();
        let attempts = attempts.so_far();
        let outcome = match ended {
            Err(_) => Outcome::Hung,
            Ok(Err(error)) => match RpcError::find_in(&error) {
                Some(error) => Outcome::Failed(error.into()),
                None => Outcome::Untyped,
            },
            Ok(Ok(answered)) => {
                let last = id.attempt(attempts.len().saturating_sub(1));
                if is_answer(&answered, &params, &last.to_bytes()) {
                    Outcome::Answered
                } else {
                    Outcome::WrongAnswer
                }
            }
        };
        Ok(Call {
            id,
            begun,
            took: micros(took),
            limit: micros(config.limit),
            lag: self.lag.so_far().saturating_sub(lag),
            attempts,
            outcome,
        })
    }
}

/// Makes a call, as generated bindings do.
async fn finish(
    invoker: impl Invoke<Context = CallContext>,
    context: CallContext,
    function: Function,
    params: Bytes,
) -> Result<Vec<u8>> {
    let paths: [Box<[Option<usize>]>; 0] = [];
    let called = invoker.invoke(context, INSTANCE, function.name(), params, paths);
    let (mut outgoing, mut incoming) = called.await?;
    let mut results = Vec::new();
    try_join(outgoing.shutdown(), incoming.read_to_end(&mut results)).await?;
    Ok(results)
}

/// Whether these are the results of a call with these parameters, which began with `attempt`.
fn is_answer(results: &[u8], params: &[u8], attempt: &[u8]) -> bool {
    let mut expected = [attempt, params.get(attempt.len()..).unwrap_or_default()].concat();
    answer(&mut expected);
    results == expected
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
