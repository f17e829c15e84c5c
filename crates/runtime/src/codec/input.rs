//! The bytes of a peer, as they arrive.

use core::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use super::DecodeError;
use super::leb128::Partial;

/// How much is read at a time, and the most that is reserved ahead of the bytes themselves.
const BUFFER: usize = 8 << 10;

/// A buffered reader that counts what is taken out of it against a limit.
pub(super) struct Input<R> {
    reader: R,
    buffer: BytesMut,
    left: usize,
    limit: usize,
    idle: Option<Duration>,
}

impl<R: AsyncRead + Unpin> Input<R> {
    pub(super) fn new(reader: R, limit: usize) -> Self {
        Self {
            reader,
            buffer: BytesMut::new(),
            left: limit,
            limit,
            idle: None,
        }
    }

    /// Bounds each wait for more bytes.
    pub(super) fn set_idle(&mut self, limit: Duration) {
        self.idle = Some(limit);
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Whether bytes have arrived that nobody has asked for.
    pub(super) fn has_surplus(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Whether `n` more bytes would be within the limit.
    pub(super) fn admits(&self, n: usize) -> Result<(), DecodeError> {
        if n > self.left {
            return Err(DecodeError::Limit {
                what: "bytes",
                limit: self.limit,
            });
        }
        Ok(())
    }

    fn charge(&mut self, n: usize) -> Result<(), DecodeError> {
        self.admits(n)?;
        self.left -= n;
        Ok(())
    }

    /// Waits for more bytes. `false` at the end of the stream.
    pub(super) async fn fill(&mut self) -> Result<bool, DecodeError> {
        self.buffer.reserve(BUFFER);
        let read = self.reader.read_buf(&mut self.buffer);
        let read = match self.idle {
            Some(limit) => timeout(limit, read)
                .await
                .map_err(|_| DecodeError::Idle(limit))?,
            None => read.await,
        };
        Ok(read.map_err(DecodeError::Read)? != 0)
    }

    async fn require(&mut self) -> Result<(), DecodeError> {
        if self.buffer.is_empty() && !self.fill().await? {
            return Err(DecodeError::UnexpectedEnd);
        }
        Ok(())
    }

    pub(super) async fn byte(&mut self) -> Result<u8, DecodeError> {
        self.charge(1)?;
        self.require().await?;
        self.buffer
            .try_get_u8()
            .map_err(|_| DecodeError::UnexpectedEnd)
    }

    pub(super) async fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        for byte in &mut array {
            *byte = self.byte().await?;
        }
        Ok(array)
    }

    /// Exactly `n` bytes, into a buffer that grows as they arrive.
    pub(super) async fn bytes(&mut self, n: usize) -> Result<Vec<u8>, DecodeError> {
        self.charge(n)?;
        let mut bytes = Vec::with_capacity(n.min(BUFFER));
        while bytes.len() < n {
            self.require().await?;
            let take = (n - bytes.len()).min(self.buffer.len());
            bytes.extend_from_slice(&self.buffer.split_to(take));
        }
        Ok(bytes)
    }

    /// What has arrived of the next `n` bytes, at least one if `n` isn't zero.
    pub(super) async fn some(&mut self, n: usize) -> Result<BytesMut, DecodeError> {
        if n == 0 {
            return Ok(BytesMut::new());
        }
        self.require().await?;
        let take = n.min(self.buffer.len());
        self.charge(take)?;
        Ok(self.buffer.split_to(take))
    }

    /// An unsigned integer of `bits` bits.
    pub(super) async fn unsigned(&mut self, bits: u32) -> Result<u64, DecodeError> {
        let mut partial = Partial::new(bits);
        loop {
            let byte = self.byte().await?;
            if let Some(value) = partial.unsigned(byte).map_err(|_| overflow(bits))? {
                return Ok(value);
            }
        }
    }

    /// A signed integer of `bits` bits.
    pub(super) async fn signed(&mut self, bits: u32) -> Result<i64, DecodeError> {
        let mut partial = Partial::new(bits);
        loop {
            let byte = self.byte().await?;
            if let Some(value) = partial.signed(byte).map_err(|_| overflow(bits))? {
                return Ok(value);
            }
        }
    }

    /// A length, an index or a discriminant.
    pub(super) async fn length(&mut self) -> Result<usize, DecodeError> {
        let length = self.unsigned(32).await?;
        // On a target with 16 bits to a pointer nothing of that length is within any limit.
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// The byte that `what` starts with.
    pub(super) async fn bit(&mut self, what: &str) -> Result<bool, DecodeError> {
        match self.byte().await? {
            0 => Ok(false),
            1 => Ok(true),
            byte => Err(DecodeError::invalid(format!(
                "{what} starts with {byte}, neither 0 nor 1"
            ))),
        }
    }

    pub(super) async fn char(&mut self) -> Result<char, DecodeError> {
        let invalid = || DecodeError::invalid("a `char` is not valid UTF-8");
        let mut bytes = vec![self.byte().await?];
        let more = match bytes.as_slice() {
            [0..=0x7f] => 0,
            [0xc2..=0xdf] => 1,
            [0xe0..=0xef] => 2,
            [0xf0..=0xf4] => 3,
            _ => return Err(invalid()),
        };
        bytes.extend(self.bytes(more).await?);
        let text = str::from_utf8(&bytes).map_err(|_| invalid())?;
        text.chars().next().ok_or_else(invalid)
    }

    pub(super) async fn string(&mut self) -> Result<String, DecodeError> {
        let length = self.length().await?;
        String::from_utf8(self.bytes(length).await?)
            .map_err(|_| DecodeError::invalid("a `string` is not valid UTF-8"))
    }
}

fn overflow(bits: u32) -> DecodeError {
    DecodeError::invalid(format!("an integer does not fit {bits} bits"))
}
