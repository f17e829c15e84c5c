//! A transport without a wire.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wrpc_middleware::leaf::Evidence;
use wrpc_transport::{Index, Invoke};

/// What every answered call returns.
pub const RESULTS: &[u8] = b"sixteen bytes it";

/// A target in the same process: what it does with a call, it does at once.
#[derive(Clone, Copy)]
pub enum Immediate {
    /// Takes the call and answers it with [`RESULTS`].
    Answers,
    /// Takes the call and never answers.
    Accepts,
    /// Never takes the call.
    Ignores,
}

impl Invoke for Immediate {
    type Context = ();
    type Outgoing = Parameters;
    type Incoming = Results;

    async fn invoke<P>(
        &self,
        (): (),
        _: &str,
        _: &str,
        _: Bytes,
        _: impl AsRef<[P]> + Send,
    ) -> anyhow::Result<(Parameters, Results)>
    where
        P: AsRef<[Option<usize>]> + Send + Sync,
    {
        let results = matches!(self, Self::Answers).then_some(RESULTS);
        Ok((Parameters { of: *self }, Results { left: results }))
    }
}

/// A completed flush shows that the target took the call, as on upstream's NATS client.
#[derive(Clone, Copy)]
pub struct Handshake;

impl Evidence for Handshake {
    fn reports_acceptance(&self) -> bool {
        true
    }
}

pub struct Parameters {
    of: Immediate,
}

impl Parameters {
    fn taken(&self) -> Poll<io::Result<()>> {
        match self.of {
            Immediate::Answers | Immediate::Accepts => Poll::Ready(Ok(())),
            Immediate::Ignores => Poll::Pending,
        }
    }
}

impl AsyncWrite for Parameters {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.taken().map_ok(|()| buf.len())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.taken()
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.taken()
    }
}

impl Index<Self> for Parameters {
    fn index(&self, _: &[usize]) -> anyhow::Result<Self> {
        Ok(Self { of: self.of })
    }
}

pub struct Results {
    /// `None` if they never come.
    left: Option<&'static [u8]>,
}

impl AsyncRead for Results {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(left) = &mut self.left else {
            return Poll::Pending;
        };
        let (now, later) = left.split_at(left.len().min(buf.remaining()));
        buf.put_slice(now);
        *left = later;
        Poll::Ready(Ok(()))
    }
}

impl Index<Self> for Results {
    fn index(&self, _: &[usize]) -> anyhow::Result<Self> {
        Ok(Self { left: self.left })
    }
}
