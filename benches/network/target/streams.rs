//! Functions whose parameters and results are bytes as they are: nothing is encoded.

use core::pin::pin;
use std::io;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinSet;
use wrpc_transport::Serve;

use super::ECHO;

/// Takes bytes and returns how many there were.
pub(crate) const SINK: &str = "sink";

/// Takes a number and returns as many bytes.
pub(crate) const SOURCE: &str = "source";

/// Returns [`STALL_LEN`] bytes in [`STALL_MESSAGES`] messages.
pub(crate) const STALL: &str = "stall";

/// Twice as many as upstream's client takes for a reader that does not read.
const STALL_MESSAGES: usize = 32;
const STALL_MESSAGE: usize = 64 << 10;

/// What [`STALL`] returns.
pub(crate) const STALL_LEN: usize = STALL_MESSAGES * STALL_MESSAGE;

/// Serves all of them.
pub(super) async fn serve<S: Serve>(wrpc: &S, served: &mut JoinSet<()>) -> anyhow::Result<()> {
    let sink = wrpc.serve(ECHO, SINK, []).await?;
    served.spawn(async move {
        let mut calls = pin!(sink);
        while let Some(call) = calls.next().await {
            if let Ok((_, outgoing, incoming)) = call {
                tokio::spawn(count(outgoing, incoming));
            }
        }
    });
    let source = wrpc.serve(ECHO, SOURCE, []).await?;
    served.spawn(async move {
        let mut calls = pin!(source);
        while let Some(call) = calls.next().await {
            if let Ok((_, outgoing, incoming)) = call {
                tokio::spawn(produce(outgoing, incoming));
            }
        }
    });
    let stall = wrpc.serve(ECHO, STALL, []).await?;
    served.spawn(async move {
        let mut calls = pin!(stall);
        while let Some(call) = calls.next().await {
            if let Ok((_, outgoing, incoming)) = call {
                tokio::spawn(trickle(outgoing, incoming));
            }
        }
    });
    Ok(())
}

async fn count(
    mut outgoing: impl AsyncWrite + Unpin,
    mut incoming: impl AsyncRead + Unpin,
) -> io::Result<()> {
    let mut buf = vec![0; 64 << 10];
    let mut count = 0;
    loop {
        match incoming.read(&mut buf).await? {
            0 => break,
            read => count += read as u64,
        }
    }
    outgoing.write_u64_le(count).await?;
    outgoing.shutdown().await
}

async fn produce(
    mut outgoing: impl AsyncWrite + Unpin,
    mut incoming: impl AsyncRead + Unpin,
) -> io::Result<()> {
    let len = incoming.read_u64_le().await?;
    let bytes = bytes(usize::try_from(len).map_err(io::Error::other)?);
    outgoing.write_all(&bytes).await?;
    outgoing.shutdown().await
}

async fn trickle(
    mut outgoing: impl AsyncWrite + Unpin,
    // Dropped, the parameters would end here.
    _incoming: impl AsyncRead,
) -> io::Result<()> {
    let message = bytes(STALL_MESSAGE);
    for _ in 0..STALL_MESSAGES {
        outgoing.write_all(&message).await?;
        outgoing.flush().await?;
    }
    outgoing.shutdown().await
}

/// So many bytes, which cost something the first time only.
pub(super) fn bytes(len: usize) -> Bytes {
    static BYTES: Mutex<Bytes> = Mutex::new(Bytes::new());
    let mut bytes = BYTES.lock().unwrap_or_else(PoisonError::into_inner);
    if bytes.len() < len {
        *bytes = vec![b'x'; len].into();
    }
    bytes.slice(..len)
}
