//! A target that sends streams, by hand: whole ones, and broken ones.

use async_nats::Client;
use futures::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinSet;
use wrpc_transport::{Index, Serve as _};

use crate::support::targets::Target;
use crate::support::transports::NatsWire;
use wrpc_middleware_testing::nats::round_trip;

/// Serves `open` of `test:app/streams` as the name says: "break" closes the stream in its midst,
/// "fail" opens none, "hold" sends the same and then nothing more, anything else is a whole stream.
/// `sent` is called once the broker has all that will be sent.
pub async fn serve<N: NatsWire>(
    client: Client,
    prefix: &str,
    sent: impl Fn() + Clone + Send + 'static,
) -> Target {
    let wrpc = N::server(&client, prefix).await;
    let calls = wrpc
        .serve("test:app/streams@0.1.0", "open", [])
        .await
        .expect("serve");
    round_trip(&client).await;
    Target::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        let mut running = JoinSet::new();
        while let Some(call) = calls.next().await {
            let (_, outgoing, incoming) = call.expect("a call");
            running.spawn(open(client.clone(), outgoing, incoming, sent.clone()));
        }
    })
}

/// The parts of a whole stream; all but the last are what a broken one has.
const PARTS: [&str; 3] = ["one ", "two ", "three"];

async fn open<O, I>(client: Client, mut outgoing: O, mut incoming: I, sent: impl Fn())
where
    O: AsyncWrite + Index<O> + Unpin,
    I: AsyncRead + Unpin,
{
    let len = incoming.read_u8().await.expect("the length of a name");
    let mut name = vec![0; len.into()];
    incoming.read_exact(&mut name).await.expect("a name");
    if name == b"fail" {
        // `err(overloaded({delivery: not-sent, message: "full"}))`
        outgoing
            .write_all(b"\x01\x04\x00\x04full")
            .await
            .expect("results");
        return outgoing.shutdown().await.expect("results");
    }
    let mut stream = outgoing.index(&[0]).expect("the stream of the result");
    outgoing.write_all(&[0]).await.expect("results");
    outgoing.shutdown().await.expect("results");
    let whole = !matches!(&*name, b"break" | b"hold");
    for part in &PARTS[..if whole { 3 } else { 2 }] {
        let len = u8::try_from(part.len()).expect("a short part");
        stream
            .write_all(&[&[len], part.as_bytes()].concat())
            .await
            .expect("a part");
        stream.flush().await.expect("a part");
        round_trip(&client).await;
    }
    sent();
    if name == b"hold" {
        std::future::pending::<()>().await;
    }
    if whole {
        // The empty part is the end.
        stream.write_all(&[0]).await.expect("the end");
    }
    stream.shutdown().await.expect("the end");
}
