//! Trying the orders in which threads may come to what they share.
//!
//! Only where `cfg(shuttle)` is set: `cargo xtask interleavings`.

use std::env;
use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, Runner};

/// How many orders are tried, half of them with few changes between threads.
pub const TRIED: &str = "WRPC_INTERLEAVINGS";

/// The order to try again, as the failure of a test printed it.
pub const AGAIN: &str = "WRPC_INTERLEAVING";

/// Runs `test` with its threads in many orders. One that can't go on fails.
pub fn interleave(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    if let Ok(schedule) = env::var(AGAIN) {
        return run(&test, ReplayScheduler::new_from_encoded(&schedule));
    }
    let tried = env::var(TRIED).map_or(5_000, |tried| tried.parse().expect("a number"));
    run(&test, RandomScheduler::new(tried / 2));
    // Most races need no more than two changes at the wrong moment.
    run(&test, PctScheduler::new(3, tried / 2));
}

fn run(test: &Arc<impl Fn() + Send + Sync + 'static>, scheduler: impl Scheduler + 'static) {
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    let test = Arc::clone(test);
    Runner::new(scheduler, config).run(move || test());
}
