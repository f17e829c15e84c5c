//! Values of the kit's functions, as wRPC encodes them.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_util::codec::{Decoder, Encoder};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_transport::{Decode, Encode};

use crate::erased::{Incoming, Outgoing};

/// An `rpc-error`: the index of its case, that of its delivery, its message. Indices below 128 are
/// encoded like the variant and the enum themselves.
pub(crate) type ErrorValue = (u8, u8, String);

/// `result<string, rpc-error>`.
pub(crate) type Value = Result<String, ErrorValue>;

/// Every `rpc-error` that there is, but for the message.
pub(crate) fn error_values() -> impl Iterator<Item = ErrorValue> {
    let cases = (0..).zip(RpcErrorKind::ALL);
    cases.flat_map(|(case, kind)| {
        let deliveries = (0..).zip(Delivery::ALL);
        deliveries.map(move |(delivery, name)| (case, delivery, format!("{kind}, {name}")))
    })
}

/// The bytes of `value`.
pub(crate) fn encode<T: Encode<Outgoing>>(value: T) -> anyhow::Result<Bytes>
where
    <T::Encoder as Encoder<T>>::Error: std::error::Error + Send + Sync + 'static,
{
    let mut bytes = BytesMut::new();
    T::Encoder::default().encode(value, &mut bytes)?;
    Ok(bytes.freeze())
}

/// What comes of reading a value.
pub(crate) enum Read<T> {
    Value(T),
    /// The stream ended before the value was complete.
    Ended,
    /// The stream failed.
    Failed(std::io::Error),
    /// The bytes are no such value.
    Undecodable(anyhow::Error),
}

/// Reads one value.
pub(crate) async fn read<T: Decode<Incoming>>(incoming: &mut (impl AsyncRead + Unpin)) -> Read<T>
where
    <T::Decoder as Decoder>::Error: std::error::Error + Send + Sync + 'static,
{
    let mut decoder = T::Decoder::default();
    let mut bytes = BytesMut::new();
    loop {
        match decoder.decode(&mut bytes) {
            Ok(Some(value)) => return Read::Value(value),
            Ok(None) => {}
            Err(error) => return Read::Undecodable(error.into()),
        }
        match incoming.read_buf(&mut bytes).await {
            Ok(0) => return Read::Ended,
            Ok(_) => {}
            Err(error) => return Read::Failed(error),
        }
    }
}
