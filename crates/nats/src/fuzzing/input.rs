//! What a fuzzer's bytes are made into.

use arbitrary::{Result, Unstructured};
use async_nats::StatusCode;
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::header;

/// The headers that mean something to somebody here.
const NAMES: [&str; 7] = [
    "Wrpc-Sequence",
    "Wrpc-Error",
    "Wrpc-Error-Delivery",
    "Wrpc-Error-Message",
    "Wrpc-Timeout-Ms",
    "Wrpc-Expires",
    "Nats-Service-Error",
];

pub(super) fn error(u: &mut Unstructured<'_>) -> Result<RpcError> {
    let kind = *u.choose(&RpcErrorKind::ALL)?;
    let delivery = *u.choose(&Delivery::ALL)?;
    Ok(RpcError::new(kind, delivery, u.arbitrary::<String>()?))
}

/// Headers that a peer may send: none of ours would put them together so.
pub(super) fn headers(u: &mut Unstructured<'_>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for _ in 0..u.int_in_range(0..=6)? {
        let name = match u.arbitrary::<u8>()? % 8 {
            0 => u.arbitrary()?,
            _ => *u.choose(&NAMES)?,
        };
        let value = match u.arbitrary::<u8>()? % 4 {
            0 => u.arbitrary::<u64>()?.to_string(),
            1 => u.choose(&RpcErrorKind::ALL)?.as_str().into(),
            2 => u.choose(&Delivery::ALL)?.as_str().into(),
            _ => u.arbitrary()?,
        };
        // What can't be a header does not arrive as one.
        let name = name.parse::<HeaderName>();
        if let (Ok(name), Ok(value)) = (name, value.parse::<HeaderValue>()) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

/// Headers as a peer of ours sends them, or [others](headers).
pub(super) fn message_headers(u: &mut Unstructured<'_>) -> Result<Option<HeaderMap>> {
    Ok(match u.int_in_range(0..=4)? {
        0 => None,
        1 => header::write_sequence(u.int_in_range(0..=4)?),
        2 => Some(header::trailer(&error(u)?, u.int_in_range(0..=4)?)),
        3 => Some(header::refusal(&error(u)?)),
        _ => Some(headers(u)?),
    })
}

pub(super) fn status(u: &mut Unstructured<'_>) -> Result<Option<StatusCode>> {
    Ok(match u.int_in_range(0..=7)? {
        0 => Some(StatusCode::NO_RESPONDERS),
        1 => Some(StatusCode::TIMEOUT),
        2 => StatusCode::from_u16(u.arbitrary()?).ok(),
        _ => None,
    })
}
