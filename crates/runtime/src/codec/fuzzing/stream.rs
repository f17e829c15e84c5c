//! Byte streams.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use arbitrary::{Result, Unstructured};
use tokio::io::{AsyncRead as _, ReadBuf};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::peer::Peer;
use crate::codec::stream::ChunkReader;

/// A stream has the bytes of its chunks, and ends cleanly only where it says so; else in an error,
/// which is final.
pub fn decode_stream(data: &[u8]) {
    let _ = run(&mut Unstructured::new(data));
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let (portion, room): (u8, u8) = u.arbitrary()?;
    let bytes = u.bytes(u.len())?;
    let (expected, end) = chunks(bytes);
    let mut stream = ChunkReader::new(Peer::new(bytes, portion.into()));
    let mut read = Vec::new();
    let error = loop {
        match next(&mut stream, room.into()) {
            Ok(more) if more.is_empty() => break None,
            Ok(more) => read.extend(more),
            Err(error) => break Some(error),
        }
    };
    assert_eq!(read, expected);
    let kind = error.as_ref().map(RpcError::kind);
    assert_eq!(kind, end, "{error:?}");
    let again = next(&mut stream, 1);
    match error {
        None => assert!(matches!(again, Ok(more) if more.is_empty())),
        Some(error) => {
            assert_eq!(error.delivery(), Delivery::Accepted);
            assert_eq!(again.map_err(|again| again.kind()), Err(error.kind()));
        }
    }
    Ok(())
}

fn next(stream: &mut ChunkReader<Peer>, room: usize) -> core::result::Result<Vec<u8>, RpcError> {
    let mut buf = vec![0; room.max(1)];
    let mut buf = ReadBuf::new(&mut buf);
    let cx = &mut Context::from_waker(Waker::noop());
    match Pin::new(stream).poll_read(cx, &mut buf) {
        Poll::Ready(Ok(())) => Ok(buf.filled().to_vec()),
        Poll::Ready(Err(error)) => Err(RpcError::classify(error)),
        Poll::Pending => panic!("all has arrived"),
    }
}

/// The bytes of all chunks, and what is wrong about their end.
fn chunks(mut bytes: &[u8]) -> (Vec<u8>, Option<RpcErrorKind>) {
    let mut all = Vec::new();
    loop {
        let Some((len, rest)) = length(bytes) else {
            let has_end = bytes.iter().take(5).any(|byte| byte & 0x80 == 0);
            let is_cut_off = !has_end && bytes.len() < 5;
            let kind = if is_cut_off {
                RpcErrorKind::TargetFailed
            } else {
                RpcErrorKind::Protocol
            };
            return (all, Some(kind));
        };
        if len == 0 {
            return (all, None);
        }
        let Some((chunk, rest)) = rest.split_at_checked(len) else {
            all.extend(rest);
            return (all, Some(RpcErrorKind::TargetFailed));
        };
        all.extend(chunk);
        bytes = rest;
    }
}

/// A number of 32 bits in at most five bytes of seven.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().take(5).position(|byte| byte & 0x80 == 0)?;
    let (number, rest) = bytes.split_at_checked(end + 1)?;
    let number = number
        .iter()
        .rev()
        .fold(0_u64, |number, byte| number << 7 | u64::from(byte & 0x7f));
    let number = u32::try_from(number).ok()?;
    Some((usize::try_from(number).ok()?, rest))
}
