//! Rows measured in turns, A B C, C B A, so that what the machine does besides hits all of them
//! alike.

use core::future::Future;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use tokio::task::JoinSet;

use crate::record::{Comparison, Latency, Round, Row};

/// A future that a [`Caller`] or a [`Contender`] returns.
pub type BoxFuture<'a, T> = core::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Makes calls one after the other. Several of them make up the concurrency of a load.
pub trait Caller: Send + 'static {
    /// Makes one call and waits for its end.
    fn call(&mut self) -> BoxFuture<'_, anyhow::Result<()>>;
}

impl<F> Caller for F
where
    F: FnMut() -> BoxFuture<'static, anyhow::Result<()>> + Send + 'static,
{
    fn call(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        self()
    }
}

type NewCaller = Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<Box<dyn Caller>>> + Send>;

/// A row that is yet to be measured.
pub struct Contender {
    name: String,
    source: Source,
}

enum Source {
    Callers(NewCaller),
    Skipped(String),
}

impl Contender {
    /// A row whose calls are made by the callers that `new` makes, before any time is taken.
    pub fn new<F, C>(
        name: impl Into<String>,
        new: impl Fn() -> F + Send + Sync + Clone + 'static,
    ) -> Self
    where
        F: Future<Output = anyhow::Result<C>> + Send + 'static,
        C: Caller,
    {
        Self {
            name: name.into(),
            source: Source::Callers(Box::new(move || {
                let caller = new();
                Box::pin(async move { Ok(Box::new(caller.await?) as Box<dyn Caller>) })
            })),
        }
    }

    /// A row that can't be measured under this load, and why.
    pub fn skipped(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            source: Source::Skipped(reason.into()),
        }
    }

    /// What the row is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The load of a comparison, and how long to look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// How many calls run at a time.
    pub concurrency: usize,
    /// The size of the parameters and of the results in bytes, for the record.
    pub payload: usize,
    /// How often each row has its turn.
    pub rounds: usize,
    /// How long a turn is. Calls that began in it are waited for.
    pub turn: Duration,
    /// How long a row runs before the first round.
    pub warm_up: Duration,
    /// How long after the end of its turn a call is given up as unanswered.
    pub grace: Duration,
}

/// After how many rounds without a single answer a row is given up: each of them lasts until the
/// calls are.
const SILENT_ROUNDS: usize = 3;

/// Measures `contenders` in turns; the baseline is the one named so.
///
/// A row whose call fails is taken out, with the failure as the reason: the other rows are
/// measured to the end.
///
/// Must run inside a multi-threaded Tokio runtime. Dropping the future ends all calls.
pub async fn compare(
    title: &str,
    baseline: &str,
    load: Load,
    contenders: Vec<Contender>,
) -> Comparison {
    let mut contestants = Vec::new();
    for contender in contenders {
        contestants.push(Contestant::prepare(contender, load).await);
    }
    for round in 0..load.rounds {
        let mut order: Vec<_> = contestants.iter_mut().collect();
        let shift = (round / 2) % order.len().max(1);
        order.rotate_left(shift);
        if round % 2 == 1 {
            order.reverse();
        }
        for contestant in order {
            contestant.round(load).await;
        }
    }
    for contestant in &mut contestants {
        contestant.give_up_if_silent();
    }
    Comparison {
        title: title.to_owned(),
        concurrency: load.concurrency,
        payload: load.payload,
        baseline: baseline.to_owned(),
        rows: contestants.into_iter().map(Contestant::row).collect(),
    }
}

/// A row while it is measured.
struct Contestant {
    name: String,
    new: Option<NewCaller>,
    callers: Vec<Box<dyn Caller>>,
    latency: Histogram<u64>,
    rounds: Vec<Round>,
    unanswered: u64,
    skipped: Option<String>,
    failed: Option<String>,
}

/// What one caller did in its turn. Shared with whoever waits for the turn to end, since what ended
/// before a call that never does counts too.
#[derive(Default)]
struct Turn {
    /// In nanoseconds, as they came: a histogram for every caller would take the caches from what
    /// is measured.
    latencies: Vec<u64>,
    ended: Option<Instant>,
}

impl Contestant {
    async fn prepare(contender: Contender, load: Load) -> Self {
        let (new, skipped) = match contender.source {
            Source::Callers(new) => (Some(new), None),
            Source::Skipped(reason) => (None, Some(reason)),
        };
        let mut contestant = Self {
            name: contender.name,
            new,
            callers: Vec::new(),
            latency: histogram(),
            rounds: Vec::new(),
            unanswered: 0,
            skipped,
            failed: None,
        };
        if let Err(failure) = contestant.turn(load, load.warm_up).await {
            contestant.give_up(&failure);
        }
        contestant.latency.reset();
        contestant.unanswered = 0;
        contestant
    }

    async fn round(&mut self, load: Load) {
        match self.turn(load, load.turn).await {
            Ok(Some(round)) => {
                self.rounds.push(round);
                if self.rounds.len() == SILENT_ROUNDS {
                    self.give_up_if_silent();
                }
            }
            Ok(None) => {}
            Err(failure) => self.give_up(&failure),
        }
    }

    /// Lets all callers call for as long as `length`.
    async fn turn(&mut self, load: Load, length: Duration) -> anyhow::Result<Option<Round>> {
        let Some(new) = &self.new else {
            return Ok(None);
        };
        while self.callers.len() < load.concurrency {
            self.callers.push(new().await.context("make a caller")?);
        }
        let cpu_before = cpu_time()?;
        let begun = Instant::now();
        let turns: Vec<_> = self.callers.iter().map(|_| Arc::default()).collect();
        let mut running = JoinSet::new();
        for (caller, turn) in self.callers.drain(..).zip(&turns) {
            running.spawn(call_until(begun + length, caller, Arc::clone(turn)));
        }
        let all = async {
            while let Some(caller) = running.join_next().await {
                self.callers.push(caller.context("a caller panicked")??);
            }
            anyhow::Ok(())
        };
        if let Ok(ended) = tokio::time::timeout(length + load.grace, all).await {
            ended?;
        } else {
            self.unanswered += running.len() as u64;
            running.shutdown().await;
        }
        let mut latencies = Vec::new();
        let mut last = begun;
        for turn in turns {
            let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            latencies.append(&mut turn.latencies);
            last = last.max(turn.ended.unwrap_or(begun));
        }
        let cpu_ns = cpu_time()?.saturating_sub(cpu_before);
        let middle = latencies.len() / 2;
        // A round without an answer stays: the rounds of the other rows have the same index.
        let median_ns = if latencies.is_empty() {
            0
        } else {
            *latencies.select_nth_unstable(middle).1
        };
        for latency in &latencies {
            self.latency.record(*latency)?;
        }
        Ok(Some(Round {
            calls: latencies.len() as u64,
            elapsed_ns: nanoseconds(last - begun),
            median_ns,
            cpu_ns,
        }))
    }

    /// Takes the row out of the comparison if it had turns and no answer in any of them.
    fn give_up_if_silent(&mut self) {
        if !self.rounds.is_empty() && self.latency.is_empty() {
            self.give_up(&anyhow::anyhow!("no call was answered"));
        }
    }

    /// Takes the row out of the comparison.
    fn give_up(&mut self, failure: &anyhow::Error) {
        self.new = None;
        self.callers.clear();
        self.rounds.clear();
        self.failed = Some(format!("{failure:#}"));
    }

    fn row(self) -> Row {
        let at = |quantile| self.latency.value_at_quantile(quantile);
        Row {
            latency: if self.rounds.is_empty() {
                Latency::default()
            } else {
                Latency {
                    p50_ns: at(0.5),
                    p99_ns: at(0.99),
                    p999_ns: at(0.999),
                    max_ns: self.latency.max(),
                }
            },
            name: self.name,
            rounds: self.rounds,
            unanswered: self.unanswered,
            skipped: self.skipped,
            failed: self.failed,
        }
    }
}

/// Calls until `end`, but at least once.
async fn call_until(
    end: Instant,
    mut caller: Box<dyn Caller>,
    turn: Arc<Mutex<Turn>>,
) -> anyhow::Result<Box<dyn Caller>> {
    loop {
        let begun = Instant::now();
        caller.call().await?;
        let ended = Instant::now();
        {
            let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            turn.latencies.push(nanoseconds(ended - begun).max(1));
            turn.ended = Some(ended);
        }
        if ended >= end {
            return Ok(caller);
        }
        // A call that never had to wait would keep its thread from the other callers.
        tokio::task::consume_budget().await;
    }
}

/// Three digits, from a nanosecond to as long as it takes.
fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "three digits are within one to five")]
    Histogram::new(3).expect("a histogram")
}

/// What all threads of this process have used so far, in nanoseconds: what a call costs its caller,
/// however busy the machine is.
fn cpu_time() -> anyhow::Result<u64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("the CPU time of this process")?;
    let microseconds: u64 = [usage.user_time(), usage.system_time()]
        .into_iter()
        .filter_map(|time| u64::try_from(time.num_microseconds()).ok())
        .sum();
    Ok(microseconds * 1_000)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
