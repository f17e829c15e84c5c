//! What holds for whatever trace context a peer sends. See `docs/FUZZING.md`.
//!
//! Not part of the interface of this crate: it is there for fuzzers and tests alone.

#![expect(
    clippy::expect_used,
    reason = "a property panics where it does not hold"
)]

use arbitrary::{Result, Unstructured};
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};

use crate::trace::TraceContext;

/// A context that is read can be passed on: it is written as the W3C has it, and read as the same.
pub fn trace_context(data: &[u8]) {
    let _ = run(&mut Unstructured::new(data));
}

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");
const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let headers = headers(u)?;
    let Some(context) = TraceContext::read(&headers) else {
        return Ok(());
    };
    let (trace, span) = (
        context.trace_id().to_string(),
        context.span_id().to_string(),
    );
    let is_id = |id: &str, len| {
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        id.len() == len && id.bytes().all(is_digit) && id.bytes().any(|byte| byte != b'0')
    };
    assert!(is_id(&trace, 32) && is_id(&span, 16), "{trace} {span}");

    let mut written = headers.clone();
    context.write(&mut written);
    let passed_on = TraceContext::read(&written).expect("it was written");
    assert_eq!(passed_on.trace_id().to_string(), trace);
    assert_eq!(passed_on.span_id().to_string(), span);
    assert_eq!(passed_on.is_sampled(), context.is_sampled());
    for (name, len) in [(PARENT, 55), (STATE, 512)] {
        let values: Vec<_> = written.get_all(name).collect();
        assert!(values.len() <= 1, "{values:?}");
        for value in values {
            let is_printable = |byte| matches!(byte, b'\t' | b' '..=b'~');
            let is_one_line = value.as_str().bytes().all(is_printable);
            assert!(is_one_line && value.as_str().len() <= len, "{value:?}");
        }
    }
    // From here on nothing changes any more.
    let mut again = written.clone();
    passed_on.write(&mut again);
    assert_eq!(again, written);
    assert_eq!(TraceContext::read(&again), Some(passed_on.clone()));

    let child = context.child();
    assert_eq!(child.trace_id().to_string(), trace);
    assert_eq!(child.is_sampled(), context.is_sampled());
    Ok(())
}

fn headers(u: &mut Unstructured<'_>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut append = |name: HeaderName, value: &str| {
        if let Ok(value) = value.parse::<HeaderValue>() {
            headers.append(name, value);
        }
    };
    for _ in 0..u.int_in_range(0..=3)? {
        let text: &str = u.arbitrary()?;
        match u.int_in_range(0..=5)? {
            0 => append(PARENT, text),
            1 => append(PARENT, &format!("{EXAMPLE}{text}")),
            2 => {
                let mut changed = EXAMPLE.to_owned();
                let at = u.choose_index(changed.len())?;
                changed.replace_range(at..=at, text);
                append(PARENT, &changed);
            }
            3 => append(STATE, text),
            4 => append(STATE, &format!("a=1,{text}")),
            _ => append(STATE, &text.repeat(u.arbitrary::<u8>()?.into())),
        }
    }
    if headers.get(PARENT).is_none() {
        headers.append(PARENT, EXAMPLE);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use wrpc_middleware_fuzzing::check;

    #[test]
    fn trace_context() {
        check("trace_context", super::trace_context);
    }
}
