//! The connection to the broker goes, and comes back.

use core::time::Duration;
use std::time::Instant;

use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{Client, ConnectionState, EventSink, Options};
use wrpc_middleware_transport::{Paths, Target as Name};

use crate::support::calls::{
    LONG, SHORT, SOON, accepted, becomes, call, ending, finish, open, ours_at, typed, within,
};
use crate::support::peers::{INSTANCE, TARGET, ours};
use crate::support::target::Target;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::proxy::Proxy;
use wrpc_middleware_testing::wait::{guard, until};

/// A client without our events.
async fn bare(url: &str) -> Client {
    let nats = wrpc_middleware_testing::nats::connect(url).await;
    let target = Name::new(TARGET).unwrap();
    let options = Options::new().id("bare").default_target(target);
    Client::new(nats, options).await.expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_connection_is_known() {
    let mut server = NatsServer::start().await;
    for client in [
        ours_at(&server.url(), Options::new()).await,
        bare(&server.url()).await,
    ] {
        becomes(&client, ConnectionState::Connected).await;
        server.kill();
        becomes(&client, ConnectionState::Disconnected).await;
        server.restart().await;
        becomes(&client, ConnectionState::Connected).await;
        guard("a round trip", client.round_trip()).await.unwrap();
        client.nats().drain().await.unwrap();
        becomes(&client, ConnectionState::Closed).await;
        let refused = guard("a refusal", call(&client, "echo", "x")).await;
        assert_eq!(
            ending(&refused),
            Err((RpcErrorKind::Transport, Delivery::NotSent))
        );
        assert!(client.round_trip().await.is_err());
        // For ever.
        let mut state = client.connection_state();
        assert_eq!(*state.borrow_and_update(), ConnectionState::Closed);
        let changed = tokio::time::timeout(SHORT, state.changed()).await;
        assert!(changed.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_connection_a_call_fails_at_once_and_is_never_sent() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let proxy = Proxy::start(server.port()).await;
    for client in [
        ours_at(&proxy.url(), Options::new()).await,
        bare(&proxy.url()).await,
    ] {
        proxy.cut();
        becomes(&client, ConnectionState::Disconnected).await;
        for _ in 0..10 {
            let start = Instant::now();
            let refused = call(&within(&client, LONG), "echo", "refused").await;
            assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
            assert_eq!(
                ending(&refused),
                Err((RpcErrorKind::Transport, Delivery::NotSent))
            );
        }
        assert_eq!(client.calls(), 0);
        proxy.mend();
        becomes(&client, ConnectionState::Connected).await;
        let last = guard("the last call", call(&client, "echo", "last")).await;
        assert_eq!(last.unwrap(), b"last");
    }
    assert_eq!(work.work(|work| work.begun.clone()), ["last", "last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_for_a_connection_as_long_as_it_is_told_to() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let proxy = Proxy::start(server.port()).await;
    let patient = ours_at(&proxy.url(), Options::new().reconnect_wait(LONG)).await;
    let hasty = ours_at(&proxy.url(), Options::new().reconnect_wait(SHORT)).await;
    proxy.cut();
    becomes(&patient, ConnectionState::Disconnected).await;
    becomes(&hasty, ConnectionState::Disconnected).await;

    let mut waiting = core::pin::pin!(call(&patient, "echo", "patient"));
    assert!(futures::poll!(&mut waiting).is_pending());
    // One that is given up meanwhile is never sent.
    let late = guard(
        "the deadline",
        call(&within(&patient, SHORT), "echo", "late"),
    )
    .await;
    assert_eq!(
        ending(&late),
        Err((RpcErrorKind::Timeout, Delivery::NotSent))
    );
    let start = Instant::now();
    let refused = guard("the end of the wait", call(&hasty, "echo", "hasty")).await;
    assert!(start.elapsed() >= SHORT);
    assert_eq!(
        ending(&refused),
        Err((RpcErrorKind::Transport, Delivery::NotSent))
    );
    assert!(futures::poll!(&mut waiting).is_pending());
    assert_eq!((patient.calls(), hasty.calls()), (0, 0));
    proxy.mend();
    assert_eq!(guard("the call", waiting).await.unwrap(), b"patient");
    assert_eq!(work.work(|work| work.begun.clone()), ["patient"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_goes_under_running_calls() {
    let mut server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let _work = Target::start(&target).await;
    // Hears of calls and says nothing.
    let mut silent = target
        .requests(INSTANCE, "silent", Paths::default())
        .await
        .unwrap();
    for client in [
        ours_at(&server.url(), Options::new()).await,
        bare(&server.url()).await,
    ] {
        becomes(&client, ConnectionState::Connected).await;
        let unknown = open(&client, "silent", "x").await.unwrap();
        let _unanswered = guard("a call", silent.next()).await;
        let mut begun = accepted(&client, "begin", "some").await;
        begun.outgoing.shutdown().await.unwrap();
        until("some results", async || client.buffered() > 0).await;
        let held = accepted(&client, "hold", "x").await;

        let start = Instant::now();
        server.kill();
        let unknown = guard("the loss", finish(unknown)).await;
        let held = guard("the loss", finish(held)).await;
        // What has arrived is there first.
        let mut bytes = Vec::new();
        let read = guard("the loss", begun.incoming.read_to_end(&mut bytes)).await;

        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        assert_eq!(bytes, b"some");
        let begun = read.map_err(|error| typed(&error));
        let lost = |delivery| Err((RpcErrorKind::Transport, delivery));
        assert_eq!(ending(&unknown), lost(Delivery::Unknown));
        assert_eq!(ending(&held), lost(Delivery::Accepted));
        assert_eq!(ending(&begun), lost(Delivery::Accepted));
        server.restart().await;
        becomes(&target, ConnectionState::Connected).await;
        guard("a round trip", target.round_trip()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_was_cut_off_gives_its_calls_up_once_it_is_back() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let proxy = Proxy::start(server.port()).await;
    let client = ours_at(&proxy.url(), Options::new()).await;
    let held = accepted(&client, "hold", "x").await;

    proxy.cut();
    let lost = guard("the loss", finish(held)).await;

    assert_eq!(
        ending(&lost),
        Err((RpcErrorKind::Transport, Delivery::Accepted))
    );
    assert_eq!(work.work(|work| work.stopped.len()), 0);
    proxy.mend();
    work.has_stopped(1).await;
    until("nothing to be left", async || {
        (client.calls(), target.calls()) == (0, 0)
    })
    .await;
}

/// What the defaults of [`connect`](wrpc_middleware_nats::connect) promise.
const NOTICED: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_broker_is_noticed_and_calls_end_at_their_deadline() {
    const TIMEOUT: Duration = Duration::from_secs(1);

    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let _work = Target::start(&target).await;
    let client = ours_at(&server.url(), Options::new()).await;
    let bare = bare(&server.url()).await;
    let echoed = guard("an echo", call(&client, "echo", "x")).await;
    assert_eq!(echoed.unwrap(), b"x");

    server.freeze().await;
    let start = Instant::now();
    let caller = within(&client, TIMEOUT);
    let calls = ["echo", "hold"].map(|func| call(&caller, func, "x"));
    let calls = guard("the deadline", futures::future::join_all(calls)).await;
    let elapsed = start.elapsed();
    for call in calls {
        assert_eq!(
            ending(&call),
            Err((RpcErrorKind::Timeout, Delivery::Unknown))
        );
    }
    assert!(
        elapsed >= TIMEOUT && elapsed < TIMEOUT + SOON,
        "{elapsed:?}"
    );
    becomes(&client, ConnectionState::Disconnected).await;
    let noticed = start.elapsed();
    println!("noticed after {noticed:?}");
    // A loaded machine is late.
    assert!(noticed < NOTICED + Duration::from_secs(2), "{noticed:?}");
    let refused = call(&client, "echo", "x").await;
    assert_eq!(
        ending(&refused),
        Err((RpcErrorKind::Transport, Delivery::NotSent))
    );
    // Control: by the defaults of NATS it is not noticed for minutes.
    assert_eq!(
        *bare.connection_state().borrow(),
        ConnectionState::Connected
    );
    server.thaw();
    // Until the server has noticed, it passes calls on to a connection that is gone.
    until("an echo", async || call(&caller, "echo", "x").await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_broker_does_so_through_a_disconnect() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let client = ours_at(&proxy.url(), Options::new().id(TARGET)).await;
    proxy.stall();
    let mut round_trip = core::pin::pin!(client.round_trip());
    let mut serving = core::pin::pin!(client.requests(INSTANCE, "echo", Paths::default()));
    assert!(futures::poll!(&mut round_trip).is_pending());
    assert!(futures::poll!(&mut serving).is_pending());
    // What is on the wire is lost with it.
    client.nats().flush().await.unwrap();
    proxy.cut();
    becomes(&client, ConnectionState::Disconnected).await;
    proxy.mend();
    guard("a round trip", round_trip).await.unwrap();
    let _requests = guard("calls", serving).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_lost_are_made_up_for() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let _work = Target::start(&target).await;
    let proxy = Proxy::start(server.port()).await;
    let nats = wrpc_middleware_testing::nats::connect(&proxy.url()).await;
    // All of them: nobody passes them on.
    let options = Options::new().events(EventSink::new());
    let options = options.default_target(Name::new(TARGET).unwrap());
    let client = Client::new(nats, options).await.expect("a client");
    let held = accepted(&client, "hold", "x").await;
    proxy.cut();
    let lost = guard("the loss", finish(held)).await;
    assert_eq!(
        ending(&lost),
        Err((RpcErrorKind::Transport, Delivery::Accepted))
    );
    becomes(&client, ConnectionState::Disconnected).await;
    proxy.mend();
    becomes(&client, ConnectionState::Connected).await;
    let echoed = guard("an echo", call(&client, "echo", "x")).await;
    assert_eq!(echoed.unwrap(), b"x");
}
