//! Three lines around a `wrpc_transport_nats::Client` that a host has already.
//!
//! ```console
//! $ nats-server &
//! $ cargo run --example upstream_client --features upstream-nats
//! ```
//!
//! `NATS_URL` says where NATS is, if it is not here.

use async_nats::HeaderMap;
use tower::Layer as _;
use wrpc_middleware::link::LinkRequest;
use wrpc_middleware::upstream_nats::Handshake;
use wrpc_middleware::{Context, Invoker, RpcError, Stack, Target, Transport};
use wrpc_transport::InvokeExt as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".into());
    let nats = async_nats::connect(url).await?;
    let target = Target::new("default.greeter")?;
    let client = wrpc_transport_nats::Client::new(nats.clone(), target.as_str(), None).await?;

    // These. The client has one target, so the policy knows no other; a host that has more of them
    // takes a `LinkTable` and a `NatsTransport`.
    let leaf = Transport::with_evidence(client, Handshake::new(nats)).target(target.clone());
    let stack = Stack::new(move |_: &LinkRequest<'_>| Some(target.clone()));
    let client = Invoker::<_, Context<Option<HeaderMap>>>::new(stack.layer(leaf));

    // From here on as before, but that an error says what happened.
    let called = client
        .invoke_values_blocking::<_, (String,), (String,)>(
            Context::new(None).with_source("example"),
            "test:app/greeter@0.1.0",
            "greet",
            ("bob".into(),),
            [[]; 0],
        )
        .await;
    match called {
        Ok((greeting,)) => println!("{greeting}"),
        Err(error) => {
            let error = RpcError::classify(error);
            println!(
                "{error} ({}, safe to retry: {})",
                error.delivery(),
                error.is_safe_to_retry()
            );
        }
    }
    Ok(())
}
