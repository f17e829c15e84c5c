//! Values there and back, between every pair of peers.

use bytes::Bytes;
use wrpc_middleware_nats::Options;

use crate::support::peers::{TARGET, call_echo, context, echo, ours, upstream};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{guard, until};

const MIB: usize = 1 << 20;

fn payload(len: usize) -> Bytes {
    (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_to_ours() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let _echo = echo(&target).await;
    let client = ours(&server, Options::new().id("client")).await;
    for len in [0, 1, 16, 4096, MIB - 1, MIB, 3 * MIB, 64 * MIB] {
        let bytes = payload(len);
        let echoed = guard("an echo", call_echo(&client, context(), bytes.clone())).await;
        assert!(echoed.unwrap() == bytes, "{len}");
    }
    until("nothing to be left", async || {
        (
            client.calls(),
            client.buffered(),
            target.calls(),
            target.buffered(),
        ) == (0, 0, 0, 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_to_upstream() {
    let server = NatsServer::start().await;
    let target = upstream(&server).await;
    let _echo = echo(&target).await;
    target_is_served(&server).await;
    let client = ours(&server, Options::new().id("client")).await;
    for len in [0, 1, 16, 4096, MIB - 1, MIB, 3 * MIB, 64 * MIB] {
        let bytes = payload(len);
        let echoed = guard("an echo", call_echo(&client, context(), bytes.clone())).await;
        assert!(echoed.unwrap() == bytes, "{len}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upstream_to_ours() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let _echo = echo(&target).await;
    let client = upstream(&server).await;
    for len in [0, 1, 16, 4096, MIB - 1, MIB, 3 * MIB, 64 * MIB] {
        let bytes = payload(len);
        let echoed = guard("an echo", call_echo(&client, None, bytes.clone())).await;
        assert!(echoed.unwrap() == bytes, "{len}");
    }
}

/// Waits until somebody serves the target.
async fn target_is_served(server: &NatsServer) {
    let client = ours(server, Options::new()).await;
    until("the target to be served", async || {
        call_echo(&client, context(), Bytes::from_static(b"x"))
            .await
            .is_ok()
    })
    .await;
}
