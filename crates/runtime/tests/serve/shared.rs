//! A component that exports resources: one instance.

use core::time::Duration;
use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wrpc_middleware_runtime::{DecodeError, ExportServer, InvocationError, InvocationFailure};
use wrpc_transport::{Invoke as _, InvokeExt as _};

use crate::guests;
use crate::host::{Host, Shared, engine, prepare};
use crate::net::{Calls, Net, SYNC};

const COUNTERS: &str = "test:serve/counters";

struct Counters {
    net: Net,
    calls: Calls,
    shared: Shared,
}

impl Counters {
    async fn serve(options: impl FnOnce(ExportServer<Host>) -> ExportServer<Host>) -> Self {
        let engine = engine();
        let component = prepare(&engine, &guests::counters());
        let shared = Shared::default();
        let made = shared.clone();
        let server = options(ExportServer::new(component, move || made.store(&engine)));
        let net = Net::default();
        let exports = server.serve(net.transport()).await.unwrap();
        assert_eq!(shared.stores.load(SeqCst), 1);
        assert_eq!(exports.functions().len(), 10);
        Self {
            net,
            calls: Calls::run(exports),
            shared,
        }
    }

    /// The bytes of the result, and how the call ended.
    async fn call(&mut self, func: &str, params: &[u8]) -> (Vec<u8>, Result<(), InvocationError>) {
        let params = Bytes::copy_from_slice(params);
        let client = self.net.connect();
        let (mut outgoing, mut incoming) = client
            .invoke((), COUNTERS, func, params, SYNC)
            .await
            .unwrap();
        outgoing.shutdown().await.unwrap();
        let mut result = Vec::new();
        incoming.read_to_end(&mut result).await.unwrap();
        (result, self.calls.next().await)
    }

    /// A handle.
    async fn counter(&mut self, start: u8) -> Vec<u8> {
        let (handle, ended) = self.call("counter", &[start]).await;
        ended.unwrap();
        assert_eq!(handle.len(), 17);
        handle
    }

    async fn increment(&mut self, handle: &[u8]) -> Result<u8, InvocationError> {
        let (result, ended) = self.call("counter.increment", handle).await;
        ended.map(|()| result[0])
    }

    async fn dropped(&mut self) -> u8 {
        let (result, ended) = self.call("dropped", &[]).await;
        ended.unwrap();
        result[0]
    }
}

fn assert_stale(error: &InvocationError) {
    assert!(
        matches!(
            error.failure(),
            InvocationFailure::Parameters(DecodeError::UnknownHandle)
        ),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn resources_keep_their_state_between_calls() {
    let mut counters = Counters::serve(|server| server).await;
    let a = counters.counter(10).await;
    let b = counters.counter(20).await;
    assert_ne!(a, b);
    assert_eq!(counters.increment(&a).await.unwrap(), 11);
    assert_eq!(counters.increment(&a).await.unwrap(), 12);
    assert_eq!(counters.increment(&b).await.unwrap(), 21);

    let (merged, ended) = counters
        .call("counter.merge", &[a.clone(), b].concat())
        .await;
    ended.unwrap();
    assert_eq!(counters.increment(&merged).await.unwrap(), 34);
    assert_eq!(counters.dropped().await, 2);
    assert_stale(&counters.increment(&a).await.unwrap_err());
    assert_eq!(counters.shared.stores.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn one_handle_cannot_be_passed_twice_by_value() {
    let mut counters = Counters::serve(|server| server).await;
    let a = counters.counter(1).await;
    let (_, ended) = counters
        .call("counter.merge", &[a.clone(), a.clone()].concat())
        .await;
    assert_stale(&ended.unwrap_err());
    assert_eq!(
        counters.increment(&a).await.unwrap(),
        2,
        "it is still there"
    );
}

#[tokio::test(start_paused = true)]
async fn upstreams_client_uses_resources() {
    let counters = Counters::serve(|server| server).await;
    let ((handle,), _) = counters
        .net
        .connect()
        .invoke_values::<_, (u32,), (wrpc_transport::ResourceOwn<()>,)>(
            (),
            COUNTERS,
            "counter",
            (5,),
            SYNC,
        )
        .await
        .unwrap();
    let ((count,), _) = counters
        .net
        .connect()
        .invoke_values::<_, (wrpc_transport::ResourceBorrow<()>,), (u32,)>(
            (),
            COUNTERS,
            "counter.increment",
            (handle.into(),),
            SYNC,
        )
        .await
        .unwrap();
    assert_eq!(count, 6);
}

#[tokio::test(start_paused = true)]
async fn the_instance_is_replaced_after_a_trap() {
    let mut counters = Counters::serve(|server| server).await;
    let a = counters.counter(1).await;
    let (result, ended) = counters.call("counter.trap", &a).await;
    assert!(result.is_empty());
    assert!(matches!(
        ended.unwrap_err().failure(),
        InvocationFailure::Trap(_)
    ));
    assert_eq!(counters.shared.alive.load(SeqCst), 0);

    let b = counters.counter(7).await;
    assert_eq!(counters.shared.stores.load(SeqCst), 2);
    assert_eq!(counters.increment(&b).await.unwrap(), 8);
    let error = counters.increment(&a).await.unwrap_err();
    assert_stale(&error);
    assert!(
        format!("{:#}", anyhow::Error::from(error)).ends_with(
            "the resource handle is unknown: it was dropped, or its instance was replaced"
        )
    );
    assert_eq!(
        counters.shared.stores.load(SeqCst),
        2,
        "a stale handle replaces nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_host_costs_one_call_and_the_instance() {
    let mut counters = Counters::serve(|server| server).await;
    let a = counters.counter(1).await;
    let (result, ended) = counters.call("counter.panic", &a).await;
    assert!(result.is_empty());
    assert!(matches!(
        ended.unwrap_err().failure(),
        InvocationFailure::Aborted
    ));
    let b = counters.counter(7).await;
    assert_eq!(counters.increment(&b).await.unwrap(), 8);
    assert_stale(&counters.increment(&a).await.unwrap_err());
    assert_eq!(counters.shared.alive.load(SeqCst), 1);
}

/// Starts `counter.pause`, and waits until the guest is in it.
async fn pause(net: &Net, shared: &Shared, handle: &[u8]) -> impl Sized + use<> {
    let before = shared.pausing.load(SeqCst);
    let params = Bytes::copy_from_slice(handle);
    let streams = net
        .connect()
        .invoke((), COUNTERS, "counter.pause", params, SYNC)
        .await
        .unwrap();
    while shared.pausing.load(SeqCst) == before {
        tokio::task::yield_now().await;
    }
    streams
}

#[tokio::test(start_paused = true)]
async fn calls_run_one_after_the_other_and_a_silent_caller_takes_no_turn() {
    let mut counters = Counters::serve(|server| server).await;
    let (net, shared) = (counters.net.clone(), counters.shared.clone());
    let a = counters.counter(1).await;
    let half = Bytes::from_static(&[16]);
    let _silent = net
        .connect()
        .invoke((), COUNTERS, "counter.increment", half, SYNC)
        .await
        .unwrap();
    assert_eq!(counters.increment(&a).await.unwrap(), 2);

    let _pausing = pause(&net, &shared, &a).await;
    let client = net.connect();
    let params = Bytes::copy_from_slice(&a);
    let (_outgoing, mut incoming) = client
        .invoke((), COUNTERS, "counter.increment", params, SYNC)
        .await
        .unwrap();
    let mut result = [0];
    let waiting = tokio::time::timeout(Duration::from_secs(20), incoming.read_exact(&mut result));
    assert!(waiting.await.is_err(), "the instance is busy");
    shared.gate.0.add_permits(1);
    incoming.read_exact(&mut result).await.unwrap();
    assert_eq!(result, [3]);
    counters.calls.next().await.unwrap();
    counters.calls.next().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_guest_whose_call_was_dropped_goes_on_to_its_end() {
    let engine = engine();
    let component = prepare(&engine, &guests::counters());
    let shared = Shared::default();
    let made = shared.clone();
    let net = Net::default();
    let server = ExportServer::new(component, move || made.store(&engine));
    let mut exports = server.serve(net.transport()).await.unwrap();
    let mut calls = async |func: &str, params: &[u8]| {
        let params = Bytes::copy_from_slice(params);
        let client = net.connect();
        let streams = client.invoke((), COUNTERS, func, params, SYNC).await;
        let ((), invocation) = exports.next().await.unwrap().unwrap();
        (invocation, streams.unwrap())
    };
    let (invocation, (_, mut incoming)) = calls("counter", &[1]).await;
    invocation.await.unwrap();
    let mut a = [0; 17];
    incoming.read_exact(&mut a).await.unwrap();

    let (invocation, _streams) = calls("counter.pause", &a).await;
    let running = tokio::spawn(invocation);
    while shared.pausing.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(shared.alive.load(SeqCst), 1);

    // The next call has its turn after that, on the same instance.
    let (invocation, (_, mut incoming)) = calls("counter.increment", &a).await;
    let mut following = tokio::spawn(invocation);
    assert!(
        tokio::time::timeout(Duration::from_mins(1), &mut following)
            .await
            .is_err()
    );
    shared.gate.0.add_permits(1);
    following.await.unwrap().unwrap();
    let mut count = [0];
    incoming.read_exact(&mut count).await.unwrap();
    assert_eq!(count, [2]);
    assert_eq!(shared.stores.load(SeqCst), 1);

    // A call that only waits for its turn is gone at once.
    let (paused, _streams) = calls("counter.pause", &a).await;
    let paused = tokio::spawn(paused);
    while shared.pausing.load(SeqCst) == 1 {
        tokio::task::yield_now().await;
    }
    let (waiting, _streams) = calls("counter.increment", &a).await;
    assert!(
        tokio::time::timeout(Duration::from_secs(1), waiting)
            .await
            .is_err()
    );
    shared.gate.0.add_permits(1);
    paused.await.unwrap().unwrap();
    let (invocation, (_, mut incoming)) = calls("counter.increment", &a).await;
    invocation.await.unwrap();
    incoming.read_exact(&mut count).await.unwrap();
    assert_eq!(count, [3]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_busy_for_too_long_is_replaced() {
    let limit = Duration::from_secs(2);
    let mut counters = Counters::serve(|server| server.max_duration(limit)).await;
    let (net, shared) = (counters.net.clone(), counters.shared.clone());
    for stores in 1..3 {
        let a = counters.counter(1).await;
        let start = tokio::time::Instant::now();
        if stores == 1 {
            let _pausing = pause(&net, &shared, &a).await;
            let error = counters.calls.next().await.unwrap_err();
            assert!(matches!(error.failure(), InvocationFailure::TimedOut(_)));
        } else {
            let client = net.connect();
            let params = Bytes::copy_from_slice(&a);
            let _streams = client
                .invoke((), COUNTERS, "counter.spin", params, SYNC)
                .await
                .unwrap();
            // The clock moves by itself only while nobody computes.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            tokio::time::advance(limit).await;
            let error = counters.calls.next().await.unwrap_err();
            assert!(matches!(error.failure(), InvocationFailure::TimedOut(_)));
        }
        assert!(start.elapsed() < limit + Duration::from_millis(10));
        let b = counters.counter(5).await;
        assert_eq!(counters.increment(&b).await.unwrap(), 6);
        assert_stale(&counters.increment(&a).await.unwrap_err());
        assert_eq!(shared.stores.load(SeqCst), stores + 1);
        assert_eq!(shared.alive.load(SeqCst), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_for_long_has_its_whole_time_once_it_is_its_turn() {
    let limit = Duration::from_secs(2);
    let mut counters = Counters::serve(|server| server.max_duration(limit)).await;
    let (net, shared) = (counters.net.clone(), counters.shared.clone());
    let a = counters.counter(1).await;
    let _first = pause(&net, &shared, &a).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let _second = net
        .connect()
        .invoke(
            (),
            COUNTERS,
            "counter.pause",
            Bytes::copy_from_slice(&a),
            SYNC,
        )
        .await
        .unwrap();
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_millis(900)).await;
    shared.gate.0.add_permits(1);
    counters.calls.next().await.unwrap();
    // The caller of the second is told after two seconds, of which it has waited for nearly one.
    let error = counters.calls.next().await.unwrap_err();
    assert!(matches!(error.failure(), InvocationFailure::TimedOut(_)));
    // The guest still has the rest of its own two seconds.
    shared.gate.0.add_permits(1);
    assert_eq!(counters.increment(&a).await.unwrap(), 2);
    assert_eq!(shared.stores.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn handles_are_bounded_and_what_finds_no_room_is_dropped() {
    let mut counters = Counters::serve(|server| server.max_handles(3)).await;
    let a = counters.counter(1).await;
    let (result, ended) = counters.call("many", &[3]).await;
    assert!(result.is_empty());
    let error = ended.unwrap_err();
    assert!(matches!(error.failure(), InvocationFailure::Results(_)));
    let error = format!("{:#}", anyhow::Error::from(error));
    assert!(
        error.ends_with("peers hold 3 resource handles already, which is the limit"),
        "{error}"
    );
    assert_eq!(counters.dropped().await, 3, "all of the failed call");
    let (handles, ended) = counters.call("many", &[2]).await;
    ended.unwrap();
    assert_eq!(handles.len(), 1 + 2 * 17);
    assert_eq!(counters.increment(&a).await.unwrap(), 2);
    assert_eq!(counters.shared.stores.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn handles_that_nobody_took_are_dropped() {
    let engine = engine();
    let component = prepare(&engine, &guests::counters());
    let shared = Shared::default();
    let made = shared.clone();
    let net = Net::default();
    let server = ExportServer::new(component, move || made.store(&engine)).max_handles(2);
    let mut exports = server.serve(net.transport()).await.unwrap();
    let mut calls = async |func: &str, params: &'static [u8]| {
        let client = net.connect();
        let params = Bytes::from_static(params);
        let streams = client.invoke((), COUNTERS, func, params, SYNC).await;
        let ((), invocation) = exports.next().await.unwrap().unwrap();
        (invocation, streams.unwrap())
    };
    // The guest makes them after its caller has gone.
    for round in 1..=3 {
        let (invocation, _streams) = calls("many-later", &[2]).await;
        let running = tokio::spawn(invocation);
        while shared.pausing.load(SeqCst) < round {
            tokio::task::yield_now().await;
        }
        running.abort();
        shared.gate.0.add_permits(1);
    }
    let (invocation, (_, mut incoming)) = calls("many", &[2]).await;
    invocation.await.unwrap();
    let mut handles = Vec::new();
    incoming.read_to_end(&mut handles).await.unwrap();
    assert_eq!(handles.len(), 1 + 2 * 17, "there is room again");

    let (invocation, (_, mut incoming)) = calls("dropped", &[]).await;
    invocation.await.unwrap();
    let mut dropped = [0];
    incoming.read_exact(&mut dropped).await.unwrap();
    assert_eq!(dropped, [6]);
}
