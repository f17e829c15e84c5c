//! How a client behaves.

use core::num::NonZeroUsize;
use core::time::Duration;

use wrpc_middleware_transport::Target;

use crate::connect::{ConnectError, EventSink};
use crate::subject::{InboxPrefixes, token};

const MIB: usize = 1 << 20;

/// How a [`Client`](crate::Client) behaves.
///
/// ```
/// use core::time::Duration;
/// use wrpc_middleware_nats::Options;
///
/// let options = Options::new()
///     .id("greeter")
///     .prefix("default")
///     .reconnect_wait(Duration::from_millis(500));
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing by themselves"]
pub struct Options {
    pub(crate) id: Box<str>,
    pub(crate) prefix: Box<str>,
    pub(crate) default_target: Option<Target>,
    pub(crate) queue_group: Option<Box<str>>,
    pub(crate) inbox_prefix: Box<str>,
    pub(crate) peer_inbox_prefixes: Vec<Box<str>>,
    pub(crate) reconnect_wait: Duration,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) max_buffered: usize,
    pub(crate) max_buffered_per_stream: usize,
    pub(crate) max_running: Option<NonZeroUsize>,
    pub(crate) params_timeout: Option<Duration>,
    pub(crate) clock_skew: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) events: Option<EventSink>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            id: Box::default(),
            prefix: Box::default(),
            default_target: None,
            queue_group: None,
            inbox_prefix: InboxPrefixes::DEFAULT.into(),
            peer_inbox_prefixes: Vec::new(),
            reconnect_wait: Duration::ZERO,
            keepalive: Some(Duration::from_secs(1)),
            max_buffered: 512 * MIB,
            max_buffered_per_stream: 128 * MIB,
            max_running: None,
            params_timeout: Some(Duration::from_secs(5)),
            clock_skew: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(2),
            events: None,
        }
    }
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of the component that calls, and is called, over the client.
    ///
    /// Functions are served under it, and it is part of the inbox, so that permissions of the broker
    /// can bind both to it: `_INBOX.<id>.>`, with `%2E` for a dot in the id, `%25` for a percent sign,
    /// and the first letter escaped the same way where the id is a name of the protocol (`wrpc`,
    /// `params`, `results`, `cancel`, `alive`). None by default: nothing stands in its place.
    ///
    /// The least that the broker has to permit:
    ///
    /// | who | to publish | to subscribe |
    /// |---|---|---|
    /// | everyone | `_INBOX.<own id>.>` | `_INBOX.<own id>.>` |
    /// | who calls | `<target>.wrpc.0.0.1.>`, `_INBOX.<target>.>` | |
    /// | who serves | `_INBOX.<caller>.>` | `<own id>.wrpc.0.0.1.>` in the [queue group](Self::queue_group) |
    ///
    /// To a peer's inbox go handshakes and results, and parameters that the call had no room for,
    /// the end of them, cancellation and the [keepalive](Self::keepalive). Peers of another
    /// implementation have inboxes without an id: `_INBOX.>`.
    pub fn id(mut self, id: impl Into<Box<str>>) -> Self {
        self.id = id.into();
        self
    }

    /// The subject prefix in front of the own id and of every target's, none by default. wasmCloud
    /// calls it the lattice.
    pub fn prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Where a call goes that has no target, for calls without link authorization. Such a call fails
    /// by default.
    pub fn default_target(mut self, target: Target) -> Self {
        self.default_target = Some(target);
        self
    }

    /// The queue group that functions are served in: each call goes to one of its members. The id
    /// by default, as `wrpc-host` and wasmCloud have it, or `wrpc` where there is no id.
    pub fn queue_group(mut self, group: impl Into<Box<str>>) -> Self {
        self.queue_group = Some(group.into());
        self
    }

    /// What the own inbox starts with: `_INBOX` by default, as NATS clients have it.
    pub fn inbox_prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.inbox_prefix = prefix.into();
        self
    }

    /// What inboxes of peers may start with, beside `_INBOX` and the own prefix. Nothing is
    /// published to a subject that a peer names, if it is not below one of these.
    pub fn peer_inbox_prefixes<P: Into<Box<str>>>(
        mut self,
        prefixes: impl IntoIterator<Item = P>,
    ) -> Self {
        self.peer_inbox_prefixes = prefixes.into_iter().map(Into::into).collect();
        self
    }

    /// How long a call waits for the connection to come back before it fails; not at all by
    /// default.
    pub fn reconnect_wait(mut self, wait: Duration) -> Self {
        self.reconnect_wait = wait;
        self
    }

    /// After how long a silence the broker is asked whether the server of a waiting call is still
    /// there; a second by default. `None`: never.
    ///
    /// A caller knows within twice this that the server is gone, and a server that a caller is, if
    /// that is one of this crate. It costs one message for each of them that a silent call is shared
    /// with, each time.
    ///
    /// A server has to subscribe to all that is below the subject which it answers the handshake
    /// with, as this crate and upstream's do. One that subscribes to single subjects would be taken
    /// for gone.
    pub fn keepalive(mut self, interval: Option<Duration>) -> Self {
        self.keepalive = interval.filter(|interval| !interval.is_zero());
        self
    }

    /// How many bytes that were not read yet are held for all calls together, 512 MiB by default,
    /// and for one stream, 128 MiB by default. A call that exceeds them fails as `overloaded`.
    ///
    /// A stream that has a reader may hold 64 KiB even where others have used up what there is for
    /// all: readers that stall keep nobody from small answers.
    pub fn max_buffered(mut self, all: usize, stream: usize) -> Self {
        self.max_buffered = all;
        self.max_buffered_per_stream = stream;
        self
    }

    /// How many calls may be served at a time, all functions together. One more is refused as
    /// `overloaded`, `not-sent`. No bound by default.
    pub fn max_running(mut self, calls: NonZeroUsize) -> Self {
        self.max_running = Some(calls);
        self
    }

    /// How long a caller may send nothing while its synchronous parameters are read; 5 seconds by
    /// default. `None`: no bound.
    ///
    /// Upstream's `serve_values` reads the parameters of one call after the other, so this is how
    /// long a caller that falls silent before its own are complete may hold up the next of the same
    /// function. One that goes on sending, however slowly, holds it up for as long. What reads them
    /// per call, as `wrpc_middleware_runtime` does, holds up nobody.
    pub fn params_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.params_timeout = timeout;
        self
    }

    /// How far the clocks of callers and the own may be apart; a second by default. A call that
    /// waited on its way until its deadline is dropped after that much more.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// How long making the client may take to prove its inbox, 2 seconds by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Where the events of the NATS client go; see [`EventSink`].
    pub fn events(mut self, events: EventSink) -> Self {
        self.events = Some(events);
        self
    }

    /// Whether the names can be parts of subjects.
    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        let optional = [("id", &self.id), ("prefix", &self.prefix)];
        let optional = optional.into_iter().filter(|(_, value)| !value.is_empty());
        let group = self.queue_group.iter().map(|group| ("queue group", group));
        let inboxes = core::iter::once(&self.inbox_prefix)
            .chain(&self.peer_inbox_prefixes)
            .map(|prefix| ("inbox prefix", prefix));
        for (option, value) in optional.chain(group).chain(inboxes) {
            if !Target::is_valid(value) {
                return Err(ConnectError::Option {
                    option,
                    value: value.clone(),
                });
            }
        }
        Ok(())
    }

    /// What the own inbox starts with, up to the part that nobody can guess:
    /// `_INBOX.<id>`, with the id as one token. What has to be permitted is that and `.>`.
    #[must_use]
    pub fn inbox(&self) -> String {
        match &*self.id {
            "" => self.inbox_prefix.to_string(),
            id => format!("{}.{}", self.inbox_prefix, token(id)),
        }
    }

    pub(crate) fn inbox_prefixes(&self) -> InboxPrefixes {
        let peers = self.peer_inbox_prefixes.iter();
        let own = core::iter::once(&self.inbox_prefix);
        let all = own.chain(peers).map(AsRef::as_ref);
        InboxPrefixes::new(all.chain([InboxPrefixes::DEFAULT]))
    }

    pub(crate) fn group(&self) -> &str {
        match (&self.queue_group, &*self.id) {
            (Some(group), _) => group,
            (None, "") => "wrpc",
            (None, id) => id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_part_of_a_subject_are_refused() {
        assert!(Options::new().check().is_ok());
        assert!(Options::new().id("a.b").prefix("default").check().is_ok());
        for options in [
            Options::new().id("a b"),
            Options::new().prefix("default."),
            Options::new().queue_group(""),
            Options::new().inbox_prefix("_INBOX.*"),
            Options::new().peer_inbox_prefixes(["a", ">"]),
        ] {
            let error = options.check().unwrap_err().to_string();
            assert!(error.contains("can't be part of a subject"), "{error}");
        }
    }

    #[test]
    fn the_id_is_part_of_the_inbox_and_the_group() {
        assert_eq!(Options::new().inbox(), "_INBOX");
        assert_eq!(Options::new().group(), "wrpc");
        let options = Options::new().id("a.b");
        assert_eq!(options.inbox(), "_INBOX.a%2Eb");
        assert_eq!(options.group(), "a.b");
        assert_eq!(options.queue_group("g").group(), "g");
    }
}
