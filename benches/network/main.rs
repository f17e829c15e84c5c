//! Calls over a NATS server on loopback, by everything that a user could pick: caller, target and
//! server are processes of their own.
//!
//! The rows of a comparison take turns, so that noise of the machine hits all of them alike; see
//! `wrpc_middleware_bench::interleave`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the harness of the tests fails by panicking"
)]

mod calls;
mod component;
mod endurance;
mod guests;
mod loads;
mod native;
mod peers;
mod support;
mod target;
mod transport;

use anyhow::bail;
use wrpc_middleware_bench::arguments::Arguments;
use wrpc_middleware_bench::interleave::{BoxFuture, Contender, Load, compare};
use wrpc_middleware_bench::record::Record;

use crate::loads::Profile;
use crate::support::nats::NatsServer;
use crate::support::process;

const BENCH: &str = "network";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if let Some((role, args)) = process::role() {
        return match (role.as_str(), &args[..]) {
            (target::ROLE, [url]) => target::serve(url).await,
            _ => bail!("no such role: {role} {args:?}"),
        };
    }
    let arguments = Arguments::parse();
    let profile = Profile::of(&arguments);
    let server = NatsServer::start().await;
    let _target = target::start(&server.url()).await;
    let mut record = Record::new(BENCH);
    let mut failed = Vec::new();
    // First, as long as the process has no memory left over from large values.
    if arguments.matches(&format!("{BENCH}/{}", endurance::NAME)) {
        let calls = match profile {
            Profile::Smoke => 2_000,
            Profile::Quick => 100_000,
            Profile::Full => 1_000_000,
        };
        match endurance::measure(&server.url(), calls).await {
            Ok(samples) => record.samples = samples,
            // The rows are worth having all the same.
            Err(error) => failed.push(format!("{}: {error:#}", endurance::NAME)),
        }
    }
    let version = server.connect().await.server_info().version;
    record.versions.push(format!("nats-server {version}"));
    for compared in compared(profile) {
        measure(&server.url(), &arguments, &compared, &mut record).await?;
    }
    if arguments.measure {
        record.save()?;
    }
    // A row may fail for reasons of its own, and the others are worth having; but it has to be
    // seen.
    failed.extend(failures(&record));
    if !failed.is_empty() {
        bail!("what failed:\n{}", failed.join("\n"));
    }
    Ok(())
}

/// Rows that are compared with one another, under several loads.
struct Compared {
    title: &'static str,
    /// The row that the others are divided by.
    baseline: &'static str,
    names: &'static [&'static str],
    loads: Vec<Load>,
    rows: Rows,
}

/// Makes the rows for a load.
type Rows = fn(String, Load) -> BoxFuture<'static, anyhow::Result<Vec<Contender>>>;

/// Everything, small values first: what large ones leave of memory slows others down.
fn compared(profile: Profile) -> Vec<Compared> {
    vec![
        Compared {
            title: transport::TITLE,
            baseline: transport::BASELINE,
            names: &transport::ROWS,
            loads: loads::transport(profile),
            rows: |url, load| Box::pin(async move { transport::rows(&url, load.payload).await }),
        },
        Compared {
            title: native::TITLE,
            baseline: native::BASELINE,
            names: &native::ROWS,
            loads: loads::calls(profile),
            rows: |url, load| Box::pin(async move { native::rows(&url, load.payload).await }),
        },
        Compared {
            title: component::TITLE,
            baseline: component::BASELINE,
            names: &component::ROWS,
            loads: loads::calls(profile),
            rows: |url, load| {
                Box::pin(async move { component::rows(&url, load.concurrency, load.payload).await })
            },
        },
    ]
}

async fn measure(
    url: &str,
    arguments: &Arguments,
    compared: &Compared,
    record: &mut Record,
) -> anyhow::Result<()> {
    let (title, baseline) = (compared.title, compared.baseline);
    for (index, load) in compared.loads.iter().enumerate() {
        let chosen = chosen(arguments, title, *load, compared.names);
        if chosen.is_empty() {
            continue;
        }
        let mut rows = (compared.rows)(url.to_owned(), *load).await?;
        // What a row is compared with belongs to it.
        rows.retain(|row| chosen.contains(&row.name()) || row.name() == baseline);
        eprintln!(
            "{title}: {} bytes, {} at a time ({}/{})",
            load.payload,
            load.concurrency,
            index + 1,
            compared.loads.len()
        );
        let comparison = compare(title, baseline, *load, rows).await;
        record.comparisons.push(comparison);
    }
    Ok(())
}

/// The rows that the filter lets through.
fn chosen<'a>(arguments: &Arguments, title: &str, load: Load, names: &[&'a str]) -> Vec<&'a str> {
    let (payload, concurrency) = (load.payload, load.concurrency);
    let id = |name: &str| format!("{BENCH}/{title}/{name}/{payload}/{concurrency}");
    let chosen = names.iter().filter(|name| arguments.matches(&id(name)));
    chosen.copied().collect()
}

fn failures(record: &Record) -> impl Iterator<Item = String> {
    record.comparisons.iter().flat_map(|comparison| {
        comparison.rows.iter().filter_map(|row| {
            let reason = row.failed.as_deref()?;
            Some(format!(
                "{}, {}, {} bytes, {} at a time: {reason}",
                comparison.title, row.name, comparison.payload, comparison.concurrency
            ))
        })
    })
}
