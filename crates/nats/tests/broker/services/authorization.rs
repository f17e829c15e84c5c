//! Who may call what.

use tower::{Layer as _, Service};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_nats::Options;
use wrpc_middleware_nats::serve::authorization::{AuthorizationLayer, CallerRequest};
use wrpc_middleware_nats::serve::{Accepted, Request, handler};

use super::setup::{
    Counts, Peers, answer, assert_answer, assert_refuses, assert_refuses_old, serve,
};
use crate::support::peers::ours;
use crate::support::raw::{call_subject, publish};
use wrpc_middleware_testing::wait::until;

/// Answers, and counts.
fn counted(
    counts: &Counts,
) -> impl Service<Request, Response = (), Error = RpcError, Future: Send> + Clone + Send + 'static + use<>
{
    let counts = counts.clone();
    handler(move |accepted: Accepted| {
        let begun = counts.begin();
        async {
            let _begun = begun;
            answer(accepted, "done").await
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_not_permitted_is_denied() {
    let peers = Peers::start().await;
    let stranger = ours(&peers.server, Options::new().id("stranger")).await;
    let anonymous = ours(&peers.server, Options::new()).await;
    let counts = Counts::default();
    let layer = AuthorizationLayer::new(|request: &CallerRequest<'_>| {
        request.caller == Some("client") && request.interface == "test:app/echo"
    });
    let _running = serve(&peers.target, "greet", layer.layer(counted(&counts))).await;
    assert_answer(&peers.client, "greet", b"done").await;
    for caller in [&stranger, &anonymous] {
        let (kind, delivery) = (RpcErrorKind::LinkDenied, Delivery::NotSent);
        let error = assert_refuses(caller, "greet", kind, delivery).await;
        let message = "test:app/echo@0.1.0#greet: the target does not permit this call";
        assert_eq!(error.message(), message);
    }
    assert_refuses_old(&peers.old, "greet").await;
    assert_eq!(counts.begun(), 1);
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_a_policy_everyone_is_served() {
    let peers = Peers::start().await;
    let stranger = ours(&peers.server, Options::new().id("stranger")).await;
    let counts = Counts::default();
    let _running = serve(&peers.target, "greet", counted(&counts)).await;
    assert_answer(&stranger, "greet", b"done").await;
    assert_answer(&peers.old, "greet", b"done").await;
    assert_eq!(counts.begun(), 2);
}

/// NATS lets a client name any reply subject, so who may publish to a target has to be bound by the
/// broker. The answer goes to the other.
#[tokio::test(flavor = "multi_thread")]
async fn control_who_may_publish_to_a_target_may_say_to_be_anybody() {
    let peers = Peers::start().await;
    let counts = Counts::default();
    let layer =
        AuthorizationLayer::new(|request: &CallerRequest<'_>| request.caller == Some("client"));
    let _running = serve(&peers.target, "greet", layer.layer(counted(&counts))).await;
    let stranger = peers.server.connect().await;
    let forged = "_INBOX.client.forged.call";
    publish(&stranger, call_subject("greet"), Some(forged), None, "").await;
    until("the call to run", async || counts.begun() == 1).await;
}
