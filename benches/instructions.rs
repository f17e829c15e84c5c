//! How many instructions a call over an `Invoke` that answers at once takes, under Valgrind: what
//! changes in it is a change of the code, never the machine's mood.
//!
//! Only the call is counted; what is made on the way to it, and a hundred calls before it, are not.
//! The row `immediate` is the `Invoke` without any layer.
//!
//! Needs `valgrind` and `gungraun-runner` of the version in `Cargo.lock`.

#![allow(clippy::expect_used, reason = "a bench fails by panicking")]
#![expect(missing_docs, reason = "the harness' macros make public items")]

#[allow(dead_code, reason = "other benches use the rest of it")]
mod support;

use core::hint::black_box;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use gungraun::prelude::*;
use tokio::runtime::{EnterGuard, Runtime};

use crate::support::path::{Outcome, Path};
use crate::support::paths;

/// How many calls are made before the one that counts.
const WARM_UP: u64 = 100;

/// A call that is about to be made.
struct Prepared {
    runtime: &'static Runtime,
    _context: EnterGuard<'static>,
    call: LocalBoxFuture<'static, Outcome>,
    /// Kept, so that the end of the call is not the end of all that it went through.
    path: Path,
}

fn prepare(name: &str) -> Prepared {
    let path = paths::success()
        .into_iter()
        .chain(paths::failure().expect("the paths that fail"))
        .find(|path| path.name() == name)
        .expect("a path of this name");
    // The process ends after one call.
    let runtime: &Runtime = Box::leak(Box::new(path.runtime()));
    path.check(runtime).expect("the expected outcome");
    drop(runtime.block_on(path.calls(WARM_UP)));
    Prepared {
        runtime,
        _context: runtime.enter(),
        call: path.calls(1),
        path,
    }
}

#[library_benchmark(setup = prepare)]
#[bench::immediate("immediate")]
#[bench::leaf("leaf")]
#[bench::link_authorization("link authorization")]
#[bench::timeout("timeout")]
#[bench::target_liveness("target liveness")]
#[bench::concurrency_limit("concurrency limit")]
#[bench::retry("retry")]
#[bench::foreign_adapter("foreign adapter")]
#[bench::full_stack("full stack")]
#[bench::denied("denied")]
#[bench::deadline_already_past("deadline already past")]
#[bench::fail_fast("fail fast")]
#[bench::shed("shed")]
#[bench::deadline_passes("deadline passes")]
fn call(mut prepared: Prepared) -> Prepared {
    let call = &mut prepared.call;
    let outcome = if prepared.path.waits() {
        // Here the runtime's timer is part of it.
        Some(prepared.runtime.block_on(call))
    } else {
        call.now_or_never()
    };
    drop(black_box(outcome.expect("an outcome")));
    prepared
}

library_benchmark_group!(name = layers, benchmarks = call);

main!(library_benchmark_groups = layers);
