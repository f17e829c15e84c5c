//! Both kinds of peers.

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::task::JoinHandle;
use wrpc_middleware_nats::{CallContext, Client, Options};
use wrpc_middleware_transport::{Context, Target};
use wrpc_transport::{Invoke, InvokeExt as _, Serve, ServeExt as _};

use wrpc_middleware_testing::nats::{NatsServer, connect};

pub const TARGET: &str = "target";
pub const INSTANCE: &str = "test:app/echo@0.1.0";
pub const NO_PATHS: [[Option<usize>; 0]; 0] = [];

/// Our client, connected as a host would.
pub async fn ours(server: &NatsServer, options: Options) -> Client {
    let target = Target::new(TARGET).unwrap();
    let options = options.default_target(target);
    wrpc_middleware_nats::connect(
        wrpc_middleware_nats::ConnectOptions::new(server.url()).client(options),
    )
    .await
    .expect("connect")
}

/// Upstream's client, which calls and serves the target.
pub async fn upstream(server: &NatsServer) -> wrpc_transport_nats::Client {
    let nats = connect(&server.url()).await;
    wrpc_transport_nats::Client::new(nats, TARGET, Some(TARGET.into()))
        .await
        .expect("upstream's client")
}

/// The context of a call to the default target.
pub fn context() -> CallContext {
    Context::new(None)
}

/// Echoes bytes until it is dropped, each call in a task of its own.
pub struct Echo(JoinHandle<()>);

impl Drop for Echo {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub async fn echo(transport: &(impl Serve + 'static)) -> Echo {
    let calls = transport
        .serve_values::<(Bytes,), (Bytes,)>(INSTANCE, "echo", [])
        .await
        .expect("serve");
    Echo(tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let Ok((_, (bytes,), _, respond)) = call else {
                continue;
            };
            tokio::spawn(respond((bytes,)));
        }
    }))
}

pub async fn call_echo<I: Invoke>(
    client: &I,
    cx: I::Context,
    bytes: Bytes,
) -> anyhow::Result<Bytes> {
    let ((echoed,), io) = client
        .invoke_values::<_, (Bytes,), (Bytes,)>(cx, INSTANCE, "echo", (bytes,), NO_PATHS)
        .await?;
    if let Some(io) = io {
        io.await?;
    }
    Ok(echoed)
}
