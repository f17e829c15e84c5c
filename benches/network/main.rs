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

mod by_hand;
mod calls;
mod comparisons;
mod component;
mod endurance;
mod guests;
mod loads;
mod native;
mod no_parameters;
mod peers;
mod stalled;
mod support;
mod target;
mod throughput;
mod transport;

use anyhow::bail;
use wrpc_middleware_bench::arguments::Arguments;
use wrpc_middleware_bench::record::Record;

use crate::loads::Profile;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::process;

const BENCH: &str = "network";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if let Some((role, args)) = process::role() {
        return match (role.as_str(), &args[..]) {
            (target::ROLE, [url]) => target::serve(url).await,
            (endurance::ROLE, [url, leaf, calls]) => endurance::run(url, leaf, calls).await,
            _ => bail!("no such role: {role} {args:?}"),
        };
    }
    let arguments = Arguments::parse();
    let profile = Profile::of(&arguments);
    let server = NatsServer::start().await;
    let _target = target::start(&server.url()).await;
    let mut record = Record::new(BENCH);
    let mut failed = Vec::new();
    for leaf in endurance::Leaf::ALL {
        if arguments.matches(&format!("{BENCH}/{}", leaf.name())) {
            let (samples, ended) =
                endurance::measure(&server.url(), leaf, profile, arguments.long).await;
            record.samples.extend(samples);
            // The rows are worth having all the same.
            if let Err(error) = ended {
                failed.push(format!("{}: {error:#}", leaf.name()));
            }
        }
    }
    let version = server.connect().await.server_info().version;
    record.versions.push(format!("nats-server {version}"));
    for compared in comparisons::ALL {
        let comparisons = compared.measure(&server.url(), &arguments).await?;
        // A row may fail for reasons of its own, and the others are worth having; but it has to be
        // seen.
        failed.extend(compared.failures(&comparisons));
        record.comparisons.extend(comparisons);
    }
    if arguments.measure {
        record.save()?;
    }
    if !failed.is_empty() {
        bail!("what failed:\n{}", failed.join("\n"));
    }
    Ok(())
}
