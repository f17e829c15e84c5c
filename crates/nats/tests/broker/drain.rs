//! Taking no more calls, and losing none.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use futures::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{Client, Options};
use wrpc_middleware_transport::Paths;

use crate::support::calls::{LONG, SOON, accepted, call, ending, finish, open, ours_at, within};
use crate::support::peers::{INSTANCE, TARGET, ours};
use crate::support::target::Target;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::proxy::Proxy;
use wrpc_middleware_testing::wait::guard;

const CALLERS: usize = 64;

/// Callers of which every call has to be answered.
struct Callers {
    stop: Arc<AtomicBool>,
    callers: JoinSet<usize>,
}

impl Callers {
    fn start(client: &Client) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let mut callers = JoinSet::new();
        for n in 0..CALLERS {
            let (client, stop) = (within(client, LONG), Arc::clone(&stop));
            callers.spawn(async move {
                let mut calls = 0;
                while !stop.load(Ordering::Relaxed) {
                    let text = n.to_string();
                    let echoed = call(&client, "echo", text.clone()).await;
                    assert_eq!(echoed.unwrap(), text.as_bytes());
                    calls += 1;
                }
                calls
            });
        }
        Self { stop, callers }
    }

    /// How many calls there were, none of them lost.
    async fn stop(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let mut calls = 0;
        while let Some(caller) = guard("the last calls", self.callers.join_next()).await {
            calls += caller.expect("no call to be lost");
        }
        calls
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_two_takes_no_more_calls_and_loses_none() {
    const ROUNDS: usize = 20;

    let server = NatsServer::start().await;
    let stays = ours(&server, Options::new().id(TARGET)).await;
    let stayed = Target::start(&stays).await;
    let client = ours(&server, Options::new().id("client")).await;
    let callers = Callers::start(&client);
    let mut left = 0;
    for _ in 0..ROUNDS {
        let leaves = ours(&server, Options::new().id(TARGET)).await;
        let work = Target::start(&leaves).await;
        work.has_begun(CALLERS).await;
        let before = server.subscriptions().await;

        leaves.drain();
        let work = work.ended().await;

        server.subscriptions_return_to(before - 3).await;
        // As a host does before it ends: the last answers may be in the queue.
        guard("a round trip", leaves.round_trip()).await.unwrap();
        let work = work.lock().unwrap();
        assert_eq!(work.begun.len(), work.answered);
        left += work.answered;
    }
    let calls = callers.stop().await;
    assert_eq!(calls, left + stayed.work(|work| work.answered));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_server_ends_at_once() {
    let server = NatsServer::start().await;
    let client = ours(&server, Options::new().id(TARGET)).await;
    let before = server.subscriptions().await;
    let mut requests = client
        .requests(INSTANCE, "echo", Paths::default())
        .await
        .unwrap();
    assert!(futures::poll!(requests.next()).is_pending());
    let start = Instant::now();
    client.drain();
    assert!(guard("the end", requests.next()).await.is_none());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    server.subscriptions_return_to(before).await;
    // And stays so.
    assert!(requests.next().await.is_none());
    // What is served after it is served.
    let _target = Target::start(&client).await;
    let echoed = guard("an echo", call(&client, "echo", "x")).await;
    assert_eq!(echoed.unwrap(), b"x");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_run_go_on_while_no_more_are_taken() {
    let server = NatsServer::start().await;
    let client = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&client).await;
    let caller = ours(&server, Options::new().id("client")).await;
    let mut held = accepted(&caller, "echo", "held").await;
    client.drain();
    server.subscriptions_return_to(2).await;
    let refused = guard("a refusal", call(&caller, "echo", "x")).await;
    assert_eq!(ending(&refused), Err(ABSENT));
    held.outgoing.write_all(b" on").await.unwrap();
    assert_eq!(guard("an echo", finish(held)).await.unwrap(), b"held on");
    let work = work.ended().await;
    assert_eq!(work.lock().unwrap().answered, 1);
}

/// How calls end that a target gets before the broker knows that it takes no more.
async fn over_a_slow_wire<T>(leave: impl AsyncFnOnce(&Client, Target) -> T) -> (Vec<Ending>, T) {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let client = ours_at(&proxy.url(), Options::new().id(TARGET)).await;
    let target = Target::start(&client).await;
    let caller = ours(&server, Options::new().id("client")).await;

    proxy.stall();
    let left = leave(&client, target).await;
    for _ in 0..3 {
        // Whatever the NATS client does next.
        client.nats().publish("nowhere", "x".into()).await.unwrap();
        client.nats().flush().await.unwrap();
    }
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(open(&caller, "echo", "x").await.unwrap());
    }
    guard("the calls to be passed on", caller.round_trip())
        .await
        .unwrap();
    proxy.mend();
    let calls = guard("the calls", join_all(calls.into_iter().map(finish))).await;
    // Nobody is there for those that come later.
    let absent = guard("a refusal", call(&caller, "echo", "x")).await;
    assert_eq!(ending(&absent), Err(ABSENT));
    (calls.iter().map(ending).collect(), left)
}

type Ending = Result<(), (RpcErrorKind, Delivery)>;

const ABSENT: (RpcErrorKind, Delivery) = (RpcErrorKind::TargetUnavailable, Delivery::NotSent);
const TURNED_AWAY: (RpcErrorKind, Delivery) = (RpcErrorKind::Overloaded, Delivery::NotSent);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_to_a_server_that_drains_is_answered() {
    let leave = async |client: &Client, target: Target| {
        client.drain();
        target
    };
    let (endings, target) = over_a_slow_wire(leave).await;
    assert_eq!(endings, [Ok(()); 3]);
    assert_eq!(target.ended().await.lock().unwrap().answered, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_to_a_server_that_drops_its_requests_is_refused() {
    let (endings, ()) = over_a_slow_wire(async |_, target| drop(target)).await;
    assert_eq!(endings, [Err(TURNED_AWAY); 3]);
}
