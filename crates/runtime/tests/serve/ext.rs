//! Single functions, as upstream serves them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::io::AsyncReadExt as _;
use tokio::sync::{Mutex, mpsc};
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ResourceType};
use wrpc_middleware_runtime::{
    HostResources, InvocationError, InvocationFailure, ServeExt as _, rpc,
};
use wrpc_runtime_wasmtime::collect_component_resource_exports;
use wrpc_transport::{Invoke as _, InvokeExt as _};

use crate::guests;
use crate::host::{Shared, engine, prepare};
use crate::net::{Net, SYNC};

const COUNTERS: &str = "test:serve/counters";

pub(crate) fn no_host_resources() -> Arc<HostResources> {
    Arc::default()
}

/// The type of a function, as a host finds it.
pub(crate) fn function(component: &Component, instance: &str, name: &str) -> ComponentFunc {
    let engine = component.engine();
    let Some(ComponentItem::ComponentInstance(instance)) =
        component.component_type().get_export(engine, instance)
    else {
        panic!("no instance {instance}");
    };
    let Some(ComponentItem::ComponentFunc(ty)) = instance.get_export(engine, name) else {
        panic!("no function {name}");
    };
    ty
}

type Invocation = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

fn run(
    calls: impl Stream<Item = anyhow::Result<((), Invocation)>> + Send + 'static,
) -> mpsc::UnboundedReceiver<anyhow::Result<()>> {
    let (end, ended) = mpsc::unbounded_channel();
    tokio::spawn(calls.for_each_concurrent(None, move |call| {
        let end = end.clone();
        async move {
            let ((), invocation) = call.unwrap();
            end.send(invocation.await).unwrap();
        }
    }));
    ended
}

#[tokio::test(start_paused = true)]
async fn a_function_gets_an_instance_for_each_call() {
    let engine = engine();
    let component = prepare(&engine, &guests::calc());
    let shared = Shared::default();
    let net = Net::default();
    let ty = function(component.component(), "test:serve/calc", "count");
    let made = shared.clone();
    let calls = net
        .transport()
        .serve_function(
            move || made.store(&engine),
            component,
            no_host_resources(),
            ty,
            "test:serve/calc",
            "count",
        )
        .await
        .unwrap();
    let mut ended = run(calls);
    for _ in 0..2 {
        let ((count,), _) = net
            .connect()
            .invoke_values::<_, (), (u32,)>((), "test:serve/calc", "count", (), SYNC)
            .await
            .unwrap();
        assert_eq!(count, 1);
        ended.recv().await.unwrap().unwrap();
    }
    assert_eq!(shared.stores.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn upstreams_error_is_recognized_by_the_resources_of_the_host() {
    let engine = engine();
    let component = prepare(&engine, &guests::fallible());
    let ty = component.component().component_type();
    let Some(ComponentItem::ComponentInstance(errors)) =
        ty.get_import(&engine, "wrpc:rpc/error@0.1.0")
    else {
        panic!("no import");
    };
    let Some(ComponentItem::Resource(error)) = errors.get_export(&engine, "error") else {
        panic!("no resource");
    };
    let host_resources: HostResources = HashMap::from([(
        "wrpc:rpc/error@0.1.0".into(),
        HashMap::from([("error".into(), (error, ResourceType::host::<rpc::Error>()))]),
    )]);
    let shared = Shared::default();
    let net = Net::default();
    let ty = function(component.component(), "test:serve/fallible", "checked");
    let calls = net
        .transport()
        .serve_function(
            move || shared.store(&engine),
            component,
            host_resources,
            ty,
            "test:serve/fallible",
            "checked",
        )
        .await
        .unwrap();
    let mut ended = run(calls);
    let ((value,), _) = net
        .connect()
        .invoke_values::<_, (bool,), (u32,)>((), "test:serve/fallible", "checked", (true,), SYNC)
        .await
        .unwrap();
    assert_eq!(value, 42);
    ended.recv().await.unwrap().unwrap();
    let refused = net
        .connect()
        .invoke_values::<_, (bool,), (u32,)>((), "test:serve/fallible", "checked", (false,), SYNC)
        .await;
    assert!(refused.is_err());
    let error = ended.recv().await.unwrap().unwrap_err();
    let error: &InvocationError = error.downcast_ref().unwrap();
    assert!(matches!(error.failure(), InvocationFailure::Rpc(_)));
}

#[tokio::test(start_paused = true)]
async fn functions_of_one_store_share_its_handles() {
    let engine = engine();
    let component = prepare(&engine, &guests::counters());
    let ty = component.component().component_type();
    let mut guest_resources = Vec::new();
    collect_component_resource_exports(&engine, &ty, &mut guest_resources);
    let guest_resources: Arc<[ResourceType]> = guest_resources.into();
    let shared = Shared::default();
    let mut store = shared.store(&engine);
    let instance = component.instantiate_async(&mut store).await.unwrap();
    let store = Arc::new(Mutex::new(store));
    let net = Net::default();
    let mut ended = Vec::new();
    for name in [
        "[constructor]counter",
        "[method]counter.increment",
        "[method]counter.trap",
    ] {
        let calls = net
            .transport()
            .serve_function_shared(
                Arc::clone(&store),
                instance,
                Arc::clone(&guest_resources),
                no_host_resources(),
                [],
                function(component.component(), COUNTERS, name),
                COUNTERS,
                name,
            )
            .await
            .unwrap();
        ended.push(run(calls));
    }
    let call = async |func: &str, params: Bytes| {
        let client = net.connect();
        let (_, mut incoming) = client
            .invoke((), COUNTERS, func, params, SYNC)
            .await
            .unwrap();
        let mut result = Vec::new();
        incoming.read_to_end(&mut result).await.unwrap();
        result
    };
    let handle = Bytes::from(call("counter", Bytes::from_static(&[4])).await);
    ended[0].recv().await.unwrap().unwrap();
    assert_eq!(call("counter.increment", handle.clone()).await, [5]);
    ended[1].recv().await.unwrap().unwrap();

    // A host's own instance can't be replaced: it says so from then on.
    for (i, func) in [(2, "counter.trap"), (1, "counter.increment")] {
        assert!(call(func, handle.clone()).await.is_empty());
        let error = ended[i].recv().await.unwrap().unwrap_err();
        let error: &InvocationError = error.downcast_ref().unwrap();
        assert!(
            matches!(error.failure(), InvocationFailure::Trap(_)),
            "{error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_guest_on_a_hosts_store_goes_on_to_its_end_when_its_call_is_dropped() {
    let engine = engine();
    let component = prepare(&engine, &guests::calc());
    let shared = Shared::default();
    let mut store = shared.store(&engine);
    let instance = component.instantiate_async(&mut store).await.unwrap();
    let net = Net::default();
    let calls = net
        .transport()
        .serve_function_shared(
            Arc::new(Mutex::new(store)),
            instance,
            [],
            no_host_resources(),
            [],
            function(component.component(), "test:serve/calc", "pause"),
            "test:serve/calc",
            "pause",
        )
        .await
        .unwrap();
    let mut calls = Box::pin(calls);
    let mut call = async || {
        let client = net.connect();
        let streams = client
            .invoke((), "test:serve/calc", "pause", Bytes::new(), SYNC)
            .await
            .unwrap();
        let ((), invocation) = calls.next().await.unwrap().unwrap();
        (tokio::spawn(invocation), streams)
    };
    let (running, _streams) = call().await;
    while shared.pausing.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    let (second, (_, mut incoming)) = call().await;
    shared.gate.0.add_permits(2);
    second.await.unwrap().unwrap();
    let mut count = Vec::new();
    incoming.read_to_end(&mut count).await.unwrap();
    assert_eq!(count, [2], "after the first");
}
