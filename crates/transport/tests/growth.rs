//! A host that has made many calls is as large as one that has made a few.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use allocation_counter::{AllocationInfo, measure};
use futures::FutureExt as _;
use support::immediate::{Immediate, call};
use support::invocation;
use tokio::task::unconstrained;
use tower::{Layer as _, ServiceExt as _};
use wrpc_middleware_transport::link::{Link, LinkTable};
use wrpc_middleware_transport::{Context as Cx, Invoker, RpcErrorKind, Stack, Target};

/// Calls that are made before what stays behind is looked at.
const FIRST: u32 = 10_000;

/// Calls after that; fewer in a build that is not optimized, where each takes 20 times as long.
const MORE: u32 = if cfg!(debug_assertions) {
    190_000
} else {
    990_000
};

/// Asserts that what `MORE` calls leave behind is nothing, and what they need at a time no more
/// than what `FIRST` calls need.
fn assert_constant(mut call: impl FnMut()) {
    // What stays is made by the first of all.
    call();
    let mut calls = |n| {
        measure(|| {
            for _ in 0..n {
                call();
            }
        })
    };
    let (first, more) = (calls(FIRST), calls(MORE));
    let live = |info: &AllocationInfo| (info.count_current, info.bytes_current);
    assert_eq!((live(&first), live(&more)), ((0, 0), (0, 0)));
    assert_eq!(
        (more.count_max, more.bytes_max),
        (first.count_max, first.bytes_max)
    );
    assert_eq!(
        more.count_total / u64::from(MORE),
        first.count_total / u64::from(FIRST)
    );
}

fn link(target: &str) -> Link {
    let interface = "test:app/greeter".parse().unwrap();
    Link::new("client", Target::new(target).unwrap(), interface)
}

fn invoker(links: LinkTable) -> impl wrpc_transport::Invoke<Context = Cx<()>> {
    let stack = Stack::new(links);
    Invoker::new(stack.layer(Immediate::Taken.leaf()))
}

#[tokio::test]
async fn calls_leave_nothing_behind() {
    let invoker = invoker(LinkTable::new([link("greeter")]).unwrap());
    let cx = Cx::new(()).with_source("client");
    assert_constant(|| {
        unconstrained(call(&invoker, &cx))
            .now_or_never()
            .unwrap()
            .unwrap();
    });
}

#[tokio::test]
async fn denials_leave_nothing_behind() {
    let stack = Stack::new(LinkTable::new([link("greeter")]).unwrap()).source("other");
    let service = stack.layer(Immediate::Taken.leaf());
    // Not by way of `Invoke`, whose `anyhow::Error` may take a backtrace, which takes its time.
    assert_constant(|| {
        let outcome = service.clone().oneshot(invocation()).now_or_never();
        let error = outcome.unwrap().unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::LinkDenied);
    });
}

/// What is known of targets that nobody calls any more makes room for others.
#[tokio::test]
async fn targets_that_come_and_go_leave_nothing_behind() {
    let links = LinkTable::default();
    let invoker = invoker(links.clone());
    let cx = Cx::new(()).with_source("client");
    let mut targets = 0..;
    let mut call_others = |n| {
        measure(|| {
            for target in targets.by_ref().take(n) {
                links.insert(&link(&format!("target-{target:08}")));
                unconstrained(call(&invoker, &cx))
                    .now_or_never()
                    .unwrap()
                    .unwrap();
            }
        })
    };
    let (first, more) = (call_others(3_000), call_others(6_000));
    assert!(
        more.bytes_max <= first.bytes_max,
        "{} bytes at a time, {} before",
        more.bytes_max,
        first.bytes_max
    );
}
