//! The number of a message in its stream.
//!
//! The first message on a subject has none: it is the only one of most streams that have a value,
//! and its absence shows in the number of the next.

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};

use super::single;

/// The name of the header.
const SEQUENCE: &str = "Wrpc-Sequence";

/// The number is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The headers of the message after `sent` others.
pub(crate) fn write(sent: u64) -> Option<HeaderMap> {
    if sent == 0 {
        return None;
    }
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(SEQUENCE), HeaderValue::from(sent));
    Some(headers)
}

/// The number of a message, if it has one.
pub(crate) fn read(headers: Option<&HeaderMap>) -> Result<Option<u64>, Malformed> {
    let Some(text) = headers.and_then(|headers| single(headers, SEQUENCE)) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_first_are_numbered() {
        assert!(write(0).is_none());
        assert_eq!(read(None), Ok(None));
        for sent in [1, 2, u64::MAX] {
            assert_eq!(read(write(sent).as_ref()), Ok(Some(sent)));
        }
        let mut bad = HeaderMap::new();
        bad.insert(SEQUENCE, "-1");
        assert_eq!(read(Some(&bad)), Err(Malformed));
    }
}
