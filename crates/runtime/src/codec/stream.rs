//! `wasi:io` input streams on the wire: chunks with a length each, ended by an empty one.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::{BufMut as _, BytesMut};
use futures::future::try_join_all;
use pin_project::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tracing::debug;
use wasmtime_wasi::p2::{DynInputStream, StreamError};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport::Index;

use super::leb128::{Partial, put_unsigned};

/// How much of a stream travels at a time.
const CHUNK: usize = 32 << 10;

/// A stream that is to be written to the child at `path`.
pub(crate) struct OutgoingStream {
    pub(crate) path: Vec<usize>,
    pub(crate) stream: DynInputStream,
}

/// A stream that is to be written failed at the end that it is read from: no failure of the call's
/// own transport. The payload of an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("a stream failed where it comes from")]
pub(crate) struct SourceFailed(#[source] anyhow::Error);

/// Writes all `streams` to their children of `outgoing`, at the same time, each to its end.
///
/// A stream that fails leaves its child without the end marker, so that the peer does not take
/// what it got for the whole.
///
/// # Errors
///
/// The first stream that fails, at either end; where it is read from, with [`SourceFailed`]. The others are given up then, likewise without an
/// end marker.
///
/// # Cancellation
///
/// Dropping the future leaves every unfinished stream without its end marker.
pub(crate) async fn write_streams<W>(outgoing: &W, streams: Vec<OutgoingStream>) -> io::Result<()>
where
    W: AsyncWrite + Index<W> + Unpin,
{
    // Most calls have none.
    if streams.is_empty() {
        return Ok(());
    }
    let streams = streams.into_iter().map(|OutgoingStream { path, stream }| {
        let child = outgoing.index(&path).map_err(io::Error::other);
        async move { write_stream(child?, stream).await }
    });
    try_join_all(streams).await?;
    Ok(())
}

async fn write_stream<W>(mut child: W, mut stream: DynInputStream) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    let mut buffer = BytesMut::new();
    loop {
        // An empty chunk would be the end marker; `blocking_read` never returns one.
        match stream.blocking_read(CHUNK).await {
            Ok(chunk) => {
                buffer.clear();
                put_unsigned(&mut buffer, chunk.len() as u64);
                buffer.extend_from_slice(&chunk);
                child.write_all(&buffer).await?;
                // The reader may be waiting for just this chunk.
                child.flush().await?;
            }
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error) | StreamError::Trap(error)) => {
                return Err(io::Error::other(SourceFailed(error.into())));
            }
        }
    }
    buffer.clear();
    buffer.put_u8(0);
    child.write_all(&buffer).await?;
    child.shutdown().await
}

/// The bytes of the chunks that arrive on a child stream.
///
/// Ends at the empty chunk. The end of the child before it is an error, and so is a length that
/// can't be; an error is final. Nothing is buffered here, so the length that a peer announces
/// reserves nothing.
#[pin_project]
pub(crate) struct ChunkReader<R> {
    #[pin]
    inner: R,
    state: State,
}

enum State {
    Header(Partial),
    Body(u64),
    End,
    Failed(RpcError),
}

impl State {
    fn header() -> Self {
        Self::Header(Partial::new(32))
    }
}

impl<R> ChunkReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            state: State::header(),
        }
    }
}

/// The error becomes a resource of the guest, so its cause stays here.
fn broken(error: io::Error) -> State {
    let error = RpcError::classify(error);
    debug!(%error, source = ?core::error::Error::source(&error), "a stream failed");
    State::Failed(error.without_source())
}

fn failed(kind: RpcErrorKind, message: &'static str) -> State {
    State::Failed(RpcError::new(kind, Delivery::Accepted, message))
}

impl<R: AsyncRead> AsyncRead for ChunkReader<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut this = self.project();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            match this.state {
                State::Header(length) => {
                    let mut byte = [0];
                    let mut read = ReadBuf::new(&mut byte);
                    if let Err(error) = ready!(this.inner.as_mut().poll_read(cx, &mut read)) {
                        *this.state = broken(error);
                        continue;
                    }
                    let &[byte] = read.filled() else {
                        *this.state = failed(
                            RpcErrorKind::TargetFailed,
                            "a stream ended before its end marker",
                        );
                        continue;
                    };
                    match length.unsigned(byte) {
                        Ok(None) => {}
                        Ok(Some(0)) => *this.state = State::End,
                        Ok(Some(length)) => *this.state = State::Body(length),
                        Err(_) => {
                            *this.state = failed(
                                RpcErrorKind::Protocol,
                                "the length of a chunk of a stream doesn't fit 32 bits",
                            );
                        }
                    }
                }
                State::Body(left) => {
                    let room = usize::try_from(*left).unwrap_or(usize::MAX);
                    let room = buf.initialize_unfilled_to(room.min(buf.remaining()));
                    let mut read = ReadBuf::new(room);
                    if let Err(error) = ready!(this.inner.as_mut().poll_read(cx, &mut read)) {
                        *this.state = broken(error);
                        continue;
                    }
                    let filled = read.filled().len();
                    if filled == 0 {
                        *this.state =
                            failed(RpcErrorKind::TargetFailed, "a stream ended inside a chunk");
                        continue;
                    }
                    buf.advance(filled);
                    *left = left.saturating_sub(filled as u64);
                    if *left == 0 {
                        *this.state = State::header();
                    }
                    return Poll::Ready(Ok(()));
                }
                State::End => return Poll::Ready(Ok(())),
                State::Failed(error) => return Poll::Ready(Err(error.clone().into())),
            }
        }
    }
}
