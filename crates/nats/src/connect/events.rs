//! What the NATS client reports besides messages.

use core::fmt;
use core::future::{Ready, ready};
use std::sync::{Arc, OnceLock, PoisonError, Weak};

use async_nats::{Event, ServerError};
use tokio::sync::watch;
use tracing::{debug, info, warn};

use super::error::Violation;
use crate::connection::{ConnectionState, Core};
use crate::sync::Mutex;

/// Takes the events of a NATS client, for a [`Client`](crate::Client) over it.
///
/// The broker's refusals of single messages and the loss of a connection are events, and a NATS
/// client has one callback for them. [`connect`](crate::connect()) sees to it; a host that connects
/// by itself passes a sink:
///
/// ```no_run
/// use wrpc_middleware_nats::{Client, EventSink, Options};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let events = EventSink::new();
/// let nats = async_nats::ConnectOptions::new()
///     .event_callback(events.callback())
///     .connect("nats://127.0.0.1:4222")
///     .await?;
/// let client = Client::new(nats, Options::new().events(events)).await?;
/// # Ok(())
/// # }
/// ```
///
/// Without one, a call that the broker does not permit ends at its deadline, and the loss of a
/// connection is noticed within some ten milliseconds.
#[derive(Clone, Default)]
pub struct EventSink(Arc<Sink>);

#[derive(Default)]
struct Sink {
    core: OnceLock<Weak<Core>>,
    /// What was refused before there was a client to tell.
    refused: Mutex<Vec<Refused>>,
    changed: watch::Sender<()>,
}

/// What the broker did not permit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    what: What,
    subject: Box<str>,
    text: Violation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Publish,
    Subscription,
}

/// As many refusals as are kept for a client to come.
const KEPT: usize = 16;

impl EventSink {
    /// A sink for the events of one NATS client.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event, for hosts that have a callback of their own.
    pub fn handle(&self, event: &Event) {
        log(event);
        let core = self.0.core.get().and_then(Weak::upgrade);
        match (event, core) {
            (Event::Connected, Some(core)) => core.connected(),
            (Event::Disconnected, Some(core)) => core.lost(ConnectionState::Disconnected),
            (Event::Closed, Some(core)) => core.lost(ConnectionState::Closed),
            (Event::ServerError(ServerError::Other(text)), core) => {
                let Some(refused) = Refused::parse(text) else {
                    return;
                };
                if let Some(core) = core {
                    refused.tell(&core);
                }
                self.keep(refused);
            }
            _ => {}
        }
    }

    /// The callback for [`async_nats::ConnectOptions::event_callback`].
    pub fn callback(&self) -> impl Fn(Event) -> Ready<()> + Send + Sync + 'static {
        let sink = self.clone();
        move |event| {
            sink.handle(&event);
            ready(())
        }
    }

    /// Tells `core` from now on.
    pub(crate) fn attach(&self, core: &Arc<Core>) {
        let mut attached = false;
        self.0.core.get_or_init(|| {
            attached = true;
            Arc::downgrade(core)
        });
        if !attached {
            warn!("a sink for events is used for a second client, which gets none");
        }
        // What happened meanwhile.
        if !core.broker.is_connected() {
            core.lost(ConnectionState::Disconnected);
        }
    }

    fn keep(&self, refused: Refused) {
        let mut kept = self
            .0
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(refused);
        drop(kept);
        self.0.changed.send_replace(());
    }

    /// Waits until the broker has refused the subscription to `inbox`, or a message there.
    pub(crate) async fn inbox_refused(&self, inbox: &str) -> Violation {
        let mut changed = self.0.changed.subscribe();
        loop {
            if let Some(violation) = self.refused_inbox(inbox) {
                return violation;
            }
            if changed.changed().await.is_err() {
                // Not as long as `self` has the sender.
                return core::future::pending().await;
            }
        }
    }

    fn refused_inbox(&self, inbox: &str) -> Option<Violation> {
        let kept = self
            .0
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|refused| match refused.what {
                What::Subscription => *refused.subject == *inbox,
                What::Publish => refused.subject.starts_with(inbox.trim_end_matches('>')),
            })
            .map(|refused| refused.text.clone())
    }
}

impl Refused {
    /// Of what the server says, for example
    /// `Permissions Violation for Publish to "orders"`.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("ermissions Violation for ")?;
        let what = if rest.starts_with("Publish") {
            What::Publish
        } else if rest.starts_with("Subscription") {
            What::Subscription
        } else {
            return None;
        };
        let (_, rest) = rest.split_once('"')?;
        let (subject, _) = rest.split_once('"')?;
        Some(Self {
            what,
            subject: subject.into(),
            text: Violation(text.into()),
        })
    }

    fn tell(&self, core: &Core) {
        match self.what {
            What::Publish => {
                if !core.violations.refused(&self.subject) {
                    return core.violations.doubt(&self.subject, &self.text);
                }
                let mut in_doubt = false;
                for exchange in core.registry.all() {
                    in_doubt |= exchange.denied(&self.subject, &self.text);
                }
                // Another call was made meanwhile.
                if in_doubt {
                    core.violations.doubt(&self.subject, &self.text);
                }
            }
            What::Subscription => core.served.refused(&self.subject, &self.text),
        }
    }
}

fn log(event: &Event) {
    match event {
        Event::Connected => info!("connected to NATS"),
        Event::Disconnected => warn!("the connection to NATS is down"),
        Event::LameDuckMode => info!("the NATS server is about to stop"),
        Event::SlowConsumer(_) | Event::ServerError(_) => warn!("NATS reports: {event}"),
        // One for each attempt to reconnect.
        Event::ClientError(error) => info!("NATS client: {error}"),
        event => debug!(%event, "NATS"),
    }
}

impl fmt::Debug for EventSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSink").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_subject() {
        for (text, what, subject) in [
            (
                "Permissions Violation for Publish to \"a.wrpc.0.0.1.b:c/d.f\"",
                What::Publish,
                "a.wrpc.0.0.1.b:c/d.f",
            ),
            (
                "permissions violation for subscription to \"_INBOX.x.>\"",
                What::Subscription,
                "_INBOX.x.>",
            ),
            (
                "Permissions Violation for Subscription to \"a\" using queue \"q\"",
                What::Subscription,
                "a",
            ),
        ] {
            let refused = Refused::parse(text);
            if text.starts_with('p') {
                // async-nats keeps the case of what it does not know.
                assert_eq!(refused, None);
                continue;
            }
            let refused = refused.unwrap();
            assert_eq!((refused.what, &*refused.subject), (what, subject));
        }
        assert_eq!(Refused::parse("Unknown Protocol Operation"), None);
    }
}
