//! Two components composed with a plain tool behave as they do over NATS.

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, plug};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::support::guests;
use crate::support::host::{GREETER, call};
use crate::support::stack::{GREETER_PREFIX, LONG, host, links, ours};
use crate::support::targets;
use crate::support::transports::Own;
use wrpc_middleware_testing::nats::NatsServer;

/// The caller with the target in place of its imports.
fn composed() -> Vec<u8> {
    let mut graph = CompositionGraph::new();
    let mut package = |name: &str, bytes: Vec<u8>| {
        let package = Package::from_bytes(name, None, bytes, graph.types_mut()).unwrap();
        graph.register_package(package).unwrap()
    };
    let socket = package("test:caller", guests::caller());
    let target = package("test:target", guests::target());
    plug(&mut graph, vec![target], socket).unwrap();
    graph.encode(EncodeOptions::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn composed_components_need_nothing_and_return_the_same() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target =
        targets::upstream_component::<Own>(target_client, GREETER_PREFIX, &guests::target()).await;
    let over_nats = host(
        &guests::caller(),
        ours::<Own>(&client, &links(), LONG, LONG).await,
    );
    let engine = Engine::default();
    let component = Component::new(&engine, composed()).unwrap();
    let pre = Linker::new(&engine).instantiate_pre(&component).unwrap();

    for func in ["greet", "count", "touch", "describe", "tags"] {
        for name in ["bob", "fail"] {
            assert_eq!(
                call(&pre, &mut Store::new(&engine, ()), GREETER, func, name)
                    .await
                    .wave(),
                over_nats.call(GREETER, func, name).await.wave(),
                "{func}({name:?})"
            );
        }
    }
}
