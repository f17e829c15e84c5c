//! Whether calls cost more, or leave more behind, the more of them there have been.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tower::Layer as _;
use wrpc_middleware::{Invoker, RpcError, RpcErrorKind};
use wrpc_middleware_bench::record::Samples;

use crate::calls::echo;
use crate::peers::{UPSTREAM_TARGET, cx, leaf, stack};

/// What the filter knows it by.
pub(crate) const NAME: &str = "endurance";

/// Calls at a time.
const CONCURRENCY: u64 = 64;

/// How many calls are made before the first look, so that caches and pools are full.
const FIRST: u64 = 10_000;

/// How many times to look after that.
const LOOKS: u64 = 10;

/// Ends calls whose replies upstream's client loses.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Makes `calls` calls over the full stack and looks at memory and latency on the way.
pub(crate) async fn measure(url: &str, calls: u64) -> anyhow::Result<Vec<Samples>> {
    let invoker = Invoker::new(
        stack(UPSTREAM_TARGET)?
            .timeout(TIMEOUT)
            .layer(leaf(url).await?),
    );
    let invoker = Arc::new(invoker);
    let data = Bytes::from_static(&[b'x'; 16]);
    let sample = |name: String, unit: &str, value: u64| Samples {
        name,
        unit: unit.to_owned(),
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        values: vec![value as f64],
    };

    let first = FIRST.min(calls / 2);
    let step = (calls - first).div_ceil(LOOKS).max(1);
    let mut samples = Vec::new();
    let (mut done, mut late) = (0, 0);
    while done < calls {
        let batch = if done == 0 {
            first
        } else {
            step.min(calls - done)
        };
        let mut running = JoinSet::new();
        for worker in 0..CONCURRENCY {
            let share = batch / CONCURRENCY + u64::from(worker < batch % CONCURRENCY);
            let (invoker, data) = (Arc::clone(&invoker), data.clone());
            running.spawn(async move {
                let mut latency = Histogram::<u64>::new(3)?;
                let mut late = 0;
                for _ in 0..share {
                    let begun = Instant::now();
                    match echo(&*invoker, cx(), data.clone()).await {
                        Ok(()) => latency.record(
                            u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
                        )?,
                        Err(error) if is_timeout(&error) => late += 1,
                        Err(error) => return Err(error),
                    }
                }
                anyhow::Ok((latency, late))
            });
        }
        let mut latency = Histogram::<u64>::new(3)?;
        while let Some(worker) = running.join_next().await {
            let (of_worker, late_of_worker) = worker??;
            latency += of_worker;
            late += late_of_worker;
        }
        done += batch;
        let after = format!("after {done} calls");
        eprintln!("{NAME}: {done} of {calls} calls");
        samples.push(sample(
            format!("resident memory {after}"),
            "bytes",
            resident()?,
        ));
        let median = latency.value_at_quantile(0.5);
        samples.push(sample(
            format!("median latency of the calls before {done}"),
            "ns",
            median,
        ));
    }
    samples.push(sample(
        "calls whose reply was lost and that ended at their deadline".to_owned(),
        "calls",
        late,
    ));
    Ok(samples)
}

fn is_timeout(error: &anyhow::Error) -> bool {
    RpcError::find_in(error).is_some_and(|error| error.kind() == RpcErrorKind::Timeout)
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
