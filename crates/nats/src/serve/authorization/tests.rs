use core::error::Error as _;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use async_nats::HeaderMap;
use tower::{Layer as _, ServiceExt as _};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_transport::Target;
use wrpc_middleware_transport::link::{Link, LinkPolicy as _, LinkTable};

use super::{AuthorizationLayer, CallerPolicy, CallerRequest, Denied};
use crate::serve::testing::{NeverReady, Server};
use crate::serve::{Accepted, Request, handler};

/// Whether the policy lets the call through to a service that takes it.
async fn permits(policy: impl CallerPolicy + Clone, request: Request) -> bool {
    let service = AuthorizationLayer::new(policy).layer(handler(async |_: Accepted| Ok(())));
    let Err(error) = service.oneshot(request).await else {
        return true;
    };
    let found = (error.kind(), error.delivery());
    assert_eq!(found, (RpcErrorKind::LinkDenied, Delivery::NotSent));
    false
}

#[tokio::test]
async fn what_the_policy_does_not_permit_is_denied() {
    let server = Server::new().await;
    assert!(permits(|_: &CallerRequest<'_>| true, server.request()).await);
    assert!(!permits(|_: &CallerRequest<'_>| false, server.request()).await);
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn the_policy_sees_who_calls_what() {
    let server = Server::new().await;
    let mut headers = HeaderMap::new();
    headers.insert("Token", "secret");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let in_policy = Arc::clone(&seen);
    let policy = move |request: &CallerRequest<'_>| {
        let token = request.headers.and_then(|headers| headers.get("Token"));
        let fields = [request.interface, request.instance, request.func];
        let token = token.map(|token| token.as_str().to_owned());
        let caller = request.caller.map(str::to_owned);
        let fields = fields.map(str::to_owned);
        in_policy.lock().unwrap().push((caller, fields, token));
        true
    };
    let function = ["test:app/echo", "test:app/echo@0.1.0", "echo"].map(str::to_owned);
    permits(policy.clone(), server.request()).await;
    permits(
        policy,
        server.request_of("_INBOX.connection.call", Some(headers)),
    )
    .await;
    let expected = [
        (Some("client".to_owned()), function.clone(), None),
        (None, function, Some("secret".to_owned())),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_table_of_links_can_be_asked() {
    let server = Server::new().await;
    let me = Target::new("echo").unwrap();
    let link =
        |source: &'static str, target| Link::new(source, target, "test:app/echo".parse().unwrap());
    let others = Target::new("other").unwrap();
    let links = LinkTable::new([link("client", me.clone()), link("friend", others)]).unwrap();
    let policy =
        move |request: &CallerRequest<'_>| links.authorize(&request.link()).as_ref() == Some(&me);
    assert!(permits(policy.clone(), server.request()).await);
    for inbox in [
        "_INBOX.friend.connection.call",
        "_INBOX.stranger.connection.call",
        "_INBOX.connection.call",
    ] {
        assert!(!permits(policy.clone(), server.request_of(inbox, None)).await);
    }
}

#[tokio::test]
async fn a_denial_waits_for_nothing() {
    let server = Server::new().await;
    let layer = AuthorizationLayer::new(|request: &CallerRequest<'_>| request.caller.is_none());
    let service = layer.layer(NeverReady);
    let denied = service.clone().oneshot(server.request()).await;
    assert_eq!(denied.unwrap_err().kind(), RpcErrorKind::LinkDenied);
    // The control: what is permitted waits.
    let permitted = service.oneshot(server.request_of("_INBOX.connection.call", None));
    let waits = tokio::time::timeout(Duration::from_millis(10), permitted);
    assert!(waits.await.is_err());
}

#[tokio::test]
async fn the_caller_learns_which_function_and_the_operator_who() {
    let server = Server::new().await;
    let layer = AuthorizationLayer::new(|_: &CallerRequest<'_>| false);
    let service = layer.layer(handler(async |_: Accepted| Ok(())));
    let error = service.oneshot(server.request()).await.unwrap_err();
    assert_eq!(
        error.message(),
        "test:app/echo@0.1.0#echo: the target does not permit this call"
    );
    let denied: &Denied = error.source().unwrap().downcast_ref().unwrap();
    assert_eq!(denied.request().caller, Some("client"));
    assert_eq!(
        denied.to_string(),
        "the policy does not permit the call from `client` to test:app/echo@0.1.0#echo"
    );
}
