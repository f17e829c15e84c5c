//! How long after its removal a link still lets calls through, while others call all the time.
//!
//! The time is taken from the moment at which the removal begins to the first denied call; that a
//! call that begins after the removal has returned is let through fails the bench.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench, and the harness of the tests, fail by panicking"
)]

#[path = "support/mod.rs"]
#[allow(dead_code, reason = "other benches use the rest of it")]
mod calls;

use core::time::Duration;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::Layer as _;
use wrpc_middleware::link::{Link, LinkTable};
use wrpc_middleware::upstream_nats::NatsTransport;
use wrpc_middleware::{Context, Invoker, RpcError, RpcErrorKind, Stack};
use wrpc_middleware_bench::arguments::Arguments;
use wrpc_middleware_bench::record::{Record, Samples};
use wrpc_transport::{Invoke, Serve as _};

use crate::calls::backtraces;
use crate::calls::immediate::RESULTS;
use crate::calls::links;
use crate::calls::path::{FUNCTION, Failure, INSTANCE, call};
use crate::calls::paths;
use wrpc_middleware_testing::nats::{NatsServer, round_trip};

/// How many call at a time.
const CALLERS: usize = 4;

/// How many calls are let through before the link is removed.
const BEFORE: u32 = 100;

/// How many calls each of the callers makes after the removal has returned.
const AFTER: usize = 100;

/// How many calls of one caller may stay without a reply in a round over NATS. Upstream's client
/// loses one now and then, which says nothing about links.
const LOSSES: usize = 1;

const LET_THROUGH: &str = "a call that began after the link was gone was let through";

const NAMESPACE: &str = "default";

fn main() -> anyhow::Result<()> {
    backtraces::disable()?;
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("make a runtime")?;
    let record = runtime.block_on(measure(arguments))?;
    if let Some(record) = record {
        record.save()?;
    }
    Ok(())
}

async fn measure(arguments: Arguments) -> anyhow::Result<Option<Record>> {
    let rounds = |full: usize, quick: usize| match (arguments.measure, arguments.quick) {
        (false, _) => 1,
        (true, true) => quick,
        (true, false) => full,
    };
    let mut record = Record::new("revocation");
    for count in links::SIZES {
        for change in [Change::Removal, Change::Replacement] {
            let name = format!("{}, {}", change.name(), links_text(count));
            if arguments.matches(&name) {
                let setting = Setting::new(count, 0);
                let full_stack = Arc::new(paths::full_stack(&setting.table));
                let cx = Context::new(()).with_source(setting.link.source());
                let rounds = rounds(200, 20);
                record.samples.extend(
                    setting
                        .rounds(&name, change, rounds, &full_stack, &cx)
                        .await?,
                );
            }
        }
    }
    for count in links::SIZES {
        let change = Change::Removal;
        let name = format!("{}, {}, over NATS", change.name(), links_text(count));
        if arguments.matches(&name) {
            let setting = Setting::new(count, LOSSES);
            let server = NatsServer::start().await;
            let _target = answer(server.connect().await, &setting.link).await?;
            let leaf = NatsTransport::builder(server.connect().await)
                .prefix(NAMESPACE)
                .build();
            let full_stack = Arc::new(Invoker::new(Stack::new(setting.table.clone()).layer(leaf)));
            let cx = Context::new(None).with_source(setting.link.source());
            let rounds = rounds(100, 10);
            record.samples.extend(
                setting
                    .rounds(&name, change, rounds, &full_stack, &cx)
                    .await?,
            );
        }
    }
    Ok(arguments.measure.then_some(record))
}

/// How a link is taken out of a table.
#[derive(Clone, Copy)]
enum Change {
    Removal,
    Replacement,
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Self::Removal => "removal",
            Self::Replacement => "replacement",
        }
    }
}

fn links_text(count: usize) -> &'static str {
    match count {
        1 => "1 link",
        1_000 => "1,000 links",
        100_000 => "100,000 links",
        _ => unreachable!("no such table is measured"),
    }
}

/// A table and the one of its links that is taken out.
struct Setting {
    table: LinkTable,
    link: Link,
    others: Vec<Link>,
    /// How many replies each of the callers may miss in a round.
    losses: usize,
}

impl Setting {
    fn new(count: usize, losses: usize) -> Self {
        let mut others: Vec<_> = links::links(count).collect();
        let link = others.swap_remove(count / 2);
        Self {
            table: links::table(count),
            link,
            others,
            losses,
        }
    }

    /// Takes the link out `rounds` times.
    async fn rounds<T>(
        &self,
        name: &str,
        change: Change,
        rounds: usize,
        transport: &Arc<T>,
        cx: &T::Context,
    ) -> anyhow::Result<[Samples; 2]>
    where
        T: Invoke<Context: Clone + 'static> + 'static,
    {
        let samples = |name: String| Samples {
            name,
            unit: "ns".to_owned(),
            values: Vec::with_capacity(rounds),
        };
        let mut denied = samples(format!("first denied call after {name}"));
        let mut returned = samples(format!("{name}, until it returns"));
        for _ in 0..rounds {
            let round = self
                .round(change, transport, cx)
                .await
                .with_context(|| name.to_owned())?;
            denied.values.push(nanoseconds(round.denied));
            returned.values.push(nanoseconds(round.returned));
            self.table.insert(&self.link);
        }
        eprintln!(
            "{}: {:?}, and the change took {:?}",
            denied.name,
            median(&denied.values),
            median(&returned.values)
        );
        Ok([denied, returned])
    }

    async fn round<T>(
        &self,
        change: Change,
        transport: &Arc<T>,
        cx: &T::Context,
    ) -> anyhow::Result<Times>
    where
        T: Invoke<Context: Clone + 'static> + 'static,
    {
        let round = Arc::new(Round {
            permitted: Semaphore::new(0),
            losses: self.losses,
            revoked: OnceLock::new(),
        });
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (transport, cx) = (Arc::clone(transport), cx.clone());
            callers.spawn(call_until_denied(transport, cx, Arc::clone(&round)));
        }
        // A caller that fails lets nothing through any more.
        tokio::select! {
            permits = round.permitted.acquire_many(BEFORE) => permits?.forget(),
            Some(ended) = callers.join_next() => {
                ended??;
                bail!("a caller was denied before the link was gone");
            }
        }
        // On a worker, not here: a third thread would take its time from both workers. Nobody waits
        // for its end, since to wake this thread would come before the next call.
        drop(tokio::spawn(self.revoke(change, Arc::clone(&round))));

        let denied = callers.join_all().await;
        let revoked = round
            .revoked
            .get()
            .context("the link was never taken out")?;
        ensure!(revoked.done, "the table did not change");
        let denied: Vec<Instant> = denied.into_iter().collect::<Result<_, _>>()?;
        let first = denied.into_iter().min().context("nobody called")?;
        Ok(Times {
            denied: first.saturating_duration_since(revoked.begun),
            returned: revoked.returned - revoked.begun,
        })
    }

    /// Takes the link out, once.
    fn revoke(
        &self,
        change: Change,
        round: Arc<Round>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (table, link) = (self.table.clone(), self.link.clone());
        let others = match change {
            Change::Removal => None,
            Change::Replacement => Some(self.others.clone()),
        };
        async move {
            let begun = Instant::now();
            let done = if let Some(others) = others {
                table.replace(others).is_ok()
            } else {
                table.remove(link.source(), link.name(), link.interface())
            };
            let returned = Instant::now();
            round.revoked.get_or_init(|| Revoked {
                begun,
                returned,
                done,
            });
        }
    }
}

/// How long a round took.
struct Times {
    denied: Duration,
    returned: Duration,
}

/// What the callers of a round share with whom takes the link out.
struct Round {
    /// How many calls were let through.
    permitted: Semaphore,
    /// How many replies each of the callers may miss.
    losses: usize,
    /// Set once the change of the table has returned.
    revoked: OnceLock<Revoked>,
}

/// The change of a table.
struct Revoked {
    begun: Instant,
    returned: Instant,
    done: bool,
}

/// Calls until it was denied [`AFTER`] times after the link was gone for certain. Returns when the
/// first denied call ended.
async fn call_until_denied<T: Invoke<Context: Clone>>(
    transport: Arc<T>,
    cx: T::Context,
    round: Arc<Round>,
) -> anyhow::Result<Instant> {
    let mut first = None;
    let (mut after, mut lost) = (0, 0);
    loop {
        let revoked = round.revoked.get().is_some();
        let outcome = call(&*transport, cx.clone()).await;
        let ended = Instant::now();
        match outcome {
            Ok(_) => {
                ensure!(!revoked, LET_THROUGH);
                round.permitted.add_permits(1);
            }
            Err(failure) => {
                let error: RpcError = match failure {
                    Failure::Invoke(error) => RpcError::classify(error),
                    Failure::Stream(error) => RpcError::classify(error),
                };
                match error.kind() {
                    RpcErrorKind::LinkDenied => {
                        first.get_or_insert(ended);
                    }
                    // It was let through, and its reply is lost.
                    RpcErrorKind::Timeout if lost < round.losses => {
                        ensure!(!revoked, LET_THROUGH);
                        lost += 1;
                        eprintln!("a reply was lost");
                    }
                    _ => return Err(error.into()),
                }
            }
        }
        after += usize::from(revoked);
        if let Some(first) = first
            && after >= AFTER
        {
            return Ok(first);
        }
    }
}

/// Answers the calls by `link` until what it returns is dropped.
async fn answer(client: async_nats::Client, link: &Link) -> anyhow::Result<JoinSet<()>> {
    let prefix = format!("{NAMESPACE}.{}", link.target());
    let wrpc = wrpc_transport_nats::Client::new(client.clone(), prefix.clone(), None).await?;
    let no_paths: &[Box<[Option<usize>]>] = &[];
    let calls = wrpc.serve(INSTANCE, FUNCTION, no_paths.to_vec()).await?;
    round_trip(&client).await;
    let mut target = JoinSet::new();
    target.spawn(async move {
        let mut calls = core::pin::pin!(calls);
        let mut running = JoinSet::new();
        while let Some(call) = calls.next().await {
            // A call that arrives broken is the caller's to report.
            let Ok((_, mut outgoing, mut incoming)) = call else {
                continue;
            };
            running.spawn(async move {
                incoming.read_to_end(&mut Vec::new()).await?;
                outgoing.write_all(RESULTS).await?;
                outgoing.shutdown().await
            });
            while running.try_join_next().is_some() {}
        }
    });
    Ok(target)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn nanoseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

/// For a look at it; the report has more than this.
fn median(nanoseconds: &[f64]) -> Duration {
    let mut sorted = nanoseconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    Duration::from_secs_f64(sorted[sorted.len() / 2] / 1e9)
}
