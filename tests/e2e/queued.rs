//! What upstream's client had queued when its connection went is sent later.

use core::time::Duration;
use std::time::Instant;

use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures::StreamExt as _;
use wrpc_middleware::{Delivery, RpcErrorKind};

use crate::support::guests;
use crate::support::host::Host;
use crate::support::stack::{GREETER_PREFIX, LONG, Ours, SOON, TIMEOUT, host, links, ours};
use crate::support::targets::{self, RAN, upstream_client};
use crate::support::transports::{NatsWire, Upstream};
use wrpc_middleware_testing::nats::{NatsServer, connect, connected, disconnected, round_trip};
use wrpc_middleware_testing::proxy::Proxy;
use wrpc_middleware_testing::wait::guard;

over_both!(
    a_disconnect_ends_a_call_that_is_queued,
    a_call_of_a_disconnected_client_is_not_sent_and_never_runs,
);

/// A target whose connection holds, and a caller whose connection can be cut.
struct Rig {
    proxy: Proxy,
    client: Client,
    /// Hears of every call that the target runs.
    ran: Subscriber,
    _observer: Client,
    _target: targets::Target,
    _server: NatsServer,
}

impl Rig {
    async fn start<N: NatsWire>() -> Self {
        let server = NatsServer::start().await;
        let observer = server.connect().await;
        let ran = observer
            .subscribe(format!("{RAN}.*"))
            .await
            .expect("subscribe");
        round_trip(&observer).await;
        let target = targets::native::<N>(server.connect().await, GREETER_PREFIX).await;
        let proxy = Proxy::start(server.port()).await;
        Self {
            client: connect(&proxy.url()).await,
            proxy,
            ran,
            _observer: observer,
            _target: target,
            _server: server,
        }
    }

    async fn caller<N: NatsWire>(&mut self, timeout: Duration) -> Host<Ours<N>> {
        let ours = ours::<N>(&self.client, &links(), timeout, timeout).await;
        let caller = host(&guests::caller(), ours);
        let first = caller.greet("first").await;
        assert_eq!(first.wave(), r#"ok("hello, first")"#);
        assert_eq!(self.next_run().await, "first");
        caller
    }

    /// Makes the wire take no more bytes, while the client believes that it is connected: what it
    /// is given from now on it queues.
    async fn stall(&self) {
        self.proxy.stall();
        let chunk = Bytes::from(vec![0; self.client.max_payload()]);
        // More than the buffers of the sockets hold.
        for _ in 0..64 {
            let stuffing = self.client.publish("stuffing", chunk.clone());
            guard("room in the client's queue", stuffing)
                .await
                .expect("publish");
        }
        assert_eq!(
            self.client.connection_state(),
            async_nats::connection::State::Connected
        );
    }

    /// The name that the target ran next.
    async fn next_run(&mut self) -> String {
        let message = guard("the target to run", self.ran.next())
            .await
            .expect("a message");
        let (_, name) = message.subject.split_once('.').expect("a name");
        name.to_owned()
    }

    /// The names that the target has run by now, of calls that were sent before.
    async fn runs_up_to_now(&mut self) -> Vec<String> {
        // Comes after those calls for the target, and so after what it says of them.
        connected(&self.client).await;
        let wrpc = upstream_client(&self.client, GREETER_PREFIX).await;
        let caller = Host::upstream(&guests::caller(), wrpc, None);
        guard("the last call", caller.greet("last")).await.wave();
        let mut runs = Vec::new();
        loop {
            let name = self.next_run().await;
            if name == "last" {
                return runs;
            }
            runs.push(name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_queued_at_a_disconnect_is_unknown_and_runs_later() {
    let mut rig = Rig::start::<Upstream>().await;
    let caller = rig.caller::<Upstream>(TIMEOUT).await;
    rig.stall().await;

    let queued = guard("the timeout", caller.greet("queued")).await;

    queued.assert_failure(RpcErrorKind::Timeout, Delivery::Unknown);
    rig.proxy.cut();
    disconnected(&rig.client).await;
    rig.proxy.mend();
    assert_eq!(rig.next_run().await, "queued");
}

async fn a_disconnect_ends_a_call_that_is_queued<N: NatsWire>() {
    let mut rig = Rig::start::<N>().await;
    let caller = rig.caller::<N>(LONG).await;
    rig.stall().await;

    let mut queued = core::pin::pin!(caller.greet("queued"));
    // Nothing on the way to the client's queue waits, except for the connection.
    assert!(futures::poll!(&mut queued).is_pending());
    rig.proxy.cut();
    let start = Instant::now();
    let queued = guard("the call to end", queued).await;

    queued.assert_failure(RpcErrorKind::Transport, Delivery::Unknown);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    rig.proxy.mend();
    assert_eq!(rig.next_run().await, "queued");
}

async fn a_call_of_a_disconnected_client_is_not_sent_and_never_runs<N: NatsWire>() {
    let mut rig = Rig::start::<N>().await;
    let caller = rig.caller::<N>(LONG).await;
    rig.proxy.cut();
    disconnected(&rig.client).await;

    let refused = caller.greet("refused").await;

    refused.assert_failure(RpcErrorKind::Transport, Delivery::NotSent);
    rig.proxy.mend();
    assert_eq!(rig.runs_up_to_now().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_the_leaf_a_call_of_a_disconnected_client_runs_when_its_caller_is_gone() {
    let mut rig = Rig::start::<Upstream>().await;
    let wrpc = upstream_client(&rig.client, GREETER_PREFIX).await;
    let caller = Host::upstream(&guests::caller(), wrpc, None).context_timeout(TIMEOUT);
    rig.proxy.cut();
    disconnected(&rig.client).await;

    let given_up = guard("the call to end", caller.greet("stale")).await;

    given_up.assert_trapped_untyped();
    rig.proxy.mend();
    assert_eq!(rig.next_run().await, "stale");
}
