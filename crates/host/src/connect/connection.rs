//! A connection and what becomes of it.

use async_nats::{Client, Event};
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::watch;

/// A connection to NATS and what becomes of it.
#[derive(Debug)]
pub struct Connection {
    /// The connection itself.
    pub client: Client,
    /// Whether it is up. Changes as the client notices.
    pub state: watch::Receiver<ConnectionState>,
}

/// Whether a connection is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionState {
    /// Whether the connection is down right now.
    pub is_down: bool,
    /// How often it has been lost so far.
    pub losses: u64,
}

/// Waits until the server has processed everything that this connection sent before.
///
/// A flush does not show that: it ends when the bytes have left.
///
/// # Errors
///
/// The connection is closed. While it is down, or if the server does not permit its inbox, this
/// waits on.
pub(crate) async fn round_trip(client: &Client) -> Result<(), async_nats::Error> {
    let inbox = client.new_inbox();
    let mut subscription = client.subscribe(inbox.clone()).await?;
    client.publish(inbox, Bytes::new()).await?;
    match subscription.next().await {
        Some(_) => Ok(()),
        None => Err("the subscription ended".into()),
    }
}

/// Notes what an event says about the connection.
pub(super) fn follow(state: &watch::Sender<ConnectionState>, event: &Event) {
    state.send_if_modified(|state| match event {
        Event::Disconnected if !state.is_down => {
            state.is_down = true;
            state.losses += 1;
            true
        }
        Event::Connected => core::mem::take(&mut state.is_down),
        _ => false,
    });
}

/// Tells the operator.
pub(super) fn log(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::warn!("the connection to NATS is down"),
        Event::LameDuckMode => tracing::info!("the NATS server is about to stop"),
        Event::SlowConsumer(_) | Event::ServerError(_) => {
            tracing::warn!("NATS reports: {event}");
        }
        // One for each attempt to reconnect.
        Event::ClientError(error) => tracing::info!("NATS client: {error}"),
        event => tracing::debug!(%event, "NATS"),
    }
}
