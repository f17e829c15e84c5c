//! Readers that do not read, and a queue to the broker that is full.

use bytes::Bytes;
use futures::future::{join_all, try_join};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{Client, ConnectOptions, Options, connect};
use wrpc_middleware_transport::Target as Name;
use wrpc_transport::Invoke as _;

use crate::support::calls::{accepted, call, ending, open, typed};
use crate::support::peers::{INSTANCE, NO_PATHS, TARGET, call_echo, echo, ours, upstream};
use crate::support::serving::{Serving, paths, serve};
use crate::support::target::Target;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{assert_hangs, guard, until};

/// As many messages as the stalled reader leaves unread: upstream's client stalls at 16.
const UNREAD: usize = 200;
const MESSAGE: usize = 1000;
const OTHERS: usize = 63;

/// Answers with many messages, whatever the parameters.
async fn flood(client: &Client) -> Serving {
    serve(
        client,
        "flood",
        paths(&[]),
        |_, mut results, _params| async move {
            for _ in 0..UNREAD {
                results.write_all(&[7; MESSAGE]).await.unwrap();
            }
            results.shutdown().await.unwrap();
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_holds_up_nobody() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let _flood = flood(&target).await;
    let _echo = Target::start(&target).await;
    let client = ours(&server, Options::new().id("client")).await;

    let mut stalled = accepted(&client, "flood", "x").await;
    until("all of it to arrive", async || {
        client.buffered() >= UNREAD * MESSAGE
    })
    .await;
    let calls = (0..OTHERS).map(async |n| {
        for m in 0..20 {
            let text = format!("{n} {m}");
            let echoed = call(&client, "echo", text.clone()).await.unwrap();
            assert_eq!(echoed, text.as_bytes());
        }
    });
    guard("the calls of the others", join_all(calls)).await;
    // What is held is what was sent, and little for each message.
    let held = client.buffered();
    assert!(held <= UNREAD * (MESSAGE + 100), "{held}");
    // It is all there, and given back as it is read, and dropped.
    let mut bytes = vec![0; MESSAGE * UNREAD / 2];
    let read = stalled.incoming.read_exact(&mut bytes);
    guard("what was held", read).await.unwrap();
    let left = client.buffered();
    assert!(left <= held / 2, "{left} of {held}");
    drop(stalled);
    is_idle(&client).await;
}

async fn is_idle(client: &Client) {
    until("nothing to be left", async || {
        (client.buffered(), client.calls()) == (0, 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_upstreams_client_holds_up_all_others() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let _flood = flood(&target).await;
    let _echo = echo(&target).await;
    let client = upstream(&server).await;

    let echoed = call_echo(&client, None, Bytes::from_static(b"x"));
    guard("an echo", echoed).await.unwrap();
    let stalled = client.invoke(None, INSTANCE, "flood", Bytes::from_static(b"x"), NO_PATHS);
    let (mut params, results) = guard("a call", stalled).await.unwrap();
    guard("a handshake", params.flush()).await.unwrap();
    // Which of two messages comes first is up to upstream's tasks, so try a few.
    let others = async {
        for _ in 0..100 {
            let echoed = call_echo(&client, None, Bytes::from_static(b"x"));
            echoed.await.unwrap();
        }
    };
    assert_hangs("a call next to one that is not read", others).await;
    drop(results);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_for_a_reader_is_bounded() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let _flood = flood(&target).await;
    let _echo = Target::start(&target).await;
    let all = UNREAD * MESSAGE;
    for (together, each) in [(all, all / 2), (all / 2, all)] {
        let options = Options::new().id("client").max_buffered(together, each);
        let client = ours(&server, options).await;
        let mut stalled = open(&client, "flood", "x").await.unwrap();
        let overrun = async {
            let mut bytes = Vec::new();
            while stalled.progress.failure().is_none() {
                tokio::task::yield_now().await;
            }
            let read = stalled.incoming.read_to_end(&mut bytes).await;
            read.map_err(|error| typed(&error))
        };
        let overrun = guard("too much", overrun).await;
        assert_eq!(
            ending(&overrun),
            Err((RpcErrorKind::Overloaded, Delivery::Accepted))
        );
        // It is no failure of others.
        let echoed = guard("an echo", call(&client, "echo", "x")).await;
        assert_eq!(echoed.unwrap(), b"x");
        drop(stalled);
        is_idle(&client).await;
    }
}

/// A client whose queue to the broker takes next to nothing.
async fn cramped(server: &NatsServer, id: &str) -> Client {
    let options = Options::new().id(id);
    let options = ConnectOptions::new(server.url())
        .client(options.default_target(Name::new(TARGET).unwrap()))
        .nats(|nats| nats.client_capacity(2));
    guard("a client", connect(options)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_loses_nothing() {
    const CALLS: usize = 64;
    const MESSAGES: usize = 50;

    let server = NatsServer::start().await;
    let (target, client) = (
        cramped(&server, TARGET).await,
        cramped(&server, "client").await,
    );
    let work = Target::start(&target).await;
    // Each message is one on the wire, and none may overtake another: a peer notices.
    let calls = (0..CALLS).map(async |n| {
        let mut call = open(&client, "echo", format!("{n}:")).await.unwrap();
        let params = async {
            for m in 0..MESSAGES {
                call.outgoing.write_all(format!("{m},").as_bytes()).await?;
            }
            call.outgoing.shutdown().await
        };
        let mut results = String::new();
        let both = try_join(params, call.incoming.read_to_string(&mut results));
        both.await.map_err(|error| typed(&error)).unwrap();
        let (name, sent) = results.split_once(':').unwrap();
        assert_eq!(name, n.to_string());
        let sent = sent
            .split_terminator(',')
            .map(|m| m.parse::<usize>().unwrap());
        assert!(sent.eq(0..MESSAGES), "{results}");
    });
    guard("calls over a full queue", join_all(calls)).await;
    work.idles().await;
    assert_eq!(work.work(|work| work.answered), CALLS);

    // Those that are given up are given up on the other side too.
    let calls = (0..CALLS).map(async |n| accepted(&client, "hold", n.to_string()).await);
    let calls = guard("handshakes", join_all(calls)).await;
    drop(calls);
    work.has_stopped(CALLS).await;
    until("nothing to be left", async || {
        (
            client.calls(),
            target.calls(),
            client.buffered(),
            target.buffered(),
        ) == (0, 0, 0, 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_holds_up_no_upstream_peer() {
    const CALLS: usize = 64;

    let server = NatsServer::start().await;
    let target = cramped(&server, TARGET).await;
    let _echo = echo(&target).await;
    let client = upstream(&server).await;
    // More than one message each.
    let bytes = Bytes::from(vec![7; (1 << 20) + 1]);
    for calls in [1, CALLS] {
        let calls = (0..calls).map(async |_| {
            let echoed = call_echo(&client, None, bytes.clone()).await.unwrap();
            assert!(echoed == bytes);
        });
        guard("calls over a full queue", join_all(calls)).await;
    }
}
