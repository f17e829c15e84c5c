//! What a call over an `Invoke` that answers at once allocates. Unlike time it does not jitter, so
//! that a limit can be held.
//!
//! A binary of its own, since the allocator that counts would slow the other benches down. The row
//! `immediate` is the `Invoke` without any layer.

#![allow(clippy::expect_used, reason = "a bench fails by panicking")]

#[allow(dead_code, reason = "other benches use the rest of it")]
mod support;

use core::hint::black_box;

use anyhow::{bail, ensure};
use wrpc_middleware_bench::arguments::Arguments;
use wrpc_middleware_bench::record::{Count, Record};

use crate::support::backtraces;
use crate::support::path::Path;
use crate::support::paths::{self, DENIED, FULL_STACK};

/// How many calls are looked at. They should be alike; the one that allocates most counts.
const CALLS: u64 = 100;

fn main() -> anyhow::Result<()> {
    backtraces::disable()?;
    let arguments = Arguments::parse();
    let mut record = Record::new("allocations");
    let mut exceeded = Vec::new();
    for path in paths::success().into_iter().chain(paths::failure()?) {
        if !arguments.matches(path.name()) {
            continue;
        }
        let cost = cost(&path)?;
        let limit = limit(path.name());
        if let Some(limit) = limit
            && cost.allocations > limit
        {
            exceeded.push(format!(
                "{}: {} allocations, where at most {limit} are allowed",
                path.name(),
                cost.allocations
            ));
        }
        for (unit, value, limit) in [
            ("allocations", cost.allocations, limit),
            ("allocated bytes", cost.bytes, None),
        ] {
            record.counts.push(Count {
                name: path.name().to_owned(),
                unit: unit.to_owned(),
                value,
                limit,
            });
        }
        if arguments.measure {
            eprintln!(
                "{}: {} allocations, {} bytes",
                path.name(),
                cost.allocations,
                cost.bytes
            );
        }
    }
    if arguments.measure {
        record.save()?;
    }
    if !exceeded.is_empty() {
        bail!("too many allocations\n{}", exceeded.join("\n"));
    }
    Ok(())
}

/// The most that the project allows per call.
fn limit(path: &str) -> Option<u64> {
    match path {
        FULL_STACK => Some(6),
        DENIED => Some(5),
        _ => None,
    }
}

struct Cost {
    allocations: u64,
    bytes: u64,
}

/// What one call by `path` allocates, once the calls before it have made what stays.
fn cost(path: &Path) -> anyhow::Result<Cost> {
    let runtime = path.runtime();
    path.check(&runtime)?;
    drop(runtime.block_on(path.calls(CALLS)));
    let mut most = Cost {
        allocations: 0,
        bytes: 0,
    };
    for _ in 0..CALLS {
        let mut calls = path.calls(1);
        let info = allocation_counter::measure(|| {
            drop(black_box(runtime.block_on(&mut calls)));
        });
        ensure!(
            info.bytes_current == 0,
            "{}: {} bytes stay behind",
            path.name(),
            info.bytes_current
        );
        most.allocations = most.allocations.max(info.count_total);
        most.bytes = most.bytes.max(info.bytes_total);
    }
    Ok(most)
}
