//! Headers of peers, and ours on their way there and back.

use core::time::Duration;

use arbitrary::{Result, Unstructured};
use async_nats::HeaderMap;
use wrpc_middleware_errors::RpcError;

use super::input;
use crate::header;

/// Whatever headers a peer sends, they are read as something that this side may pass on; and what
/// this side writes is read as what it was.
pub fn headers(data: &[u8]) {
    let u = &mut Unstructured::new(data);
    let _ = received(u).and_then(|()| sent(u));
}

fn received(u: &mut Unstructured<'_>) -> Result<()> {
    let headers = input::headers(u)?;
    let _ = header::read_sequence(Some(&headers));
    let skew = Duration::from_millis(u.arbitrary()?);
    if let Some(remaining) = header::read_deadline(&headers, skew) {
        let mut passed_on = HeaderMap::new();
        header::write_deadline(&mut passed_on, remaining);
        let again = header::read_deadline(&passed_on, Duration::ZERO);
        assert!(again.is_some_and(|again| again <= remaining));
    }
    if let Some(error) = header::read_error(Some(&headers)) {
        is_for_a_log(&error);
        // A peer may pass it on as it is.
        let again = header::read_error(Some(&header::trailer(&error, 0)));
        assert_eq!(again.as_ref().map(RpcError::message), Some(error.message()));
    }
    // Headers that a broker would take are as long as it counts them.
    let _ = header::wire_len(&headers);
    Ok(())
}

fn sent(u: &mut Unstructured<'_>) -> Result<()> {
    let error = input::error(u)?;
    let sent: u64 = u.arbitrary()?;
    for headers in [header::trailer(&error, sent), header::refusal(&error)] {
        is_one_line_each(&headers);
        let read = header::read_error(Some(&headers)).expect("there is one");
        assert_eq!(
            (read.kind(), read.delivery()),
            (error.kind(), error.delivery())
        );
        is_for_a_log(&read);
        let message: String = error.message().chars().map(printable).collect();
        assert!(message.starts_with(read.message()), "{message:?} {read:?}");
        let is_whole = message.len() == read.message().len();
        assert!(is_whole || message.len() > 1024, "{message:?} {read:?}");
    }
    let number = header::read_sequence(Some(&header::trailer(&error, sent)));
    assert_eq!(number, Ok((sent > 0).then_some(sent)));
    let remaining = Duration::from_millis(u.int_in_range(0..=u64::MAX / 2)?);
    let mut headers = HeaderMap::new();
    header::write_deadline(&mut headers, remaining);
    is_one_line_each(&headers);
    // A clock that goes on takes from it.
    let read = header::read_deadline(&headers, Duration::from_mins(1));
    assert_eq!(read, Some(remaining));
    Ok(())
}

fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// The text of a peer goes into a log, and no further than a line of it.
fn is_for_a_log(error: &RpcError) {
    let message = error.message();
    assert!(message.len() <= 1024, "{} bytes", message.len());
    assert!(!message.contains(char::is_control), "{message:?}");
}

/// No value of a header begins another.
fn is_one_line_each(headers: &HeaderMap) {
    let values = headers.iter().flat_map(|(_, values)| values);
    for value in values {
        let is_printable = |byte| (b' '..=b'~').contains(&byte);
        assert!(value.as_str().bytes().all(is_printable), "{value:?}");
    }
}
