//! What the NATS client had queued when its connection went is sent later.

use core::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use tower::Service as _;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{Client, ConnectionState, Options};
use wrpc_middleware_transport::Target as Name;

use crate::support::calls::{becomes, call, ending, finish, invocation, open, ours_at, within};
use crate::support::peers::{TARGET, ours};
use crate::support::target::Target;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::proxy::Proxy;
use wrpc_middleware_testing::wait::guard;

const CALLS: usize = 20;

/// A target whose connection holds, and a caller whose wire takes no more bytes, though it believes
/// that it is connected.
struct Rig {
    proxy: Proxy,
    client: Client,
    work: Target,
    _target: Client,
    _server: NatsServer,
}

impl Rig {
    async fn start(target: Options) -> Self {
        let server = NatsServer::start().await;
        let target = ours(&server, target.id(TARGET)).await;
        let work = Target::start(&target).await;
        let proxy = Proxy::start(server.port()).await;
        // It would notice by itself, sooner or later.
        let client = ours_at(&proxy.url(), Options::new()).await;
        proxy.stall();
        let chunk = Bytes::from(vec![0; client.nats().max_payload()]);
        // More than the buffers of the sockets hold.
        for _ in 0..64 {
            let stuffing = client.nats().publish("stuffing", chunk.clone());
            guard("room in the queue", stuffing).await.unwrap();
        }
        Self {
            proxy,
            client,
            work,
            _target: target,
            _server: server,
        }
    }

    /// The connection goes, and comes back.
    async fn reconnect(&self) {
        self.proxy.cut();
        becomes(&self.client, ConnectionState::Disconnected).await;
        self.proxy.mend();
        becomes(&self.client, ConnectionState::Connected).await;
        // Comes after all that was queued.
        let echoed = guard("the last call", call(&self.client, "echo", "last")).await;
        assert_eq!(echoed.unwrap(), b"last");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_late_are_not_run() {
    const TIMEOUT: Duration = Duration::from_millis(200);

    // The clocks of this machine agree.
    let rig = Rig::start(Options::new().clock_skew(Duration::ZERO)).await;
    let service = within(&rig.client, TIMEOUT);
    let calls = join_all((0..CALLS).map(|_| call(&service, "hold", "late"))).await;
    for call in calls {
        assert_eq!(
            ending(&call),
            Err((RpcErrorKind::Timeout, Delivery::Unknown))
        );
    }
    rig.reconnect().await;
    assert_eq!(rig.work.work(|work| work.begun.clone()), ["last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_were_given_up_are_stopped() {
    // In time as far as the target knows, and without a deadline.
    let rig = Rig::start(Options::new()).await;
    for _ in 0..CALLS {
        drop(open(&rig.client, "hold", "given up").await.unwrap());
    }
    let lost = open(&rig.client, "hold", "lost").await.unwrap();
    rig.reconnect().await;
    // The caller does not wait for what it was told is lost.
    let failure = lost.progress.failure().expect("a failure");
    assert_eq!(
        (failure.kind(), failure.delivery()),
        (RpcErrorKind::Transport, Delivery::Unknown)
    );
    rig.work.has_stopped(CALLS + 1).await;
    assert_eq!(rig.work.work(|work| work.answered), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_room_at_a_disconnect_is_not_sent_and_never_runs() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let proxy = Proxy::start(server.port()).await;
    let nats = async_nats::ConnectOptions::new()
        .client_capacity(2)
        .reconnect_delay_callback(|_| Duration::from_millis(20))
        .connect(proxy.url())
        .await
        .unwrap();
    let options = Options::new().default_target(Name::new(TARGET).unwrap());
    let mut client = Client::new(nats, options).await.unwrap();
    proxy.stall();
    // The wire takes no more at some time, and then the queue.
    let mut names = (0..).map(|n| format!("{n} waits "));
    let (waiting, name) = loop {
        let name = names.next().unwrap();
        let mut params = name.clone().into_bytes();
        params.resize(256 * 1024, b'.');
        let mut waiting = Box::pin(client.call(invocation("hold", params)));
        if futures::poll!(&mut waiting).is_pending() {
            break (waiting, name);
        }
    };
    proxy.cut();
    becomes(&client, ConnectionState::Disconnected).await;
    proxy.mend();
    becomes(&client, ConnectionState::Connected).await;
    // There is room now.
    guard("a round trip", client.round_trip()).await.unwrap();

    let refused = match guard("the call", waiting).await {
        Ok(call) => guard("the loss", finish(call)).await,
        Err(error) => Err(error),
    };

    assert_eq!(
        ending(&refused),
        Err((RpcErrorKind::Transport, Delivery::NotSent)),
        "{name}"
    );
    guard("a round trip", client.round_trip()).await.unwrap();
    let last = guard("the last call", call(&client, "echo", "last")).await;
    assert_eq!(last.unwrap(), b"last");
    work.work(|work| {
        assert!(
            !work.begun.iter().any(|begun| begun.starts_with(&name)),
            "{:?}",
            work.begun.len()
        );
    });
}
