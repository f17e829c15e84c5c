//! The headers that our peers add to the messages of the protocol. Others ignore them.

mod deadline;
mod sequence;
mod trailer;

use async_nats::{HeaderMap, HeaderName};

pub(crate) use self::deadline::{read as read_deadline, write as write_deadline};
pub(crate) use self::sequence::{read as read_sequence, write as write_sequence};
pub(crate) use self::trailer::{read as read_error, refusal, trailer};

/// The text of a header that occurs once.
fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    // A name that is given as text is allocated for the look-up.
    let name = HeaderName::from_static(name);
    headers.get(name).map(async_nats::HeaderValue::as_str)
}

/// What `headers` add to a message, as NATS counts it.
pub(crate) fn wire_len(headers: &HeaderMap) -> usize {
    const LINE: usize = ": \r\n".len();
    let lines = headers
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let len: usize = lines
        .map(|(name, value)| AsRef::<[u8]>::as_ref(name).len() + value.as_str().len() + LINE)
        .sum();
    "NATS/1.0\r\n\r\n".len() + len
}
