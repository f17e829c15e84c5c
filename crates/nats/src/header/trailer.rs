//! Errors in the headers of a closing message, or of a refusal.

use std::borrow::Cow;

use async_nats::HeaderMap;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::single;

const ERROR: &str = "Wrpc-Error";
const DELIVERY: &str = "Wrpc-Error-Delivery";
const MESSAGE: &str = "Wrpc-Error-Message";
/// What NATS' own tools show of a refusal:
/// <https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md>.
const SERVICE_ERROR: &str = "Nats-Service-Error";
const SERVICE_ERROR_CODE: &str = "Nats-Service-Error-Code";

/// As many bytes of a message as are sent and read.
const MAX_MESSAGE: usize = 1024;

/// What `grpc-message` escapes: all but printable ASCII, and the escape itself.
/// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses>
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// The headers of the message that ends a stream with `error`, the one after `sent` others.
pub(crate) fn trailer(error: &RpcError, sent: u64) -> HeaderMap {
    let mut headers = super::write_sequence(sent).unwrap_or_default();
    insert(&mut headers, error);
    headers
}

/// The headers of the answer to a call that is not taken.
pub(crate) fn refusal(error: &RpcError) -> HeaderMap {
    let mut headers = HeaderMap::new();
    insert(&mut headers, error);
    headers.insert(SERVICE_ERROR, error.kind().as_str());
    headers.insert(SERVICE_ERROR_CODE, code(error.kind()));
    headers
}

fn insert(headers: &mut HeaderMap, error: &RpcError) {
    headers.insert(ERROR, error.kind().as_str());
    headers.insert(DELIVERY, error.delivery().as_str());
    headers.insert(MESSAGE, encode(error.message()).as_str());
}

/// The HTTP status that fits, as ADR-32's examples have it.
fn code(kind: RpcErrorKind) -> &'static str {
    match kind {
        RpcErrorKind::Timeout => "408",
        RpcErrorKind::LinkDenied => "403",
        RpcErrorKind::Protocol => "400",
        RpcErrorKind::TargetUnavailable | RpcErrorKind::Overloaded => "503",
        _ => "500",
    }
}

/// The error in `headers`, if they have one.
///
/// A kind of a later version is [`Other`](RpcErrorKind::Other), a delivery that is not understood
/// is `unknown`.
pub(crate) fn read(headers: Option<&HeaderMap>) -> Option<RpcError> {
    let headers = headers?;
    let kind = single(headers, ERROR)?;
    let delivery = single(headers, DELIVERY).and_then(|text| text.parse().ok());
    let message = single(headers, MESSAGE).map(decode).unwrap_or_default();
    Some(RpcError::new(
        kind.parse().unwrap_or(RpcErrorKind::Other),
        delivery.unwrap_or(Delivery::Unknown),
        message,
    ))
}

fn encode(message: &str) -> String {
    let end = message.floor_char_boundary(MAX_MESSAGE);
    let (message, _) = message.split_at(end);
    utf8_percent_encode(message, ESCAPED).to_string()
}

/// A peer's text, in one line.
fn decode(text: &str) -> Cow<'static, str> {
    // Each byte may be escaped by three.
    let (text, _) = text.split_at(text.floor_char_boundary(3 * MAX_MESSAGE));
    let text = percent_decode_str(text).decode_utf8_lossy();
    let (text, _) = text.split_at(text.floor_char_boundary(MAX_MESSAGE));
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_and_delivery_travels() {
        for kind in RpcErrorKind::ALL {
            for delivery in Delivery::ALL {
                let error = RpcError::new(kind, delivery, "a:b/c#f: 100 % größer");
                for headers in [trailer(&error, 0), trailer(&error, 7), refusal(&error)] {
                    let read = read(Some(&headers)).unwrap();
                    assert_eq!((read.kind(), read.delivery()), (kind, delivery));
                    assert_eq!(read.message(), error.message());
                }
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_as_little_as_it_can_be() {
        assert!(read(None).is_none());
        let mut headers = HeaderMap::new();
        assert!(read(Some(&headers)).is_none());
        headers.insert(ERROR, "melted");
        headers.insert(DELIVERY, "perhaps");
        let error = read(Some(&headers)).unwrap();
        assert_eq!(
            (error.kind(), error.delivery(), error.message()),
            (RpcErrorKind::Other, Delivery::Unknown, "")
        );
    }

    proptest! {
        #[test]
        fn a_message_is_no_header_of_its_own(message in ".{0,2000}") {
            let error = RpcError::new(RpcErrorKind::Other, Delivery::Accepted, message.clone());
            let headers = trailer(&error, 1);
            let raw = single(&headers, MESSAGE).unwrap();
            prop_assert!(raw.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let read = read(Some(&headers)).unwrap();
            prop_assert!(read.message().len() <= MAX_MESSAGE);
            let line: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            prop_assert!(line.starts_with(read.message()));
        }

        #[test]
        fn whatever_a_peer_sends_is_read(text in "[ -~]{0,5000}") {
            let mut headers = HeaderMap::new();
            headers.insert(ERROR, "other");
            headers.insert(MESSAGE, text.as_str());
            let read = read(Some(&headers)).unwrap();
            prop_assert!(read.message().len() <= MAX_MESSAGE);
            prop_assert!(!read.message().contains(char::is_control));
        }
    }
}
