//! Passing messages on to calls.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use std::sync::{Arc, Weak};

use async_nats::Subscriber;
use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::coop::unconstrained;

use super::settle::Settling;
use crate::connection::{ConnectionState, Core};
use crate::exchange::Exchange;

/// Passes everything that arrives on to the call that it is for, and settles those that are `owed`.
/// It never waits for one of them.
pub(crate) async fn dispatch(
    core: Arc<Core>,
    mut messages: Subscriber,
    owed: mpsc::UnboundedReceiver<Weak<Exchange>>,
) {
    // However much arrives: its turn is after that.
    let mut settling = pin!(unconstrained(Settling::new(owed)));
    poll_fn(|cx| {
        while let Poll::Ready(message) = messages.poll_next_unpin(cx) {
            match message {
                Some(message) => core.deliver(message),
                None => return Poll::Ready(()),
            }
        }
        // It ends after this at the earliest, which has the other end of its channel.
        let _ = settling.as_mut().poll(cx);
        Poll::Pending
    })
    .await;
    core.lost(ConnectionState::Closed);
}
