//! Whether calls cost more, or leave more behind, the more of them there have been; and whether each
//! is answered.
//!
//! The calls are made in a process of their own, whose memory nothing else has used.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, anyhow, bail, ensure};
use bytes::Bytes;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tower::Layer as _;
use wrpc_middleware::{Invoker, RpcError, RpcErrorKind};
use wrpc_middleware_bench::record::Samples;
use wrpc_transport::Invoke;

use crate::calls::echo;
use crate::loads::Profile;
use crate::peers::{Cx, OWN_TARGET, UPSTREAM_TARGET, cx, leaf, own, stack};
use wrpc_middleware_testing::process::{Process, say};

/// The role of the process.
pub(crate) const ROLE: &str = "endurance";

/// Calls at a time.
const CONCURRENCY: u64 = 64;

/// How many calls are made before the first look, so that caches and pools are full.
const FIRST: u64 = 10_000;

/// How many times to look after that.
const LOOKS: u64 = 10;

/// How often the process says that it goes on.
const ALIVE: Duration = Duration::from_secs(10);

/// What the calls go through, below the full stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    Upstream,
    Own,
}

impl Leaf {
    pub(crate) const ALL: [Self; 2] = [Self::Own, Self::Upstream];

    /// What the filter knows it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Upstream => "endurance/full stack",
            Self::Own => "endurance/full stack, own transport",
        }
    }

    /// Starts the names of its samples.
    fn prefix(self) -> &'static str {
        match self {
            Self::Upstream => "",
            Self::Own => "own transport: ",
        }
    }

    /// How many calls to make. What upstream loses is known, and each takes as long as the deadline.
    fn calls(self, profile: Profile, long: bool) -> u64 {
        match (profile, self) {
            (Profile::Smoke, _) => 2_000,
            (Profile::Quick, _) => 100_000,
            (Profile::Full, Self::Own) if long => 20_000_000,
            (Profile::Full, _) => 1_000_000,
        }
    }

    /// Ends calls whose reply is lost, which upstream's client does, and the own transport must
    /// not: a machine that is busy with something else must not look like that.
    fn timeout(self) -> Duration {
        match self {
            Self::Upstream => Duration::from_secs(2),
            Self::Own => Duration::from_secs(30),
        }
    }
}

/// Makes the calls and looks at memory and latency on the way. What was seen, and what went wrong.
pub(crate) async fn measure(
    url: &str,
    leaf: Leaf,
    profile: Profile,
    long: bool,
) -> (Vec<Samples>, anyhow::Result<()>) {
    let mut samples = Vec::new();
    let ended = watch(url, leaf, leaf.calls(profile, long), &mut samples).await;
    (samples, ended)
}

async fn watch(
    url: &str,
    leaf: Leaf,
    calls: u64,
    samples: &mut Vec<Samples>,
) -> anyhow::Result<()> {
    let mut process = Process::start(ROLE, &[url, leaf.name(), &calls.to_string()]);
    loop {
        let line = process.line().await.context("the process ended early")?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("alive", "") => {}
            ("sample", sample) => samples.push(serde_json::from_str(sample)?),
            ("failed", reason) => bail!("{reason}"),
            ("done", lost) => {
                let lost: u64 = lost.parse()?;
                ensure!(
                    lost == 0 || leaf == Leaf::Upstream,
                    "{lost} calls were not answered"
                );
                return Ok(());
            }
            _ => bail!("the process said {line:?}"),
        }
    }
}

/// What the process does.
pub(crate) async fn run(url: &str, name: &str, calls: &str) -> anyhow::Result<()> {
    let chosen = Leaf::ALL.into_iter().find(|leaf| leaf.name() == name);
    let chosen = chosen.context("a leaf by that name")?;
    let target = match chosen {
        Leaf::Upstream => UPSTREAM_TARGET,
        Leaf::Own => OWN_TARGET,
    };
    let calls = calls.parse()?;
    let stack = stack(target)?.timeout(chosen.timeout());
    let work = async {
        match chosen {
            Leaf::Upstream => {
                let invoker = Invoker::new(stack.layer(leaf(url).await?));
                make(Arc::new(invoker), chosen, calls).await
            }
            Leaf::Own => {
                let invoker = Invoker::new(stack.layer(own(url, target).await?));
                make(Arc::new(invoker), chosen, calls).await
            }
        }
    };
    let mut alive = tokio::time::interval(ALIVE);
    let mut work = core::pin::pin!(work);
    let ended = loop {
        tokio::select! {
            ended = &mut work => break ended,
            _ = alive.tick() => say("alive"),
        }
    };
    match ended {
        Ok(lost) => say(&format!("done {lost}")),
        Err(error) => say(&format!("failed {error:#}")),
    }
    Ok(())
}

/// Makes the calls, says what it sees, and returns how many calls ended at their deadline.
async fn make(
    invoker: Arc<impl Invoke<Context = Cx> + 'static>,
    leaf: Leaf,
    calls: u64,
) -> anyhow::Result<u64> {
    let data = Bytes::from_static(&[b'x'; 16]);
    let first = FIRST.min(calls / 2);
    let step = (calls - first).div_ceil(LOOKS).max(1);
    // One, and as large from the start as it ever gets: it must not look like memory that calls
    // leave behind.
    let latency = Histogram::new_with_bounds(1, nanoseconds(leaf.timeout()), 3)?;
    let latency = Arc::new(Mutex::new(latency));
    let (mut done, mut lost) = (0, 0);
    while done < calls {
        let batch = if done == 0 {
            first
        } else {
            step.min(calls - done)
        };
        let mut running = JoinSet::new();
        for worker in 0..CONCURRENCY {
            let share = batch / CONCURRENCY + u64::from(worker < batch % CONCURRENCY);
            let (invoker, latency) = (Arc::clone(&invoker), Arc::clone(&latency));
            running.spawn(work(invoker, data.clone(), share, latency));
        }
        while let Some(worker) = running.join_next().await {
            lost += worker??;
        }
        done += batch;
        eprintln!("{}: {done} of {calls} calls", leaf.name());
        let prefix = leaf.prefix();
        sample(
            format!("{prefix}resident memory after {done} calls"),
            "bytes",
            resident()?,
        )?;
        sample(
            format!("{prefix}median latency of the calls before {done}"),
            "ns",
            median(&latency),
        )?;
    }
    sample(
        format!(
            "{}calls without an answer after {calls} calls",
            leaf.prefix()
        ),
        "calls",
        lost,
    )?;
    Ok(lost)
}

/// The median so far; the next one starts anew.
fn median(latency: &Mutex<Histogram<u64>>) -> u64 {
    let mut latency = latency.lock().unwrap_or_else(PoisonError::into_inner);
    let median = latency.value_at_quantile(0.5);
    latency.reset();
    median
}

/// One of the callers. Returns how many of its calls ended at their deadline.
async fn work(
    invoker: Arc<impl Invoke<Context = Cx>>,
    data: Bytes,
    calls: u64,
    latency: Arc<Mutex<Histogram<u64>>>,
) -> anyhow::Result<u64> {
    let mut lost = 0;
    for _ in 0..calls {
        let begun = Instant::now();
        match echo(&*invoker, cx(), data.clone()).await {
            Ok(()) => {
                let mut latency = latency.lock().unwrap_or_else(PoisonError::into_inner);
                latency.saturating_record(nanoseconds(begun.elapsed()));
            }
            Err(error) if is_timeout(&error) => lost += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(lost)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn is_timeout(error: &anyhow::Error) -> bool {
    RpcError::find_in(error).is_some_and(|error| error.kind() == RpcErrorKind::Timeout)
}

fn sample(name: String, unit: &str, value: u64) -> anyhow::Result<()> {
    let samples = Samples {
        name,
        unit: unit.to_owned(),
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        values: vec![value as f64],
    };
    say(&format!("sample {}", serde_json::to_string(&samples)?));
    Ok(())
}

/// The resident memory of this process, in bytes.
fn resident() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("read /proc/self/status")?;
    let kib: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"))
        .ok_or_else(|| anyhow!("no VmRSS in /proc/self/status"))?
        .trim()
        .parse()
        .context("VmRSS in /proc/self/status")?;
    Ok(kib << 10)
}
