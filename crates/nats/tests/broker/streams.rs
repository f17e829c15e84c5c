//! Asynchronous parameters and results between both kinds of peers.

use core::pin::Pin;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wrpc_transport::{Index as _, InvokeExt as _, ServeExt as _};

use crate::support::both::{Caller, Peer, Target, new, old};
use crate::support::errors::read_to_end;
use crate::support::peers::INSTANCE;
use crate::support::serving::{Serving, paths, serve};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{assert_hangs, guard};

type ByteStream = Pin<Box<dyn Stream<Item = Bytes> + Send>>;
type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A stream and a future, and a value.
type Values = (ByteStream, Later<String>, u8);

const PATHS: [&[Option<usize>]; 2] = [&[Some(0)], &[Some(1)]];

fn values(parts: Vec<Bytes>, text: &'static str) -> Values {
    let later = async move {
        tokio::task::yield_now().await;
        text.to_owned()
    };
    (Box::pin(stream::iter(parts)), Box::pin(later), 7)
}

/// The parts of a stream of a megabyte.
fn parts() -> Vec<Bytes> {
    let part = |n: u8| Bytes::from(vec![n; usize::from(n) * 64]);
    (1..=180).map(part).collect()
}

/// Streams and futures, which arrive after what they are part of.
async fn streams_travel<C: Caller, T: Target>(caller: &Peer<C>, target: &Peer<T>) {
    let calls = target
        .wrpc
        .serve_values::<Values, Values>(INSTANCE, "mirror", paths(&PATHS));
    let calls = calls.await.unwrap();
    target.settled().await;
    let serving = tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let (_, values, incoming, respond) = call.unwrap();
            let incoming = async { incoming.unwrap().await.map_err(anyhow::Error::from) };
            tokio::try_join!(incoming, respond(values)).unwrap();
        }
    });
    let call = caller.wrpc.invoke_values::<_, Values, Values>(
        C::context(),
        INSTANCE,
        "mirror",
        values(parts(), "later"),
        PATHS,
    );
    let ((bytes, text, number), io) = guard("an answer", call).await.unwrap();
    let io = tokio::spawn(io.expect("streams"));
    let bytes: Vec<Bytes> = guard("a stream", bytes.collect()).await;
    assert_eq!(bytes.concat(), parts().concat());
    assert_eq!((&*guard("a future", text).await, number), ("later", 7));
    guard("all of it", io).await.unwrap().unwrap();
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_to_ours() {
    let server = NatsServer::start().await;
    streams_travel(&new(&server).await, &new(&server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_to_upstream() {
    let server = NatsServer::start().await;
    streams_travel(&new(&server).await, &old(&server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upstream_to_ours() {
    let server = NatsServer::start().await;
    streams_travel(&old(&server).await, &new(&server).await).await;
}

const ITEMS: u8 = 100;

/// Serves `items`, a stream of many messages, and `item`, which returns what it is given.
async fn items<T: Target>(target: &Peer<T>) -> (Serving, Serving) {
    let stream = serve(
        &target.wrpc,
        "items",
        paths(&[]),
        |_, mut results, _| async move {
            let mut items = results.index(&[0]).unwrap();
            results.shutdown().await.unwrap();
            for item in 0..ITEMS {
                items.write_all(&[item]).await.unwrap();
            }
            items.shutdown().await.unwrap();
        },
    );
    let stream = stream.await;
    let item = serve(
        &target.wrpc,
        "item",
        paths(&[]),
        |_, mut results, mut params| async move {
            let item = params.read_u8().await.unwrap();
            results.write_all(&[item]).await.unwrap();
            results.shutdown().await.unwrap();
        },
    );
    let item = item.await;
    target.settled().await;
    (stream, item)
}

/// Makes a call for every item of a stream, once all of them have arrived.
async fn call_per_item<C: Caller>(caller: &Peer<C>, sent: &Peer<impl Sized>) -> Vec<u8> {
    let call = caller
        .wrpc
        .invoke(C::context(), INSTANCE, "items", Bytes::new(), [[Some(0)]]);
    let (_params, mut results) = call.await.unwrap();
    assert_eq!(read_to_end(&mut results).await, b"");
    let mut items = results.index(&[0]).unwrap();
    let mut seen = vec![items.read_u8().await.unwrap()];
    // All items are waiting: more than any queue of upstream's has room for.
    sent.settled().await;
    caller.settled().await;
    while let Ok(item) = items.read_u8().await {
        let params = Bytes::from(vec![item]);
        let call = caller.wrpc.invoke(
            C::context(),
            INSTANCE,
            "item",
            params,
            [[]; 0] as [[Option<usize>; 0]; 0],
        );
        let (_params, mut results) = call.await.unwrap();
        seen.extend(read_to_end(&mut results).await);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_every_item_of_a_stream() {
    let server = NatsServer::start().await;
    for target in 0..2 {
        let caller = new(&server).await;
        let seen = if target == 0 {
            let target = new(&server).await;
            let _serving = items(&target).await;
            guard("a call for every item", call_per_item(&caller, &target)).await
        } else {
            let target = old(&server).await;
            let _serving = items(&target).await;
            guard("a call for every item", call_per_item(&caller, &target)).await
        };
        assert_eq!(seen, (0..ITEMS).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn control_a_call_for_every_item_of_a_stream_hangs_with_upstream() {
    let server = NatsServer::start().await;
    let (caller, target) = (old(&server).await, new(&server).await);
    let _serving = items(&target).await;
    assert_hangs("a call for every item", call_per_item(&caller, &target)).await;
}

/// Serves `unit`, whose future has no value: nothing is written, and its end is all there is.
async fn unit<T: Target>(target: &Peer<T>) -> impl Sized + use<T> {
    let calls = target
        .wrpc
        .serve_values::<(), (Later<()>,)>(INSTANCE, "unit", paths(&[]));
    let calls = calls.await.unwrap();
    target.settled().await;
    Serving(tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let (_, (), _, respond) = call.unwrap();
            respond((Box::pin(tokio::task::yield_now()),))
                .await
                .unwrap();
        }
    }))
}

async fn call_unit<C: Caller>(caller: &Peer<C>) -> anyhow::Result<()> {
    let path: [[Option<usize>; 1]; 1] = [[Some(0)]];
    let call =
        caller
            .wrpc
            .invoke_values::<_, (), (Later<()>,)>(C::context(), INSTANCE, "unit", (), path);
    let ((later,), io) = guard("an answer", call).await.unwrap();
    guard("its end", io.unwrap()).await?;
    guard("a future", later).await;
    Ok(())
}

/// Upstream's encoder drops the writer of a future where it is done, and of this one nothing was
/// written before.
#[tokio::test(flavor = "multi_thread")]
async fn a_future_without_a_value_travels_between_all_peers() {
    let server = NatsServer::start().await;
    let (new, old) = (new(&server).await, old(&server).await);
    {
        let _serving = unit(&old).await;
        call_unit(&new).await.unwrap();
        call_unit(&old).await.unwrap();
    }
    old.settled().await;
    let _serving = unit(&new).await;
    call_unit(&old).await.unwrap();
    call_unit(&new).await.unwrap();
}
