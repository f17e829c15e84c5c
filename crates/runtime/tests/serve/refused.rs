//! What can't be served, at serve time.

use std::sync::Arc;

use tokio::sync::Mutex;
use wrpc_middleware_runtime::{
    ExportServer, ServeError, ServeExt as _, Unservable, UnservableCause,
};

use crate::guests;
use crate::host::{Shared, engine, prepare};
use crate::net::Net;

#[tokio::test]
async fn functions_that_cannot_travel_are_named_and_can_be_skipped() {
    let engine = engine();
    let component = prepare(&engine, &guests::host_bound());
    let shared = Shared::default();
    let new_store = move || shared.store(&engine);
    let net = Net::default();
    let server = ExportServer::new(component, new_store);
    let error = server.serve(net.transport()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`test:serve/host-bound#write` can't be served: its type has the resource \
         `wasi:io/streams@0.2.6.output-stream`, which stays on its host"
    );
    let ServeError::Functions(functions) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(
        functions[0].cause,
        UnservableCause::HostResource(_)
    ));

    let exports = server
        .skip_function("test:serve/host-bound", "write")
        .serve(net.transport())
        .await
        .unwrap();
    let functions: Vec<_> = exports.functions().collect();
    assert_eq!(functions, ["test:serve/host-bound#plain"]);
}

#[tokio::test]
async fn a_function_that_is_served_already_is_named() {
    let engine = engine();
    let component = prepare(&engine, &guests::host_bound());
    let shared = Shared::default();
    let net = Net::default();
    let server = ExportServer::new(component, move || shared.store(&engine))
        .skip_function("test:serve/host-bound", "write");
    let _served = server.serve(net.transport()).await.unwrap();
    let error = server.serve(net.transport()).await.unwrap_err();
    assert!(matches!(error, ServeError::Register { .. }));
    assert_eq!(
        error.to_string(),
        "the transport does not serve `test:serve/host-bound#plain`"
    );
}

#[tokio::test]
async fn a_resource_of_the_component_needs_one_instance() {
    let engine = engine();
    let component = prepare(&engine, &guests::counters());
    let ty = crate::ext::function(component.component(), "test:serve/counters", "many");
    let shared = Shared::default();
    let net = Net::default();
    let exports = net
        .transport()
        .serve_function(
            move || shared.store(&engine),
            component,
            crate::ext::no_host_resources(),
            ty,
            "test:serve/counters",
            "many",
        )
        .await;
    let error = exports.err().unwrap().to_string();
    assert!(
        error.starts_with("`test:serve/counters#many` can't be served"),
        "{error}"
    );
}

#[tokio::test]
async fn a_shared_instance_serves_no_resource_of_the_host_either() {
    let engine = engine();
    let component = prepare(&engine, &guests::host_bound());
    let ty = crate::ext::function(component.component(), "test:serve/host-bound", "write");
    let mut store = Shared::default().store(&engine);
    let instance = component.instantiate_async(&mut store).await.unwrap();
    let net = Net::default();
    let calls = net
        .transport()
        .serve_function_shared(
            Arc::new(Mutex::new(store)),
            instance,
            [],
            crate::ext::no_host_resources(),
            [],
            ty,
            "test:serve/host-bound",
            "write",
        )
        .await;
    let error = calls.err().unwrap();
    let error: &Unservable = error.downcast_ref().unwrap();
    assert!(matches!(error.cause, UnservableCause::HostResource(_)));
}
