//! Targets that keep the rules: native programs with generated bindings, and components served by
//! upstream's own adapter.

use std::collections::HashMap;
use std::sync::Arc;

use async_nats::Client;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::task::{JoinHandle, JoinSet};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};
use wrpc_middleware::runtime::ExportServer;
use wrpc_runtime_wasmtime::ServeExt as _;
use wrpc_transport::ServeExt as _;

use crate::support::bindings::server;
use crate::support::host::{GREETER, State};
use crate::support::transports::NatsWire;
use server::exports::test::app::{greeter, plain};
use server::wrpc::errors::types::{Delivery, Failure, RpcError};
use wrpc_middleware_testing::nats::round_trip;

/// Where a native target says that it runs a call; the name that it was called with follows.
pub const RAN: &str = "ran";

/// A target that runs in this process until it is dropped.
pub struct Target(JoinHandle<()>);

impl Target {
    /// Does `work` until then.
    pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Answers by the name it is given: "fail" returns an error, "slow" never answers, "break" ends
/// the call without an answer, anything else is a success that repeats the name.
#[derive(Clone)]
struct Native(Client);

impl Native {
    async fn run<T>(
        &self,
        name: &str,
        answer: impl FnOnce(String) -> T,
    ) -> anyhow::Result<Result<T, RpcError>> {
        self.0
            .publish(format!("{RAN}.{name}"), Bytes::new())
            .await?;
        match name {
            "fail" => Ok(Err(RpcError::Overloaded(Failure {
                delivery: Delivery::NotSent,
                message: "the target says so".to_owned(),
            }))),
            "slow" => std::future::pending().await,
            "break" => Err(anyhow::anyhow!("broken")),
            name => Ok(Ok(answer(format!("hello, {name}")))),
        }
    }
}

impl<C: Send> greeter::Handler<C> for Native {
    async fn greet(&self, _: C, name: String) -> anyhow::Result<Result<String, RpcError>> {
        self.run(&name, |hello| hello).await
    }

    async fn count(&self, _: C, name: String) -> anyhow::Result<Result<u8, RpcError>> {
        let len = u8::try_from(name.len())?;
        self.run(&name, |_| len).await
    }

    async fn touch(&self, _: C, name: String) -> anyhow::Result<Result<(), RpcError>> {
        self.run(&name, |_| ()).await
    }

    async fn describe(
        &self,
        _: C,
        name: String,
    ) -> anyhow::Result<Result<greeter::Person, RpcError>> {
        let tags = vec![name.clone()];
        self.run(&name, |name| greeter::Person {
            name,
            age: 42,
            tags,
        })
        .await
    }

    async fn tags(&self, _: C, name: String) -> anyhow::Result<Result<Vec<String>, RpcError>> {
        self.run(&name, |hello| vec![name.clone(), hello]).await
    }
}

impl<C: Send> plain::Handler<C> for Native {
    async fn hello(&self, _: C, name: String) -> anyhow::Result<String> {
        self.run(&name, |hello| hello)
            .await?
            .map_err(|_| anyhow::anyhow!("no place for an error"))
    }

    async fn notify(&self, _: C, name: String) -> anyhow::Result<()> {
        self.run(&name, |_| ())
            .await?
            .map_err(|_| anyhow::anyhow!("no place for an error"))
    }
}

/// Serves a native program's `greeter` and `plain` under `prefix`.
pub async fn native<N: NatsWire>(client: Client, prefix: &str) -> Target {
    let wrpc = N::server(&client, prefix).await;
    let handler = Native(client.clone());
    let served = Box::pin(server::serve(&wrpc, handler))
        .await
        .expect("serve");
    round_trip(&client).await;
    Target::spawn(async move {
        let mut calls = futures::stream::select_all(served.into_iter().map(|(_, _, calls)| calls));
        let mut running = JoinSet::new();
        while let Some(call) = calls.next().await {
            // A call that arrives broken ends here.
            if let Ok(call) = call {
                running.spawn(call);
            }
        }
    })
}

/// Serves `greeter` by upstream's `serve_values`, with the types that the WIT stands for.
pub async fn values<N: NatsWire>(client: Client, prefix: &str) -> Target {
    let wrpc = N::server(&client, prefix).await;
    let native = Native(client.clone());
    let mut served = JoinSet::new();
    /// Serves one function, as the handler of the same name does.
    macro_rules! serve {
        ($func:ident -> $ok:ty) => {
            let calls = wrpc
                .serve_values::<(String,), (Result<$ok, RpcError>,)>(GREETER, stringify!($func), [])
                .await
                .expect("serve");
            let native = native.clone();
            served.spawn(async move {
                let mut calls = core::pin::pin!(calls);
                while let Some(call) = calls.next().await {
                    let (cx, (name,), _, respond) = call.expect("a call");
                    let answer = greeter::Handler::$func(&native, cx, name).await;
                    respond((answer.expect("an answer"),))
                        .await
                        .expect("respond");
                }
            });
        };
    }
    serve!(greet -> String);
    serve!(count -> u8);
    serve!(touch -> ());
    serve!(describe -> greeter::Person);
    serve!(tags -> Vec<String>);
    round_trip(&client).await;
    Target::spawn(async move { while served.join_next().await.is_some() {} })
}

/// Serves `instance#greet` as a plain `func(name: string) -> string`, by upstream's `serve_values`.
pub async fn hello<N: NatsWire>(client: Client, prefix: &str, instance: &str) -> Target {
    let wrpc = N::server(&client, prefix).await;
    let calls = wrpc
        .serve_values::<(String,), (String,)>(instance, "greet", [])
        .await
        .expect("serve");
    round_trip(&client).await;
    let native = Native(client);
    Target::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        let mut running = JoinSet::new();
        while let Some(call) = calls.next().await {
            let (native, (_, (name,), _, respond)) = (native.clone(), call.expect("a call"));
            running.spawn(async move {
                let hello = native.run(&name, |hello| hello).await?;
                let hello = hello.map_err(|_| anyhow::anyhow!("no place for an error"))?;
                respond((hello,)).await
            });
        }
    })
}

/// Serves a component's exports under `prefix` with upstream's `ServeExt`.
pub async fn upstream_component<N: NatsWire>(
    client: Client,
    prefix: &str,
    component: &[u8],
) -> Target {
    let wrpc = N::server(&client, prefix).await;
    let engine = Engine::default();
    let component = Component::new(&engine, component).expect("a component");
    let pre = Linker::new(&engine)
        .instantiate_pre(&component)
        .expect("a component without imports");
    let mut served = Vec::new();
    for (instance, item) in component.component_type().exports(&engine) {
        let ComponentItem::ComponentInstance(ty) = item else {
            continue;
        };
        for (name, item) in ty.exports(&engine) {
            let ComponentItem::ComponentFunc(ty) = item else {
                continue;
            };
            let (engine, state) = (engine.clone(), wrpc.clone());
            let calls = wrpc
                .serve_function(
                    move || {
                        Store::new(&engine, State::new(state.clone(), Default::default(), None))
                    },
                    pre.clone(),
                    Arc::new(HashMap::default()),
                    ty,
                    instance,
                    name,
                )
                .await
                .expect("serve");
            served.push(Box::pin(calls));
        }
    }
    round_trip(&client).await;
    Target::spawn(async move {
        let mut calls = futures::stream::select_all(served);
        let mut running = JoinSet::new();
        while let Some(call) = calls.next().await {
            if let Ok((_, call)) = call {
                running.spawn(call);
            }
        }
    })
}

/// Serves a component's exports under `prefix` with the project's adapter.
pub async fn component<N: NatsWire>(client: Client, prefix: &str, component: &[u8]) -> Target {
    let wrpc = N::server(&client, prefix).await;
    let engine = Engine::default();
    let component = Component::new(&engine, component).expect("a component");
    let pre = Linker::new(&engine)
        .instantiate_pre(&component)
        .expect("a component without imports");
    let state = wrpc.clone();
    let server = ExportServer::new(pre, move || {
        Store::new(&engine, State::new(state.clone(), Default::default(), None))
    });
    let mut calls = server.serve(&wrpc).await.expect("serve");
    round_trip(&client).await;
    Target::spawn(async move {
        let mut running = JoinSet::new();
        while let Some(call) = calls.next().await {
            if let Ok((_, call)) = call {
                running.spawn(call);
            }
        }
    })
}

/// Upstream's client under `prefix`, in a queue group when it serves.
pub async fn upstream_client(client: &Client, prefix: &str) -> wrpc_transport_nats::Client {
    wrpc_transport_nats::Client::new(client.clone(), prefix, Some(prefix.into()))
        .await
        .expect("upstream's client")
}
