//! Telling the other side late what most calls need not tell.
//!
//! Most calls have room for all parameters in their first message, and are answered in less than a
//! millisecond. Such a target needs no message that says that these were all parameters, and such a
//! caller none that says that the call was taken: the answer says both. So either is sent only to
//! who has waited for a while, which spares most calls three of their five messages.

use core::time::Duration;
use std::sync::Weak;

use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::exchange::Exchange;

/// How long the other side may wait; at most twice as long passes.
const PATIENCE: Duration = Duration::from_millis(1);

/// Room for as many calls is kept.
const USUAL: usize = 1024;

/// Settles calls that are not over after a while.
pub(crate) async fn settle(mut owed: mpsc::UnboundedReceiver<Weak<Exchange>>) {
    let mut calls = Vec::new();
    while owed.recv_many(&mut calls, usize::MAX).await > 0 {
        sleep(PATIENCE).await;
        for exchange in calls.drain(..).filter_map(|call| Weak::upgrade(&call)) {
            exchange.settle();
        }
        calls.shrink_to(USUAL);
    }
}
