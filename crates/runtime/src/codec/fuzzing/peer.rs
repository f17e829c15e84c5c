//! A peer whose bytes have all arrived.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::sync::{Arc, Mutex};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, ReadBuf};
use wrpc_transport::Index;

/// Its bytes come in portions. Every stream of it that is asked for has the same.
#[derive(Clone)]
pub(super) struct Peer {
    bytes: Bytes,
    portion: usize,
    /// The paths of the streams that were asked for.
    pub(super) asked: Arc<Mutex<Vec<Vec<usize>>>>,
}

impl Peer {
    pub(super) fn new(bytes: &[u8], portion: usize) -> Self {
        Self {
            bytes: Bytes::copy_from_slice(bytes),
            portion: portion.max(1),
            asked: Arc::default(),
        }
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let len = self
            .portion
            .min(self.bytes.remaining())
            .min(buf.remaining());
        buf.put_slice(&self.bytes.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl Index<Self> for Peer {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        self.asked
            .lock()
            .expect("nobody panicked")
            .push(path.to_vec());
        Ok(self.clone())
    }
}
