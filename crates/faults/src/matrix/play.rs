//! Playing a cell.

use core::any::Any;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::path::Path;

use futures::FutureExt as _;
use tokio::time::{Instant, sleep, sleep_until};

use super::cell::{Cell, Phase};
use super::expected::expected;
use super::inject::{PAUSE, holds_target, is_pause, limits, outlasts_deadline};
use super::judge::{Observed, judge};
use super::report::Played;
use super::stage::{BOUND, Stage};
use crate::caller::{Client, TIMEOUT};
use crate::connect::CLOCK_SKEW;
use crate::speech::Ended;
use crate::work;

/// The call that meets the fault.
const MAIN: &str = "main";

/// A call that no link permits.
const DENIED: &str = "denied";

/// Plays a cell, with processes of its own, of `program`.
pub(super) async fn play(program: &Path, cell: Cell, client: Client) -> Played {
    let start = Instant::now();
    // A harness fails by panicking; that fails the cell, and no other. Nothing of it is used again.
    let observed = AssertUnwindSafe(observe(program, cell, client));
    let observed = Box::pin(observed.catch_unwind()).await;
    let (ended, wrong) = match observed {
        Ok(observed) => {
            let outcomes = expected(cell).outcomes();
            let wrong = judge(&observed, |outcome| outcomes.contains(&outcome));
            (observed.ended, wrong)
        }
        Err(panic) => (None, vec![reason(&*panic)]),
    };
    Played {
        cell,
        ended,
        wrong,
        took: start.elapsed(),
    }
}

/// What a panic says.
fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref().copied());
    text.unwrap_or("the harness failed").into()
}

/// When a call that was heard of at `heard` is past its deadline for every clock. It was made as long
/// before that as it took, or earlier.
fn expires(ended: &Ended, heard: Instant) -> Instant {
    heard + (TIMEOUT + CLOCK_SKEW).saturating_sub(Duration::from_millis(ended.millis))
}

async fn observe(program: &Path, cell: Cell, client: Client) -> Observed {
    let mut stage = Stage::start(program, cell.topology, client, limits(cell)).await;
    let func = cell.phase.func();
    let mut early = None;
    if cell.phase != Phase::BeforeSend {
        stage.caller.call(MAIN, func);
        stage.target().begins(MAIN).await;
        early = stage.caller.reaches(MAIN).await;
    }
    stage.inject(cell).await;
    if cell.phase == Phase::BeforeSend {
        stage.caller.call(MAIN, func);
    } else {
        stage.caller.go(func);
        if let Some(target) = stage.target.as_mut().filter(|_| !holds_target(cell)) {
            target.go(func);
        }
    }
    stage.caller.call(DENIED, work::FORBIDDEN);
    if is_pause(cell) {
        // Its length is what the fault is.
        sleep(PAUSE).await;
        stage.callers_network.mend();
    }
    let ended = match early {
        Some(ended) => Some(ended),
        None => stage.caller.ends(MAIN, BOUND).await,
    };
    let heard = Instant::now();
    let denied = stage.caller.ends(DENIED, BOUND).await;
    let is_expired = outlasts_deadline(cell);
    if let Some(ended) = ended.as_ref().filter(|_| is_expired) {
        sleep_until(expires(ended, heard)).await;
    }
    stage.mend(cell).await;
    stage.recover("recovery").await;
    let ended = match ended {
        Some(ended) => Some(ended),
        // Too late, but it tells how late.
        None => stage.caller.ends(MAIN, BOUND).await,
    };
    let leftovers = match ended {
        Some(_) => stage.leftovers().await,
        None => vec!["the call, and all that it holds".into()],
    };
    Observed {
        ended,
        denied,
        is_expired,
        executions: stage.executions(),
        others: core::mem::take(&mut stage.others),
        leftovers,
    }
}
