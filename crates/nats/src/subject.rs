//! The subjects of the protocol, and which of a peer's are published to.
//!
//! ```text
//! [prefix.]wrpc.0.0.1.<instance>.<function>   a call; its reply subject is R_c
//! R_c                                         the handshake; its reply subject is R_s
//! R_c.results[.<index>…]                      results
//! R_s.params[.<index>…]                       parameters that the call had no room for
//! R_s.cancel                                  the caller has given up
//! R_s.alive                                   asks whether the server is there; never answered
//! R_c.alive                                   where the broker says that it is not
//! ```
//!
//! A reply subject of ours may end in [`UNARY`].

use core::fmt::Write as _;
use core::hash::{BuildHasher as _, BuildHasherDefault};
use std::hash::DefaultHasher;

use async_nats::Subject;
use percent_encoding::percent_decode_str;
use wrpc_middleware_transport::Target;

use crate::PROTOCOL;
use crate::id::Id;

pub(crate) const PARAMS: &str = "params";
pub(crate) const RESULTS: &str = "results";
pub(crate) const CANCEL: &str = "cancel";
pub(crate) const ALIVE: &str = "alive";

/// At the end of `R_c`: the caller takes an answer in a single message. At the end of `R_s`: this is
/// one, and its payload the whole of the results.
///
/// No name that a NATS client makes up ends so.
const UNARY: char = '~';

/// Whether the reply subject says so.
pub(crate) fn is_unary(reply: &str) -> bool {
    reply.ends_with(UNARY)
}

/// Whether the reply subject looks like one of this implementation. Others may look so too.
pub(crate) fn has_form_of_ours(reply: &str) -> bool {
    let mut tokens = reply.rsplit('.');
    let call = tokens.next().unwrap_or_default();
    let call = call.strip_suffix(UNARY).unwrap_or(call);
    let connection = tokens.next().unwrap_or_default();
    Id::parse(call).is_some() && Id::parse(connection).is_some()
}

/// Where calls of a function go.
pub(crate) fn invocation(prefix: &str, target: &str, instance: &str, func: &str) -> Subject {
    let parts = [prefix, target, PROTOCOL, instance, func];
    join(parts.into_iter().filter(|part| !part.is_empty()))
}

/// Whether calls go there.
pub(crate) fn is_call(subject: &str) -> bool {
    // No inbox has these tokens: neither ours, see `token`, nor one that is answered, see `permit`.
    subject.match_indices(PROTOCOL).any(|(start, name)| {
        let (before, rest) = subject.split_at(start);
        let after = rest.strip_prefix(name).unwrap_or_default();
        (before.is_empty() || before.ends_with('.')) && after.starts_with('.')
    })
}

/// `base` and a name below it.
pub(crate) fn below(base: &str, name: &str) -> Subject {
    join([base, name])
}

/// The stream called `name` at `path`.
pub(crate) fn stream(base: &str, name: &str, path: &[usize]) -> Subject {
    let mut subject = String::with_capacity(base.len() + name.len() + 1 + path.len() * 4);
    subject.push_str(base);
    subject.push('.');
    subject.push_str(name);
    for index in path {
        // Writing to a `String` does not fail.
        let _ = write!(subject, ".{index}");
    }
    subject.into()
}

fn join<'a>(parts: impl IntoIterator<Item = &'a str, IntoIter: Clone>) -> Subject {
    let parts = parts.into_iter();
    let len: usize = parts.clone().map(|part| part.len() + 1).sum();
    // Exactly, since `Bytes` allocates once more for what has room.
    let mut subject = String::with_capacity(len.saturating_sub(1));
    for part in parts {
        if !subject.is_empty() {
            subject.push('.');
        }
        subject.push_str(part);
    }
    subject.into()
}

/// A hash of the subject: the same one in every process, so that no failure is a matter of chance.
pub(crate) fn hash(subject: &str) -> u16 {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let [high, low, ..] = hasher.hash_one(subject).to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// The indices after the name of a stream; none if there is something else.
pub(crate) fn path(tokens: &str) -> Option<Vec<usize>> {
    let index = |token: &str| {
        // `+1` and `01` would be other names of `1`.
        let canonical = token == "0" || token.starts_with(|c: char| matches!(c, '1'..='9'));
        canonical.then(|| token.parse().ok()).flatten()
    };
    tokens.split('.').map(index).collect()
}

/// Where the messages to one connection's calls arrive: `<prefix>.<connection>.<call>[.…]`.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    /// With the dot in front of the call.
    base: Box<str>,
}

impl Inbox {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            base: format!("{prefix}.{}.", Id::random()).into(),
        }
    }

    /// All of it.
    pub(crate) fn wildcard(&self) -> Subject {
        Subject::from(format!("{}>", self.base))
    }

    pub(crate) fn of(&self, call: &Id) -> Subject {
        let mut subject = String::with_capacity(self.base.len() + crate::id::LEN);
        subject.push_str(&self.base);
        subject.push_str(call.as_str());
        subject.into()
    }

    /// The same, which [is unary](is_unary).
    pub(crate) fn unary(&self, call: &Id) -> Subject {
        let len = self.base.len() + crate::id::LEN + UNARY.len_utf8();
        let mut subject = String::with_capacity(len);
        subject.push_str(&self.base);
        subject.push_str(call.as_str());
        subject.push(UNARY);
        subject.into()
    }

    /// The call that a message is for, and what comes after it.
    pub(crate) fn split<'a>(&self, subject: &'a str) -> Option<(Id, &'a str)> {
        let rest = subject.strip_prefix(&*self.base)?;
        // All ids are of one length: that is quicker than to look for their end.
        let (id, rest) = rest.split_at_checked(crate::id::LEN)?;
        let rest = rest.strip_prefix(UNARY).unwrap_or(rest);
        let part = match rest.strip_prefix('.') {
            Some(part) => part,
            None if rest.is_empty() => rest,
            None => return None,
        };
        Some((Id::parse(id)?, part))
    }
}

/// Which subjects are inboxes: a peer chooses the subject that it is answered on, and could choose
/// somebody else's.
#[derive(Clone, Debug)]
pub(crate) struct InboxPrefixes(Box<[Box<str>]>);

impl InboxPrefixes {
    /// The prefix that every NATS client uses by default.
    pub(crate) const DEFAULT: &str = "_INBOX";

    pub(crate) fn new<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut prefixes: Vec<Box<str>> = prefixes.into_iter().map(Box::from).collect();
        prefixes.sort();
        prefixes.dedup();
        Self(prefixes.into())
    }

    /// Whether something may be published to `subject` and below it because a peer asked for it.
    ///
    /// It has to be below one of the prefixes, and none of the subjects of this protocol.
    pub(crate) fn permit(&self, subject: &str) -> bool {
        let is_below = |prefix: &str| {
            let rest = subject.strip_prefix(prefix);
            rest.and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| !is_of_protocol(rest))
        };
        !subject.starts_with('$')
            && Target::is_valid(subject)
            && self.0.iter().any(|prefix| is_below(prefix))
    }

    /// The same for `subject` being where a peer that asks whether we are here has its answer.
    pub(crate) fn permit_alive(&self, subject: &str) -> bool {
        let inbox = subject.strip_suffix(ALIVE);
        let inbox = inbox.and_then(|inbox| inbox.strip_suffix('.'));
        inbox.is_some_and(|inbox| self.permit(inbox))
    }
}

/// Whether a token of `subject` has a meaning in the protocol.
fn is_of_protocol(subject: &str) -> bool {
    // Asked for every call: searching for single bytes pays where tokens are long.
    let mut tokens = subject.as_bytes().split(|byte| *byte == b'.');
    let names = [PARAMS, RESULTS, CANCEL, ALIVE, "wrpc"];
    tokens.any(|token| names.iter().any(|name| name.as_bytes() == token))
}

/// What the subjects of all calls have in common that the server at `peer` took, and those of no
/// other server.
///
/// Ours and upstream's have an inbox for each connection, `….<connection>.<call>`. Others may have
/// one for each call, `_INBOX.<call>`, which have nothing in common but with everybody's.
pub(crate) fn server(peer: &str) -> &str {
    /// The characters of the random names of NATS clients.
    const NUID: usize = 22;
    let Some((server, _call)) = peer.rsplit_once('.') else {
        return peer;
    };
    let connection = server.rsplit_once('.').map_or(server, |(_, last)| last);
    match connection.len() {
        crate::id::LEN | NUID => server,
        _ => peer,
    }
}

/// `id` as one token that means nothing else, another for each id.
pub(crate) fn token(id: &str) -> String {
    let token = id.replace('%', "%25").replace('.', "%2E");
    match token.bytes().next() {
        Some(first) if is_of_protocol(&token) => {
            let (_, rest) = token.split_at(1);
            format!("%{first:02X}{rest}")
        }
        _ => token,
    }
}

/// The id that this token is.
pub(crate) fn untoken(token: &str) -> String {
    percent_decode_str(token).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_those_of_the_protocol() {
        let subject = invocation("default", "a.b", "ns:pkg/i@0.1.0", "f");
        assert_eq!(&*subject, "default.a.b.wrpc.0.0.1.ns:pkg/i@0.1.0.f");
        assert_eq!(&*invocation("", "", "", "f"), "wrpc.0.0.1.f");
        assert_eq!(&*stream("_INBOX.r", RESULTS, &[]), "_INBOX.r.results");
        assert_eq!(&*stream("r", PARAMS, &[1, 20]), "r.params.1.20");
    }

    #[test]
    fn a_path_is_of_canonical_numbers() {
        assert_eq!(path("0"), Some(vec![0]));
        assert_eq!(path("1.20.0"), Some(vec![1, 20, 0]));
        for bad in ["", "+1", "01", "a", "1.", "1..2", "99999999999999999999999"] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_inbox_splits_what_it_made() {
        let (inbox, id) = (Inbox::new("_INBOX"), Id::random());
        let subject = inbox.of(&id);
        assert_eq!(inbox.split(&subject), Some((id, "")));
        let results = stream(&subject, RESULTS, &[3]);
        assert_eq!(inbox.split(&results), Some((id, "results.3")));
        assert_eq!(Inbox::new("_INBOX").split(&subject), None);
        let longer = format!("{subject}x");
        let shorter = &subject[..subject.len() - 1];
        let dotted = format!("{}.of.an.inbox", &subject[..subject.len() - 12]);
        assert_eq!(dotted.len(), subject.len());
        for other in [
            &longer,
            shorter,
            &dotted,
            &format!("{longer}.results"),
            &format!("{shorter}.results"),
        ] {
            assert_eq!(inbox.split(other), None, "{other}");
        }
        assert!(!is_unary(&subject));
        let unary = inbox.unary(&id);
        assert!(is_unary(&unary));
        assert_eq!(inbox.split(&unary), Some((id, "")));
        let results = stream(&unary, RESULTS, &[3]);
        assert_eq!(inbox.split(&results), Some((id, "results.3")));
    }

    #[test]
    fn names_of_ours_are_told_from_those_of_a_nats_client() {
        let (inbox, id) = (Inbox::new("_INBOX.me"), Id::random());
        assert!(has_form_of_ours(&inbox.of(&id)));
        assert!(has_form_of_ours(&inbox.unary(&id)));
        for other in [
            "_INBOX.Wm5kPfMwDZbaRTYQDOJhGd.Wm5kPfMwDZbaRTYQDOJhQ5",
            "_INBOX.sixteen-letters-",
            "",
            "~",
        ] {
            assert!(!has_form_of_ours(other), "{other}");
        }
    }

    #[test]
    fn calls_are_told_from_all_that_may_be_answered() {
        let prefixes = InboxPrefixes::new(["_INBOX"]);
        for call in [
            "wrpc.0.0.1.a:b/c.f",
            "target.wrpc.0.0.1.a:b/c.f",
            "xwrpc.0.0.1.y.wrpc.0.0.1.f",
        ] {
            assert!(is_call(call), "{call}");
            assert!(!prefixes.permit(&format!("_INBOX.{call}")), "{call}");
        }
        for other in [
            "",
            "_INBOX.zwrpc.0.0.1.x",
            "_INBOX.wrpc.0.0.10.x",
            "_INBOX.a.wrpc.0.0.1",
        ] {
            assert!(!is_call(other), "{other}");
        }
    }

    #[test]
    fn only_inboxes_are_answered() {
        let prefixes = InboxPrefixes::new(["_INBOX", "_INBOX_me", "_INBOX"]);
        for good in ["_INBOX.a.b", "_INBOX.a", "_INBOX_me.x"] {
            assert!(prefixes.permit(good), "{good}");
        }
        for bad in [
            "",
            "_INBOX",
            "_INBOX.",
            "_INBOX.a..b",
            "_INBOX.*",
            "_INBOX.a.>",
            "_INBOX.a b",
            "_INBOX.a\r\nPUB",
            "_INBOXED.a",
            "$SYS.REQ.SERVER.PING",
            "$JS.API.STREAM.DELETE.x",
            "_INBOX.wrpc.0.0.1.f",
            "orders.new",
            "_INBOX.a.b.results",
            "_INBOX.a.b.params.1",
            "_INBOX.a.b.cancel",
            "_INBOX.x.wrpc.0.0.1.a:b/c.f",
        ] {
            assert!(!prefixes.permit(bad), "{bad}");
            assert!(!prefixes.permit_alive(&format!("{bad}.alive")), "{bad}");
        }
        assert!(prefixes.permit_alive("_INBOX.a.b.alive"));
        for bad in [
            "_INBOX.a.b",
            "_INBOX.a.b.results.alive",
            "_INBOX.alive",
            "alive",
        ] {
            assert!(!prefixes.permit_alive(bad), "{bad}");
        }
    }

    #[test]
    fn calls_of_a_server_have_in_common_what_no_other_has() {
        let inbox = Inbox::new("_INBOX.a");
        let [one, other] = [Id::random(), Id::random()].map(|id| inbox.of(&id));
        assert_eq!(server(&one), server(&other));
        assert_ne!(
            server(&one),
            server(&Inbox::new("_INBOX.a").of(&Id::random()))
        );
        let upstream = "_INBOX.Wm5kPfMwDZbaRTYQDOJhGd";
        assert_eq!(
            server(&format!("{upstream}.Wm5kPfMwDZbaRTYQDOJhQ5")),
            upstream
        );
        for alone in [upstream, "_INBOX.app.Wm5kPfMwDZbaRTYQDOJhQ5", "x"] {
            assert_eq!(server(alone), alone);
        }
    }

    #[test]
    fn ids_with_dots_are_tokens_of_their_own() {
        assert_eq!(token("a.b"), "a%2Eb");
        assert_ne!(token("a%2Eb"), token("a.b"));
        for id in [
            "a", "a.b", "a%2Eb", "%", "%25.%", "größe", "wrpc", "results", "alive",
        ] {
            assert_eq!(untoken(&token(id)), id);
            let inbox = format!("_INBOX.{}.x.y", token(id));
            assert!(InboxPrefixes::new(["_INBOX"]).permit(&inbox), "{inbox}");
        }
    }
}
