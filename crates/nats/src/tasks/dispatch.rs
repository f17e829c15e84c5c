//! Passing messages on to calls.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use std::sync::Arc;

use async_nats::Subscriber;
use futures::StreamExt as _;
use tokio::task::coop::unconstrained;

use super::Settling;
use crate::connection::{ConnectionState, Core};

/// Passes everything that arrives on to the call that it is for, and has the others settled that wait.
/// It never waits for one of them.
pub(crate) async fn dispatch(core: Arc<Core>, mut messages: Subscriber, settling: Settling) {
    // However much arrives: its turn is after that.
    let mut settling = pin!(unconstrained(settling));
    poll_fn(|cx| {
        while let Poll::Ready(message) = messages.poll_next_unpin(cx) {
            match message {
                Some(message) => core.deliver(message),
                None => return Poll::Ready(()),
            }
        }
        // It ends after this at the earliest, which has the other ends of its channels.
        let _ = settling.as_mut().poll(cx);
        Poll::Pending
    })
    .await;
    core.lost(ConnectionState::Closed);
}
