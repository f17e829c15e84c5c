//! What the layers cost in time, over an `Invoke` that answers at once.
//!
//! The row `success/immediate` is that `Invoke` without any layer: what the measurement itself
//! costs. All calls of a sample are made inside one `block_on`, and none of them is counted
//! against the budget of Tokio's scheduler, as a call that waits for a network would not be.
//!
//! `cargo bench --bench layers`, with criterion's arguments.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench fails by panicking"
)]

#[allow(dead_code, reason = "other benches use the rest of it")]
mod support;

use core::cell::Cell;
use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use tokio::task::unconstrained;
use wrpc_middleware::Context;
use wrpc_middleware::link::{LinkPolicy as _, LinkRequest, LinkTable};
use wrpc_middleware_bench::arguments::{Arguments, measures};

use crate::support::backtraces;
use crate::support::links::{self, Source};
use crate::support::path::{Expected, FUNCTION, INSTANCE, Path};
use crate::support::paths;

fn main() -> anyhow::Result<()> {
    backtraces::disable()?;
    if !measures() {
        return smoke(&Arguments::parse());
    }
    // Criterion's `--quick` ends once two samples agree, which on a busy machine they may never do.
    let quick = std::env::args().any(|argument| argument == "--quick");
    let most = Duration::from_millis(if quick { 300 } else { 3_000 });
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(most)
        // The default takes longer to resample and plot than to measure.
        .nresamples(if quick { 1_000 } else { 10_000 })
        .configure_from_args();
    success(&mut criterion)?;
    lookup(&mut criterion)?;
    // Last, since a clock that was paused once is slower for the rest of the process.
    failure(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

/// Makes each call once.
fn smoke(arguments: &Arguments) -> anyhow::Result<()> {
    let paths = paths::success().into_iter().chain(paths::failure()?);
    let lookups = links::SIZES
        .into_iter()
        .flat_map(|count| [over_links(count, false), over_links(count, true)]);
    for path in paths.chain(lookups) {
        if arguments.matches(path.name()) {
            path.check(&path.runtime())?;
        }
    }
    let table = links::table(1_000);
    let sources = links::random_sources(1_000);
    assert_eq!(look_up(&table, &sources, 1_000), 1_000);
    Ok(())
}

fn success(criterion: &mut Criterion) -> anyhow::Result<()> {
    let mut group = criterion.benchmark_group("success");
    for path in paths::success() {
        measure(&mut group, BenchmarkId::from_parameter(path.name()), &path)?;
    }
    group.finish();
    Ok(())
}

fn failure(criterion: &mut Criterion) -> anyhow::Result<()> {
    let mut group = criterion.benchmark_group("failure");
    for path in paths::failure()? {
        measure(&mut group, BenchmarkId::from_parameter(path.name()), &path)?;
    }
    group.finish();
    Ok(())
}

/// Looks links up in tables of different sizes: alone, and as part of a call over the full stack.
fn lookup(criterion: &mut Criterion) -> anyhow::Result<()> {
    let mut group = criterion.benchmark_group("lookup");
    for count in links::SIZES {
        let table = links::table(count);
        for (name, sources) in [
            ("same link", links::same_source(count)),
            ("random link", links::random_sources(count)),
        ] {
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter_custom(|lookups| {
                    let begun = Instant::now();
                    let found = look_up(&table, &sources, lookups);
                    let elapsed = begun.elapsed();
                    assert_eq!(found, lookups);
                    elapsed
                });
            });
        }
        for random in [false, true] {
            let path = over_links(count, random);
            measure(&mut group, BenchmarkId::new(path.name(), count), &path)?;
        }
    }
    group.finish();
    Ok(())
}

/// The full stack over a table of `count` links.
fn over_links(count: usize, random: bool) -> Path {
    let (name, sources) = if random {
        ("full stack, random link", links::random_sources(count))
    } else {
        ("full stack, same link", links::same_source(count))
    };
    let contexts: Vec<_> = sources
        .into_iter()
        .map(|source| Context::new(()).with_source(source.as_str()))
        .collect();
    let next = Cell::new(0);
    let full_stack = paths::full_stack(&links::table(count));
    Path::new(name, Expected::Success, full_stack, move || {
        let index = next.get();
        next.set((index + 1) % contexts.len());
        contexts[index].clone()
    })
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    path: &Path,
) -> anyhow::Result<()> {
    let runtime = path.runtime();
    path.check(&runtime)?;
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|calls| {
            let calls = path.calls(calls);
            runtime.block_on(unconstrained(async {
                let begun = Instant::now();
                drop(black_box(calls.await));
                begun.elapsed()
            }))
        });
    });
    Ok(())
}

/// How many of `lookups` calls by `sources`, in turn, have a link.
fn look_up(table: &LinkTable, sources: &[Source], lookups: u64) -> u64 {
    let mut request = LinkRequest::new(None, INSTANCE, FUNCTION);
    let mut found = 0;
    let mut sources = sources.iter().cycle();
    for _ in 0..lookups {
        request.source = sources.next().map(Source::as_str);
        found += u64::from(black_box(table.authorize(black_box(&request))).is_some());
    }
    found
}
