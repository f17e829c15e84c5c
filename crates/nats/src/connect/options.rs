//! How to connect.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use async_nats::{Event, ToServerAddrs};

use super::{ConnectError, EventSink};
use crate::violations::Violations;
use crate::{Client, Options};

/// How often the server is asked for a sign of life. A frozen one is noticed when the third is not
/// answered, that is within three seconds; with the NATS client's own default, within three
/// minutes.
const PING_INTERVAL: Duration = Duration::from_millis(900);

/// The longest pause between two attempts to reconnect.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// How to [`connect`].
///
/// What NATS itself has of options is [its client's](Self::nats); these defaults differ from the
/// ones there: a server that is frozen is noticed within three seconds (`ping_interval`), a lost
/// connection is looked for at least every second, and subjects are checked here and not again.
#[must_use = "options do nothing before `connect`"]
pub struct ConnectOptions<A = &'static str> {
    servers: A,
    client: Options,
    nats: async_nats::ConnectOptions,
    on_event: Option<OnEvent>,
}

type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;

impl<A: ToServerAddrs> ConnectOptions<A> {
    /// Connects to `servers`.
    pub fn new(servers: A) -> Self {
        let nats = async_nats::ConnectOptions::new()
            .ping_interval(PING_INTERVAL)
            .reconnect_delay_callback(reconnect_delay)
            .skip_subject_validation(true);
        Self {
            servers,
            client: Options::new(),
            nats,
            on_event: None,
        }
    }

    /// How the client behaves.
    pub fn client(mut self, options: Options) -> Self {
        self.client = options;
        self
    }

    /// Changes options of the NATS client: who it is, TLS, intervals.
    ///
    /// An event callback that is set here is not called; see [`on_event`](Self::on_event). Nor does
    /// the prefix of inboxes count: it is that [of the client](Options::inbox), so that permissions
    /// which bind a component to its inbox also hold for what else is asked over the connection.
    pub fn nats(
        mut self,
        change: impl FnOnce(async_nats::ConnectOptions) -> async_nats::ConnectOptions,
    ) -> Self {
        self.nats = change(self.nats);
        self
    }

    /// The same, where changing them may fail, as reading credentials does.
    ///
    /// # Errors
    ///
    /// What `change` fails with.
    pub fn try_nats<E>(
        mut self,
        change: impl FnOnce(async_nats::ConnectOptions) -> Result<async_nats::ConnectOptions, E>,
    ) -> Result<Self, E> {
        self.nats = change(self.nats)?;
        Ok(self)
    }

    /// Calls `sink` for every event of the NATS client.
    pub fn on_event(mut self, sink: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(sink));
        self
    }
}

impl<A> fmt::Debug for ConnectOptions<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// Connects to NATS, once: a server that can't be reached is an error. From then on the connection
/// comes back by itself.
///
/// ```no_run
/// use wrpc_middleware_nats::{ConnectOptions, Options, connect};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let options = ConnectOptions::new("nats://127.0.0.1:4222")
///     .client(Options::new().id("client").prefix("default"));
/// let client = connect(options).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// An option can't be part of a subject, no server takes the connection, or the broker does not
/// permit the client's inbox.
pub async fn connect<A: ToServerAddrs>(options: ConnectOptions<A>) -> Result<Client, ConnectError> {
    let ConnectOptions {
        servers,
        client,
        nats,
        on_event,
    } = options;
    client.check()?;
    let events = EventSink::new();
    let callback = events.clone();
    let nats = nats.custom_inbox_prefix(client.inbox());
    let nats = nats.event_callback(move |event| {
        callback.handle(&event);
        if let Some(on_event) = &on_event {
            on_event(&event);
        }
        core::future::ready(())
    });
    // It is large, and would be part of every future that connects.
    let nats = Box::pin(nats.connect(servers)).await;
    let nats = nats.map_err(ConnectError::Connect)?;
    let violations = Violations::of_own_connection();
    Client::over(nats, client.events(events), violations).await
}

/// Twice as long from one attempt to the next, so that a restarted server is found quickly and a
/// dead one costs little.
fn reconnect_delay(attempts: usize) -> Duration {
    let exponent = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let delay = Duration::from_millis(2_u64.saturating_pow(exponent));
    delay.min(MAX_RECONNECT_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnecting_backs_off_to_a_second() {
        let delays = [0, 1, 2, 5, 11, 12, usize::MAX].map(|n| reconnect_delay(n).as_millis());
        assert_eq!(delays, [1, 1, 2, 16, 1000, 1000, 1000]);
    }
}
