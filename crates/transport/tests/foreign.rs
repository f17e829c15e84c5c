//! The layers of `tower` in one stack with ours.

mod support;

use core::time::Duration;

use support::{Mock, assert_rpc, invocation};
use tokio::time::Instant;
use tower::{ServiceBuilder, ServiceExt as _};
use wrpc_middleware_transport::foreign::ForeignLayer;
use wrpc_middleware_transport::limit::ConcurrencyLimitLayer;
use wrpc_middleware_transport::link::{LinkAuthorizationLayer, LinkRequest};
use wrpc_middleware_transport::liveness::TargetLivenessLayer;
use wrpc_middleware_transport::retry::RetryPolicy;
use wrpc_middleware_transport::{Delivery, RpcErrorKind, Target};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_elapsed_timeout_is_a_timeout() {
    let mock = Mock::silent();
    let service = ServiceBuilder::new()
        .layer(ForeignLayer::new())
        .timeout(SECOND)
        .layer(TargetLivenessLayer::new(SECOND * 9))
        .service(mock.leaf());
    let start = Instant::now();
    let error = service.oneshot(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::Timeout, Delivery::Unknown);
    assert!(
        error
            .message()
            .starts_with("test:app/greeter@0.1.0#greet: "),
        "{error}"
    );
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(mock.alive(), 0);
}

#[tokio::test]
async fn what_is_shed_is_overloaded_and_not_sent() {
    let mock = Mock::accepting();
    let service = ServiceBuilder::new()
        .layer(ForeignLayer::new())
        .load_shed()
        .layer(ConcurrencyLimitLayer::new(1))
        .service(mock.leaf());
    let _held = service.clone().oneshot(invocation()).await.unwrap();
    let error = service.oneshot(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::Overloaded, Delivery::NotSent);
    assert_eq!(mock.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_rpc_error_passes_all_of_them_unchanged() {
    let mock = Mock::accepting();
    let deny = |_: &LinkRequest<'_>| None::<Target>;
    let service = ServiceBuilder::new()
        .layer(ForeignLayer::new())
        .load_shed()
        .buffer(8)
        .timeout(SECOND)
        .retry(RetryPolicy::new(3))
        .layer(LinkAuthorizationLayer::new(deny))
        .service(mock.leaf());
    let error = service.oneshot(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::LinkDenied, Delivery::NotSent);
    assert_eq!(mock.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_comes_out_of_a_buffer() {
    let mock = Mock::accepting();
    let limit = ConcurrencyLimitLayer::new(1);
    let service = ServiceBuilder::new()
        .layer(ForeignLayer::new())
        .buffer(8)
        .layer(wrpc_middleware_transport::timeout::TimeoutLayer::new(
            SECOND,
        ))
        .layer(limit)
        .service(mock.leaf());
    let _held = service.clone().oneshot(invocation()).await.unwrap();
    let error = service.clone().oneshot(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::Timeout, Delivery::NotSent);
}
