//! How long a link that is removed still lets calls through, while calls are made all the time.
//!
//! The time is taken from the moment at which the removal begins to the first denied call.

use core::time::Duration;
use std::time::Instant;

use tokio::task::JoinSet;
use wrpc_middleware_links::Bucket;

use crate::support::links::{becomes, created, entry, put, watch};
use crate::support::peers::{DENIED, Target, call, caller, client, ending};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

/// How often a link is removed.
const ROUNDS: usize = 50;

/// Far above what it takes on a loaded machine.
const BOUND: Duration = Duration::from_secs(20);

/// Calls by the link of `source` until it is denied; returns when that was.
async fn until_denied<P>(stack: crate::support::peers::Caller<P>) -> Instant
where
    P: wrpc_middleware_transport::link::LinkPolicy + Clone,
{
    loop {
        let ended = ending(&call(&stack, "echo", b"x".to_vec()).await);
        if ended == DENIED {
            return Instant::now();
        }
        assert_eq!(ended, Ok(()));
    }
}

/// The median and the longest.
fn summary(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() - 1])
}

async fn measure(hosts: usize) {
    let server = NatsServer::start_with_jetstream("").await;
    let bucket = created(server.connect().await).await;
    let target = client(&server.url(), "target").await;
    let _target = Target::start(&target).await;
    let mut followers = Vec::new();
    for _ in 0..hosts {
        let host = client(&server.url(), "client").await;
        let own = Bucket::new(host.nats().clone(), bucket.name().clone());
        followers.push((host, watch(&own)));
    }
    let link = entry("client", "target");
    let (mut times, mut removals) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        put(&bucket, "client", "target").await;
        let mut callers = JoinSet::new();
        for (host, links) in &followers {
            becomes(links, "client", Some("target")).await;
            callers.spawn(until_denied(caller(host, "client", links.clone())));
        }
        let start = Instant::now();
        let removed = bucket.remove(&link.source, &link.name, &link.interface);
        assert!(guard("a removal", removed).await.unwrap());
        removals.push(start.elapsed());
        while let Some(denied) = guard("a denial", callers.join_next()).await {
            times.push(denied.unwrap().saturating_duration_since(start));
        }
    }
    let (median, worst) = summary(times);
    println!("{hosts} hosts, {ROUNDS} rounds: denied after {median:?}, at worst {worst:?}");
    let (median, longest) = summary(removals);
    println!("  of that, the removal itself took {median:?}, at worst {longest:?}");
    assert!(worst < BOUND, "{worst:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_link_is_denied_soon_on_one_host() {
    measure(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_link_is_denied_soon_on_three_hosts() {
    measure(3).await;
}
