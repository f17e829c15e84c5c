//! All the ways that a call can go.

use core::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Builder;
use tokio::time::Instant;
use tower::Layer as _;
use tower::load_shed::LoadShedLayer;
use tower::retry::RetryLayer;
use wrpc_middleware::foreign::ForeignLayer;
use wrpc_middleware::limit::ConcurrencyLimitLayer;
use wrpc_middleware::link::{LinkAuthorizationLayer, LinkTable};
use wrpc_middleware::liveness::TargetLivenessLayer;
use wrpc_middleware::retry::RetryPolicy;
use wrpc_middleware::timeout::TimeoutLayer;
use wrpc_middleware::{
    CallContext as _, Context, Delivery, Invoker, RpcErrorKind, Stack, Transport,
};
use wrpc_transport::Invoke;

use super::immediate::{Handshake, Immediate};
use super::links;
use super::path::{Expected, Path, call};

pub type Cx = Context<()>;

pub const FULL_STACK: &str = "full stack";
pub const DENIED: &str = "denied";

const TIMEOUT: Duration = Duration::from_secs(2);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_millis(500);

/// The context of a component that has a link.
pub fn context() -> Cx {
    Context::new(()).with_source(links::source(0).as_str())
}

/// The stack that every host has, over a target that answers.
pub fn full_stack(links: &LinkTable) -> impl Invoke<Context = Cx> + use<> {
    Invoker::new(stack(links).layer(leaf(Immediate::Answers)))
}

fn stack(links: &LinkTable) -> Stack<LinkTable> {
    Stack::new(links.clone())
        .timeout(TIMEOUT)
        .handshake_timeout(HANDSHAKE_TIMEOUT)
}

fn leaf(target: Immediate) -> Transport<Immediate, Handshake> {
    Transport::with_evidence(target, Handshake)
}

/// Calls that succeed: over nothing, over each layer alone, over all of them.
pub fn success() -> Vec<Path> {
    let links = links::table(1);
    let leaf = || leaf(Immediate::Answers);
    let cx = context();
    vec![
        // Shows what the measurement itself costs.
        Path::new(
            "immediate",
            Expected::Success,
            Immediate::Answers,
            move || cx.clone().into_transport(),
        ),
        succeeding("leaf", leaf()),
        succeeding(
            "link authorization",
            LinkAuthorizationLayer::new(links.clone()).layer(leaf()),
        ),
        succeeding("timeout", TimeoutLayer::new(TIMEOUT).layer(leaf())),
        succeeding(
            "target liveness",
            TargetLivenessLayer::new(HANDSHAKE_TIMEOUT).layer(leaf()),
        ),
        succeeding(
            "concurrency limit",
            ConcurrencyLimitLayer::new(64).layer(leaf()),
        ),
        succeeding("retry", RetryLayer::new(RetryPolicy::new(3)).layer(leaf())),
        succeeding("foreign adapter", ForeignLayer::new().layer(leaf())),
        succeeding(FULL_STACK, stack(&links).layer(leaf())),
    ]
}

/// Calls that the full stack fails, each for another reason.
///
/// # Errors
///
/// A target that is to be known as silent was not found to be so.
pub fn failure() -> anyhow::Result<Vec<Path>> {
    let links = links::table(1);
    let stack = stack(&links);
    let past = Instant::now();
    Ok(vec![
        failing(
            DENIED,
            (RpcErrorKind::LinkDenied, Delivery::NotSent),
            stack.layer(leaf(Immediate::Answers)),
            context().with_source("stranger"),
        ),
        failing(
            "deadline already past",
            (RpcErrorKind::Timeout, Delivery::NotSent),
            stack.layer(leaf(Immediate::Answers)),
            context().with_deadline(past),
        ),
        fail_fast(&links)?,
        failing(
            "shed",
            (RpcErrorKind::Overloaded, Delivery::NotSent),
            // As if all that may run were running.
            stack.layer(
                ForeignLayer::new().layer(
                    LoadShedLayer::new()
                        .layer(ConcurrencyLimitLayer::new(0).layer(leaf(Immediate::Answers))),
                ),
            ),
            context(),
        ),
        failing(
            "deadline passes",
            (RpcErrorKind::Timeout, Delivery::Accepted),
            stack.layer(leaf(Immediate::Accepts)),
            context(),
        )
        .waiting(),
    ])
}

/// Calls to a target that has been silent before.
fn fail_fast(links: &LinkTable) -> anyhow::Result<Path> {
    let liveness = TargetLivenessLayer::new(Duration::from_millis(1))
        .silences(1)
        .open(Duration::from_hours(24));
    let service = stack(links)
        .liveness_layer(liveness)
        .layer(leaf(Immediate::Ignores));
    let invoker = Invoker::new(service.clone());
    Builder::new_current_thread()
        .enable_time()
        .build()
        .context("make a runtime")?
        .block_on(call(&invoker, context()))
        .err()
        .context("a silent target answered")?;
    Ok(failing(
        "fail fast",
        (RpcErrorKind::TargetUnavailable, Delivery::NotSent),
        service,
        context(),
    ))
}

fn succeeding<S>(name: &'static str, service: S) -> Path
where
    S: 'static,
    Invoker<S, Cx>: Invoke<Context = Cx>,
{
    let cx = context();
    Path::new(name, Expected::Success, Invoker::new(service), move || {
        cx.clone()
    })
}

fn failing<S>(
    name: &'static str,
    (kind, delivery): (RpcErrorKind, Delivery),
    service: S,
    cx: Cx,
) -> Path
where
    S: 'static,
    Invoker<S, Cx>: Invoke<Context = Cx>,
{
    let expected = Expected::Failure(kind, delivery);
    Path::new(name, expected, Invoker::new(service), move || cx.clone())
}
