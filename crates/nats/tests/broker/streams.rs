//! Asynchronous parameters and results between both kinds of peers.

use core::pin::Pin;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_transport::{Index as _, InvokeExt as _, ServeExt as _};

use crate::support::both::{Caller, Peer, Target, new, old};
use crate::support::errors::{assert_failed, read_to_end};
use crate::support::nats::NatsServer;
use crate::support::peers::INSTANCE;
use crate::support::serving::{Serving, paths, serve};
use crate::support::wait::{assert_hangs, guard};

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

/// A list of streams, each at the index of the list.
type List = Vec<ByteStream>;

const LIST: [&[Option<usize>]; 1] = [&[Some(0), None]];

fn list() -> List {
    let stream = |n: u8| -> ByteStream {
        Box::pin(stream::iter(vec![
            Bytes::from(vec![n; 3]),
            Bytes::from(vec![n; 1]),
        ]))
    };
    (1..=20).map(stream).collect()
}

fn list_bytes() -> Vec<Vec<u8>> {
    (1..=20).map(|n| vec![n; 4]).collect()
}

async fn read(list: List) -> Vec<Vec<u8>> {
    let read = |stream: ByteStream| stream.collect::<Vec<_>>();
    let read = futures::future::join_all(list.into_iter().map(read));
    let read = guard("the streams of a list", read).await;
    read.into_iter().map(|parts| parts.concat()).collect()
}

/// Serves `give`, which returns a list of streams.
async fn give<T: Target>(target: &Peer<T>) -> impl Sized + use<T> {
    let calls = target
        .wrpc
        .serve_values::<(), (List,)>(INSTANCE, "give", paths(&[]));
    let calls = calls.await.unwrap();
    target.settled().await;
    AbortOnDrop(tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let (_, (), _, respond) = call.unwrap();
            // Upstream's caller may be gone.
            let _ = respond((list(),)).await;
        }
    }))
}

/// Serves `take`, which takes a list of streams and returns what was in them, or why that can't be
/// read.
async fn take<T: Target>(target: &Peer<T>) -> impl Sized + use<T> {
    type Results = (Result<Vec<Bytes>, String>,);
    let calls = target
        .wrpc
        .serve_values::<(List,), Results>(INSTANCE, "take", paths(&LIST));
    let calls = calls.await.unwrap();
    target.settled().await;
    AbortOnDrop(tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let (_, (list,), incoming, respond) = call.unwrap();
            let (read, incoming) = tokio::join!(read(list), incoming.unwrap());
            let read = read.into_iter().map(Bytes::from).collect();
            let results = incoming.map(|()| read).map_err(|error| error.to_string());
            respond((results,)).await.unwrap();
        }
    }))
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn call_give<C: Caller>(caller: &Peer<C>) -> (Vec<Vec<u8>>, anyhow::Result<()>) {
    let call =
        caller
            .wrpc
            .invoke_values::<_, (), (List,)>(C::context(), INSTANCE, "give", (), LIST);
    let ((list,), io) = guard("an answer", call).await.unwrap();
    tokio::join!(read(list), async { io.unwrap().await })
}

async fn call_take<C: Caller>(caller: &Peer<C>) -> Result<Vec<Bytes>, String> {
    let call = caller
        .wrpc
        .invoke_values_blocking::<[Option<usize>; 0], (List,), (Result<Vec<Bytes>, String>,)>(
            C::context(),
            INSTANCE,
            "take",
            (list(),),
            [],
        );
    let (taken,) = guard("an answer", call).await.unwrap();
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_a_list_at_wildcard_paths() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _serving = (give(&target).await, take(&target).await);
    let (read, io) = call_give(&caller).await;
    io.unwrap();
    assert_eq!(read, list_bytes());
    assert_eq!(call_take(&caller).await.unwrap(), list_bytes());
}

/// Upstream subscribes to the wildcard as if it was a subject, and gives out no reader of it. Its
/// writers know nothing of that.
#[tokio::test(flavor = "multi_thread")]
async fn upstream_writes_streams_of_a_list_and_reads_none() {
    let server = NatsServer::start().await;
    let (new, old) = (new(&server).await, old(&server).await);
    {
        let _serving = (give(&old).await, take(&old).await);
        let (read, io) = call_give(&new).await;
        io.unwrap();
        assert_eq!(read, list_bytes());
        let refused = call_take(&new).await.unwrap_err();
        assert!(refused.contains("subscription not found"), "{refused}");
    }
    old.settled().await;
    {
        let _serving = (give(&new).await, take(&new).await);
        let (read, io) = call_give(&old).await;
        let refused = format!("{:#}", io.unwrap_err());
        assert!(refused.contains("subscription not found"), "{refused}");
        assert!(read.iter().all(Vec::is_empty));
        assert_eq!(call_take(&old).await.unwrap(), list_bytes());
    }
}

/// What the streams at single and wildcard paths, and below those, are asked for with.
const NESTED: [&[Option<usize>]; 4] = [
    &[None],
    &[None, Some(0)],
    &[Some(2), None, Some(1)],
    &[Some(2)],
];

/// Streams of them.
const ASKED: [&[usize]; 6] = [&[0], &[0, 0], &[7], &[7, 0], &[2], &[2, 9, 1]];

/// Streams of none of them.
const NOT_ASKED: [&[usize]; 4] = [&[0, 1], &[0, 0, 0], &[3, 9, 1], &[2, 9, 0]];

fn text(path: &[usize]) -> Vec<u8> {
    format!("{path:?}").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stream_that_was_asked_for_is_read_and_no_other() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _serving = serve(
        &target.wrpc,
        "nested",
        paths(&NESTED),
        |_, mut results, params| async move {
            // Each parameter stream is sent back.
            for path in ASKED {
                let mut stream = params.index(path).unwrap();
                let read = read_to_end(&mut stream).await;
                let mut stream = results.index(path).unwrap();
                stream.write_all(&read).await.unwrap();
                stream.shutdown().await.unwrap();
            }
            for path in NOT_ASKED {
                let mut stream = params.index(path).unwrap();
                let read = stream.read_u8().await;
                assert_failed(read, RpcErrorKind::Protocol, Delivery::Accepted);
                let mut stream = results.index(path).unwrap();
                stream.write_all(b"nobody").await.unwrap();
                stream.shutdown().await.unwrap();
            }
            results.shutdown().await.unwrap();
        },
    )
    .await;
    let (mut params, mut results) = call_nested(&caller).await;
    for path in ASKED.into_iter().chain(NOT_ASKED) {
        // Once below the root, once below the one above.
        let (first, rest) = path.split_at(1);
        let mut stream = match rest {
            [] => params.index(first).unwrap(),
            rest => params.index(first).unwrap().index(rest).unwrap(),
        };
        stream.write_all(&text(path)).await.unwrap();
        stream.shutdown().await.unwrap();
    }
    params.shutdown().await.unwrap();
    for path in ASKED {
        let (first, rest) = path.split_at(1);
        let mut stream = match rest {
            [] => results.index(first).unwrap(),
            rest => results.index(first).unwrap().index(rest).unwrap(),
        };
        assert_eq!(read_to_end(&mut stream).await, text(path));
    }
    for path in NOT_ASKED {
        let read = results.index(path).unwrap().read_u8().await;
        assert_failed(read, RpcErrorKind::Protocol, Delivery::Accepted);
    }
    assert_eq!(read_to_end(&mut results).await, b"");
    assert!(results.index(&[]).is_err() && params.index(&[]).is_err());
}

async fn call_nested<C: Caller>(caller: &Peer<C>) -> (C::Outgoing, C::Incoming) {
    let call = caller
        .wrpc
        .invoke(C::context(), INSTANCE, "nested", Bytes::new(), NESTED);
    guard("a call", call).await.unwrap()
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
