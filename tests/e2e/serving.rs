//! Components that the project serves.

use bytes::Bytes;
use wrpc_transport::{InvokeExt as _, ResourceBorrow, ResourceOwn};

use crate::support::guests;
use crate::support::stack::GREETER_PREFIX;
use crate::support::targets::{self, upstream_client};
use crate::support::transports::NatsWire;
use wrpc_middleware_testing::nats::NatsServer;

over_both!(resources_live_in_one_instance_until_it_traps,);

const COUNTERS: &str = "test:app/counters@0.1.0";

struct Counter;

/// Upstream's client of a component that owns counters.
struct Counters(wrpc_transport_nats::Client);

impl Counters {
    async fn counter(&self, start: u32) -> ResourceOwn<Counter> {
        let paths = [[]; 0] as [[Option<usize>; 0]; 0];
        let counter = self
            .0
            .invoke_values_blocking(None, COUNTERS, "counter", (start,), paths);
        let (counter,) = counter.await.expect("a counter");
        counter
    }

    async fn add(&self, counter: &ResourceOwn<Counter>, n: u32) -> anyhow::Result<u32> {
        let paths = [[]; 0] as [[Option<usize>; 0]; 0];
        let counter = ResourceBorrow::<Counter>::from(Bytes::copy_from_slice(counter.as_ref()));
        let add = self
            .0
            .invoke_values_blocking(None, COUNTERS, "counter.add", (counter, n), paths);
        let (sum,) = add.await?;
        Ok(sum)
    }
}

async fn resources_live_in_one_instance_until_it_traps<N: NatsWire>() {
    let server = NatsServer::start().await;
    let target_client = server.connect().await;
    let guest = guests::counter_target();
    let _target = targets::component::<N>(target_client, GREETER_PREFIX, &guest).await;
    let client = server.connect().await;
    let counters = Counters(upstream_client(&client, GREETER_PREFIX).await);

    let one = counters.counter(10).await;
    let other = counters.counter(100).await;
    assert_eq!(counters.add(&one, 1).await.unwrap(), 11);
    assert_eq!(counters.add(&other, 1).await.unwrap(), 101);
    assert_eq!(counters.add(&one, 1).await.unwrap(), 12);

    // The instance traps, and is replaced: its handles are stale, new ones work.
    counters.add(&one, u32::MAX).await.unwrap_err();
    counters.add(&other, 1).await.unwrap_err();
    let next = counters.counter(1_000).await;
    assert_eq!(counters.add(&next, 1).await.unwrap(), 1_001);
}
