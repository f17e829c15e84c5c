//! Passing messages on to calls.

use std::sync::Arc;

use async_nats::Subscriber;
use futures::StreamExt as _;

use crate::connection::{ConnectionState, Core};

/// Passes everything that arrives on to the call that it is for. It never waits for one of them.
pub(crate) async fn dispatch(core: Arc<Core>, mut messages: Subscriber) {
    while let Some(message) = messages.next().await {
        core.deliver(message);
    }
    core.lost(ConnectionState::Closed);
}
