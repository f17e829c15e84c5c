//! A target whose connection takes no more bytes for a while: what it answers waits for room.

use core::pin::pin;

use bytes::Bytes;
use futures::poll;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use wrpc_middleware_nats::{Client, Incoming, Options, Outgoing};

use crate::support::both::{Caller, Peer, new, old};
use crate::support::peers::{INSTANCE, NO_PATHS, TARGET};
use crate::support::serving::{Serving, paths, serve};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::proxy::Proxy;
use wrpc_middleware_testing::wait::guard;

/// A target behind a wire that can be stalled, and what says of each answer whether it waits.
struct Rig {
    server: NatsServer,
    proxy: Proxy,
    target: Client,
    waits: mpsc::UnboundedReceiver<bool>,
    _serving: [Serving; 2],
}

impl Rig {
    async fn start() -> Self {
        let server = NatsServer::start().await;
        let proxy = Proxy::start(server.port()).await;
        let nats = async_nats::ConnectOptions::new()
            .client_capacity(2)
            .connect(proxy.url())
            .await
            .unwrap();
        let target = Client::new(nats, Options::new().id(TARGET)).await.unwrap();
        let (sender, waits) = mpsc::unbounded_channel();
        let answer = move |parts: &'static [&'static str]| {
            let sender = sender.clone();
            move |_, mut results: Outgoing, _: Incoming| {
                let waits = sender.clone();
                async move {
                    let mut answer = Box::pin(async move {
                        for part in parts {
                            results.write_all(part.as_bytes()).await?;
                        }
                        results.shutdown().await
                    });
                    let waits_for_room = poll!(&mut answer).is_pending();
                    waits.send(waits_for_room).unwrap();
                    if waits_for_room {
                        answer.await.unwrap();
                    }
                }
            }
        };
        let serving = [
            serve(&target, "whole", paths(&[]), answer(&["result"])).await,
            serve(&target, "in-parts", paths(&[]), answer(&["res", "ult"])).await,
        ];
        guard("a round trip", target.round_trip()).await.unwrap();
        Self {
            server,
            proxy,
            target,
            waits,
            _serving: serving,
        }
    }

    /// Stalls the wire, and fills what is in front of it.
    async fn stall(&self) {
        self.proxy.stall();
        let chunk = Bytes::from(vec![0; 256 * 1024]);
        let nats = self.target.nats();
        // Once the sockets take no more, the client does not, and then its queue is full.
        while poll!(pin!(nats.publish("stuffing", chunk.clone()))).is_ready() {
            tokio::task::yield_now().await;
        }
    }
}

async fn call<C: Caller>(caller: &Peer<C>, func: &str) -> String {
    let call = caller
        .wrpc
        .invoke(C::context(), INSTANCE, func, Bytes::from("x"), NO_PATHS);
    let (mut params, mut results) = call.await.unwrap();
    let mut read = String::new();
    let (end, results) = tokio::join!(params.shutdown(), results.read_to_string(&mut read));
    end.unwrap();
    results.unwrap();
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_answers_arrives_whole_and_in_order() {
    let mut rig = Rig::start().await;
    let (ours, upstreams) = (new(&rig.server).await, old(&rig.server).await);
    rig.stall().await;
    let mut calls = tokio::task::JoinSet::new();
    // What is in front of the wire may still take some of the first ones.
    let mut all_wait = false;
    while !all_wait {
        for func in ["whole", "in-parts"] {
            let (ours, upstreams) = (ours.clone(), upstreams.clone());
            calls.spawn(async move { call(&ours, func).await });
            calls.spawn(async move { call(&upstreams, func).await });
        }
        all_wait = true;
        for _ in 0..4 {
            all_wait &= guard("an answer", rig.waits.recv()).await.unwrap();
        }
        all_wait &= calls.len() >= 32;
    }
    assert!(calls.try_join_next().is_none());
    rig.proxy.mend();
    while let Some(read) = guard("an answer", calls.join_next()).await {
        assert_eq!(read.unwrap(), "result");
    }
    // Nothing goes on to wait, and what comes next goes out as ever.
    guard("a round trip", rig.target.round_trip())
        .await
        .unwrap();
    assert_eq!(rig.target.calls(), 0);
}
