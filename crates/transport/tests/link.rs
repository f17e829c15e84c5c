//! The authorization layer alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use futures::FutureExt as _;
use support::{INSTANCE, Mock, assert_rpc, invocation};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::{Layer as _, Service as _, ServiceExt, service_fn};
use wrpc_middleware_transport::limit::ConcurrencyLimitLayer;
use wrpc_middleware_transport::link::{
    Denied, Link, LinkAuthorizationLayer, LinkNames, LinkRequest, LinkTable,
};
use wrpc_middleware_transport::{
    Channels, Context, Delivery, Invocation, RpcError, RpcErrorKind, Target,
};

fn link() -> Link {
    let interface = "test:app/greeter".parse().unwrap();
    Link::new("client", Target::new("greeter").unwrap(), interface)
}

#[tokio::test]
async fn what_is_not_linked_never_reaches_the_inner_service() {
    let mock = Mock::accepting();
    let service = LinkAuthorizationLayer::new(LinkTable::default())
        .source("client")
        .layer(mock.leaf());
    let error = service.oneshot(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::LinkDenied, Delivery::NotSent);
    assert_eq!(
        error.message(),
        "test:app/greeter@0.1.0#greet: no link permits this call"
    );
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.is::<Denied>());
    assert_eq!(
        source.to_string(),
        "no link from `client` to test:app/greeter@0.1.0#greet by the link name `default`"
    );
    assert_eq!(mock.count(), 0);

    mock.leaf().oneshot(invocation()).await.unwrap();
    assert_eq!(mock.count(), 1, "without the layer it is sent");
}

#[tokio::test]
async fn the_resolved_target_is_passed_on() {
    let inner = service_fn(|invocation: Invocation<Context<()>>| async move {
        let target = invocation.target.map(|target| target.to_string());
        assert_eq!(target.as_deref(), Some("greeter"));
        Err::<Channels<(), ()>, _>(RpcError::new(
            RpcErrorKind::Other,
            Delivery::NotSent,
            "seen",
        ))
    });
    let service = LinkAuthorizationLayer::new(LinkTable::new([link()]).unwrap()).layer(inner);
    let call = |context: Context<()>| {
        let service = service.clone();
        async move {
            let invocation = Invocation::new(context, INSTANCE, "greet", bytes::Bytes::new());
            service.oneshot(invocation).await.unwrap_err().kind()
        }
    };
    assert_eq!(
        call(Context::new(()).with_source("client")).await,
        RpcErrorKind::Other
    );
    assert_eq!(
        call(Context::new(()).with_source("other")).await,
        RpcErrorKind::LinkDenied
    );
    assert_eq!(call(Context::new(())).await, RpcErrorKind::LinkDenied);
    let named = Context::new(())
        .with_source("client")
        .with_link_name("backup");
    assert_eq!(call(named).await, RpcErrorKind::LinkDenied);
}

#[tokio::test]
async fn link_names_select_among_the_targets_of_one_interface() {
    let backup = Link::new(
        "client",
        Target::new("other").unwrap(),
        "test:app/greeter".parse().unwrap(),
    );
    let links = LinkTable::new([link(), backup.with_name("backup")]).unwrap();
    let inner = service_fn(|invocation: Invocation<Context<()>>| async move {
        let target = invocation.target.unwrap().to_string();
        let error = RpcError::new(RpcErrorKind::Other, Delivery::NotSent, target);
        Err::<Channels<(), ()>, _>(error)
    });
    let service = LinkAuthorizationLayer::new(links).layer(inner);
    let target = |interface: &str, name: &str| {
        let mut names = LinkNames::new();
        names.set(interface.parse().unwrap(), name);
        let context = Context::new(())
            .with_source("client")
            .with_link_names(names);
        let invocation = Invocation::new(context, INSTANCE, "greet", bytes::Bytes::new());
        let service = service.clone();
        async move {
            let error = service.oneshot(invocation).await.unwrap_err();
            error.message().to_string()
        }
    };
    assert_eq!(target("test:app/greeter", "backup").await, "other");
    assert_eq!(target("test:app/greeter@9.0.0", "backup").await, "other");
    assert_eq!(target("test:app/greeter", "default").await, "greeter");
    assert_eq!(target("test:app/else", "backup").await, "greeter");
    let none = target("test:app/greeter", "none").await;
    assert!(none.ends_with("no link permits this call"), "{none}");
}

#[tokio::test]
async fn the_layers_source_outweighs_the_contexts() {
    let mock = Mock::accepting();
    let service = LinkAuthorizationLayer::new(LinkTable::new([link()]).unwrap())
        .source("other")
        .layer(mock.leaf());
    let context = Context::new(()).with_source("client");
    let invocation = Invocation::new(context, INSTANCE, "greet", bytes::Bytes::new());
    let error = service.oneshot(invocation).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::LinkDenied, Delivery::NotSent);
}

#[tokio::test]
async fn a_closure_is_a_policy() {
    let mock = Mock::accepting();
    let policy = |request: &LinkRequest<'_>| {
        assert_eq!(request.interface, "test:app/greeter");
        assert_eq!(request.instance, INSTANCE);
        assert_eq!(request.link_name, "default");
        (request.func == "greet").then(|| Target::new("anyone").unwrap())
    };
    let service = LinkAuthorizationLayer::new(policy).layer(mock.leaf());
    service.oneshot(invocation()).await.unwrap();
}

#[tokio::test]
async fn what_is_denied_takes_nobodys_place() {
    let mock = Mock::accepting();
    let links = LinkTable::new([link()]).unwrap();
    let limited = ConcurrencyLimitLayer::new(1).layer(mock.leaf());
    let mut service = LinkAuthorizationLayer::new(links).layer(limited);
    let invocation = |source| {
        let context = Context::new(()).with_source(source);
        Invocation::new(context, INSTANCE, "greet", bytes::Bytes::new())
    };
    ServiceExt::<Invocation<Context<()>>>::ready(&mut service)
        .await
        .unwrap();
    let denied = service.call(invocation("other"));
    let permitted = service.call(invocation("client"));
    // The one place is taken: a call more waits for it, and a denied one still for nothing.
    let mut waiting = service.call(invocation("client"));
    assert!((&mut waiting).now_or_never().is_none());
    for denied in [denied, service.call(invocation("other"))] {
        let error = denied.now_or_never().unwrap().unwrap_err();
        assert_rpc(&error, RpcErrorKind::LinkDenied, Delivery::NotSent);
    }
    drop(permitted.await.unwrap());
    waiting.await.unwrap();
    assert_eq!(mock.count(), 2);
}

#[tokio::test]
async fn links_change_under_running_calls() {
    let mock = Mock::accepting();
    let links = LinkTable::new([link()]).unwrap();
    let mut service = LinkAuthorizationLayer::new(links.clone())
        .source("client")
        .layer(mock.leaf());
    let mut running = service.call(invocation()).await.unwrap();
    links.replace([]).unwrap();
    let error = service.call(invocation()).await.unwrap_err();
    assert_rpc(&error, RpcErrorKind::LinkDenied, Delivery::NotSent);
    running.outgoing.shutdown().await.unwrap();
    mock.call(0).send(&[], b"a");
    assert_eq!(running.incoming.read_u8().await.unwrap(), b'a');
    links.insert(&link());
    service.call(invocation()).await.unwrap();
    assert_eq!(mock.count(), 2);
}
