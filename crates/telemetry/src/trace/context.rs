//! The context of a trace, as the W3C defines it.

use core::fmt;
use core::num::{NonZeroU64, NonZeroU128};
use std::sync::Arc;

use async_nats::header::{HeaderMap, HeaderName};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// `00-<32 hex>-<16 hex>-<2 hex>`; a later version may have more after that.
const LEN: usize = 55;

/// As much as is read of a `traceparent`.
const MAX_TRACEPARENT: usize = 256;

/// As much as the W3C asks to pass on of a `tracestate`; a longer one is dropped.
const MAX_TRACESTATE: usize = 512;

/// As many entries as a `tracestate` may have.
const MAX_MEMBERS: usize = 32;

/// Which call of which trace: [W3C trace context](https://www.w3.org/TR/trace-context/).
///
/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace_id: NonZeroU128,
    pub(super) span_id: NonZeroU64,
    pub(super) flags: u8,
    pub(super) state: Option<Arc<str>>,
}

impl TraceContext {
    /// A call that starts a trace, which is sampled.
    #[must_use]
    pub fn root() -> Self {
        Self {
            trace_id: NonZeroU128::new(rand::random()).unwrap_or(NonZeroU128::MIN),
            span_id: random_span_id(),
            flags: 1,
            state: None,
        }
    }

    /// Another call of the trace, made for this one.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            span_id: random_span_id(),
            ..self.clone()
        }
    }

    /// The id of the trace, as 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> impl fmt::Display + use<> {
        let id = self.trace_id;
        fmt::from_fn(move |f| write!(f, "{id:032x}"))
    }

    /// The id of the call, as 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> impl fmt::Display + use<> {
        let id = self.span_id;
        fmt::from_fn(move |f| write!(f, "{id:016x}"))
    }

    /// Whether who made the call has recorded it.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// What `headers` say. None where they say nothing, or nothing that is well formed: a peer may
    /// write anything, and a call is not refused for it.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT);
        let parent = parents.next()?;
        if parents.next().is_some() {
            return None;
        }
        let mut context = Self::parse(parent.as_str())?;
        let states: Vec<_> = headers
            .get_all(TRACESTATE)
            .map(|state| state.as_str().trim_matches([' ', '\t']))
            .filter(|state| !state.is_empty())
            .collect();
        context.state = state(&states);
        Some(context)
    }

    /// The text of a `traceparent`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\t']);
        if text.len() > MAX_TRACEPARENT || !text.is_ascii() {
            return None;
        }
        let (known, more) = text.split_at_checked(LEN)?;
        let mut parts = known.split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = u8::try_from(hex(version, 2)?).ok()?;
        let is_right_length = more.is_empty() || (version > 0 && more.starts_with('-'));
        if version == u8::MAX || !is_right_length {
            return None;
        }
        Some(Self {
            trace_id: NonZeroU128::new(hex(trace, 32)?)?,
            span_id: NonZeroU64::new(u64::try_from(hex(span, 16)?).ok()?)?,
            flags: u8::try_from(hex(flags, 2)?).ok()?,
            state: None,
        })
    }

    /// Puts it into `headers`, in place of what they said.
    pub fn write(&self, headers: &mut HeaderMap) {
        let Self {
            trace_id,
            span_id,
            flags,
            state,
        } = self;
        // Of the flags of another version nothing is known.
        let flags = flags & 0b11;
        let parent = format!("00-{trace_id:032x}-{span_id:016x}-{flags:02x}");
        headers.insert(TRACEPARENT, parent);
        match state {
            Some(state) => headers.insert(TRACESTATE, &**state),
            None if headers.get(TRACESTATE).is_some() => headers.insert(TRACESTATE, ""),
            None => {}
        }
    }
}

fn random_span_id() -> NonZeroU64 {
    NonZeroU64::new(rand::random()).unwrap_or(NonZeroU64::MIN)
}

/// So many digits, in lower case.
fn hex(digits: &str, len: usize) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != len || !digits.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok()
}

/// A `tracestate`, if it is one that may be passed on.
fn state(lists: &[&str]) -> Option<Arc<str>> {
    let len: usize = lists.iter().map(|list| list.len() + 1).sum();
    if lists.is_empty() || len > MAX_TRACESTATE + 1 {
        return None;
    }
    let state = lists.join(",");
    let members = || {
        state
            .split(',')
            .map(|member| member.trim_matches([' ', '\t']))
    };
    let is_member = |member: &str| {
        let is_printable = member.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let pair = member.split_once('=');
        is_printable && pair.is_some_and(|(key, value)| !key.is_empty() && !value.is_empty())
    };
    let is_valid = members().all(|member| member.is_empty() || is_member(member));
    (is_valid && members().count() <= MAX_MEMBERS).then(|| state.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(parent: &str, states: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, parent);
        for state in states {
            headers.append(TRACESTATE, *state);
        }
        headers
    }

    fn read(parent: &str) -> Option<TraceContext> {
        TraceContext::read(&headers(parent, &[]))
    }

    #[test]
    fn what_is_written_is_read() {
        let context = read(PARENT).unwrap();
        assert_eq!(context.trace_id().to_string(), TRACE);
        assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled());
        let mut written = headers("garbage", &["old=1"]);
        context.write(&mut written);
        assert_eq!(written.get(TRACEPARENT).unwrap().as_str(), PARENT);
        assert_eq!(TraceContext::read(&written), Some(context));
    }

    #[test]
    fn children_are_of_the_same_trace() {
        let context = TraceContext::read(&headers(PARENT, &["a=1"])).unwrap();
        let child = context.child();
        assert_eq!(child.trace_id, context.trace_id);
        assert_ne!(child.span_id, context.span_id);
        assert_eq!(child.state, context.state);
        assert_ne!(TraceContext::root().trace_id, TraceContext::root().trace_id);
    }

    #[test]
    fn a_later_version_may_have_more() {
        let later = |more| format!("cc{}{more}", PARENT.strip_prefix("00").unwrap());
        assert!(read(&later("")).is_some());
        assert!(read(&later("-what-the-future")).is_some());
        assert!(read(&later(".what")).is_none());
    }

    #[test]
    fn what_is_malformed_is_nothing() {
        let zeros = "0".repeat(32);
        for bad in [
            "",
            "00",
            "-",
            "---",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
            &format!("00-{zeros}-00f067aa0ba902b7-01"),
            &"ä".repeat(28),
            &format!("{PARENT}{}", "-".repeat(1000)),
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let mut twice = headers(PARENT, &[]);
        twice.append(TRACEPARENT, PARENT);
        assert_eq!(TraceContext::read(&twice), None);
        assert_eq!(TraceContext::read(&HeaderMap::new()), None);
    }

    #[test]
    fn a_state_is_passed_on_or_dropped_as_a_whole() {
        let state = |states: &[&str]| {
            let context = TraceContext::read(&headers(PARENT, states)).unwrap();
            context.state.as_deref().map(str::to_owned)
        };
        assert_eq!(state(&[]), None);
        assert_eq!(state(&["a=1", " b=2,c=3 "]), Some("a=1,b=2,c=3".into()));
        let value = format!("a={}", "x".repeat(MAX_TRACESTATE - 2));
        assert_eq!(state(&[&value]), Some(value.clone()));
        let many = vec!["a=1"; MAX_MEMBERS + 1].join(",");
        for bad in [&format!("{value}x"), "a", "=1", "a=", "a=ä", &many] {
            assert_eq!(state(&[bad]), None, "{bad}");
        }
    }
}
