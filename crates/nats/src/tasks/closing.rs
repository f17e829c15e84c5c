//! Telling targets late that there are no more parameters.
//!
//! Most calls have room for all parameters in their first message, and are answered in less than a
//! millisecond: the target needs no other message for that, and would get the end of the parameters
//! when it has answered. So it is told only if it has not. That spares such a call a fifth of its
//! messages.

use core::time::Duration;
use std::sync::Weak;

use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::exchange::Exchange;

/// How long a target may take to answer before it is told; at most twice as long passes.
const PATIENCE: Duration = Duration::from_millis(1);

/// As many calls as are looked at in a row.
const BATCH: usize = 1024;

/// Ends the parameters of calls that are not answered for a while.
pub(crate) async fn end_params(mut owed: mpsc::UnboundedReceiver<Weak<Exchange>>) {
    let mut calls = Vec::new();
    while owed.recv_many(&mut calls, BATCH).await > 0 {
        sleep(PATIENCE).await;
        for exchange in calls.drain(..).filter_map(|call| Weak::upgrade(&call)) {
            exchange.end_params();
        }
    }
}
