//! A stack of our layers and tower's, one reason each.
//!
//! ```console
//! $ nats-server &
//! $ cargo run --example tower_layers
//! ```
//!
//! The target comes up only after the first attempt has failed, so the call is repeated.

use core::time::Duration;

use futures::StreamExt as _;
use tower::ServiceBuilder;
use tower::retry::RetryLayer;
use wrpc_middleware::foreign::ForeignLayer;
use wrpc_middleware::limit::ConcurrencyLimitLayer;
use wrpc_middleware::link::{Link, LinkAuthorizationLayer, LinkTable};
use wrpc_middleware::liveness::TargetLivenessLayer;
use wrpc_middleware::nats::{CallContext, Client, ConnectOptions, Options, connect};
use wrpc_middleware::retry::RetryPolicy;
use wrpc_middleware::timeout::TimeoutLayer;
use wrpc_middleware::{Context, Invocation, Invoker, Target};
use wrpc_transport::{InvokeExt as _, ServeExt as _};

const INSTANCE: &str = "test:app/greeter@0.1.0";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let leaf = client("client").await?;
    let links = LinkTable::new([Link::new(
        "client",
        Target::new("greeter")?,
        "test:app/greeter".parse()?,
    )])?;
    let retry = RetryPolicy::new(8).backoff(Duration::from_millis(50), Duration::from_secs(1));
    let service = ServiceBuilder::new()
        // What is denied takes no part in anything below, and is not repeated.
        .layer(LinkAuthorizationLayer::new(links))
        // One deadline for all attempts and the waits between them.
        .layer(TimeoutLayer::new(Duration::from_secs(10)))
        // What tower's own layers below fail with becomes an `RpcError`.
        .layer(ForeignLayer::new())
        // A call that finds no room below fails at once, as `overloaded`, `not-sent`.
        .load_shed()
        // Repeats what did not run: `not-sent` alone.
        .layer(RetryLayer::new(retry))
        // A call counts until its streams are dropped, which tower's own limit does not see.
        .layer(ConcurrencyLimitLayer::new(64))
        .map_request(|invocation: Invocation<CallContext>| {
            println!("attempt");
            invocation
        })
        // Each attempt has half a second to be taken.
        .layer(TargetLivenessLayer::new(Duration::from_millis(500)))
        .service(leaf);
    let client = Invoker::<_, CallContext>::new(service);

    let greeter = tokio::spawn(async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        greet_once().await
    });
    let context = Context::new(None).with_source("client");
    let (greeting,) = client
        .invoke_values_blocking::<_, (String,), (String,)>(
            context,
            INSTANCE,
            "greet",
            ("bob".into(),),
            [[]; 0],
        )
        .await?;
    println!("{greeting}");
    greeter.await?
}

/// A client of the component `id`.
async fn client(id: &str) -> anyhow::Result<Client> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".into());
    let options = Options::new().id(id).prefix("default");
    Ok(connect(ConnectOptions::new(url).client(options)).await?)
}

/// A native target.
async fn greet_once() -> anyhow::Result<()> {
    let client = client("greeter").await?;
    let calls = client
        .serve_values::<(String,), (String,)>(INSTANCE, "greet", [])
        .await?;
    let mut calls = core::pin::pin!(calls);
    if let Some(call) = calls.next().await {
        let (_context, (name,), _asynchronous, respond) = call?;
        respond((format!("hello, {name}"),)).await?;
    }
    client.round_trip().await?;
    Ok(())
}
