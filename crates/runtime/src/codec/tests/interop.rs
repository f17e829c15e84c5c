//! A component that upstream serves, called with this codec.

use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, Type, Val};
use wasmtime::{AsContextMut as _, Engine};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;
use wrpc_runtime_wasmtime::ServeExt as _;
use wrpc_transport::Invoke as _;
use wrpc_transport::frame::{Oneshot, Server};

use crate::Limits;
use crate::codec::host::{no_resources, store};
use crate::codec::{Decoder, encode_values, resolve};

const WIT: &str = "
package test:interop;
interface i {
    record named { name: string, number: s32 }
    same: func(x: named, flag: bool) -> result<named, string>;
}
world w { export i; }
";

const MODULE: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "test:interop/i#same") (param i32 i32 i32 i32) (result i32)
    ;; `err` where the flag is set
    (i32.store (i32.const 16) (local.get 3))
    (i32.store (i32.const 20) (local.get 0))
    (i32.store (i32.const 24) (local.get 1))
    (i32.store (i32.const 28) (local.get 2))
    (i32.const 16)))"#;

fn component(engine: &Engine) -> Component {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("interop.wit", WIT).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let mut module = wat::parse_str(MODULE).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let binary = ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap();
    Component::new(engine, binary).unwrap()
}

#[tokio::test]
async fn a_component_that_upstream_serves_is_called() {
    let engine = Engine::default();
    let component = component(&engine);
    let ty = component.component_type();
    let Some(ComponentItem::ComponentInstance(instance)) = ty.get_export(&engine, "test:interop/i")
    else {
        panic!("no instance");
    };
    let Some(ComponentItem::ComponentFunc(ty)) = instance.get_export(&engine, "same") else {
        panic!("no function");
    };
    let server = Server::default();
    let linked = Linker::new(&engine).instantiate_pre(&component).unwrap();
    let calls = {
        let engine = engine.clone();
        server
            .serve_function(
                move || store(&engine),
                linked,
                std::collections::HashMap::default(),
                ty.clone(),
                "test:interop/i",
                "same",
            )
            .await
            .unwrap()
    };
    let mut calls = Box::pin(calls);

    let params: Vec<Type> = ty.params().map(|(_, ty)| ty).collect();
    let results: Vec<Type> = ty.results().collect();
    let mut store = store(&engine);
    for flag in [false, true] {
        let named = Val::Record(vec![
            ("name".into(), Val::String("größer".into())),
            ("number".into(), Val::S32(-70_000)),
        ]);
        let encoded = encode_values(
            store.as_context_mut(),
            &[named.clone(), Val::Bool(flag)],
            &params,
            &no_resources(),
            None,
        );
        let (client, accepted) = Oneshot::duplex(1024);
        let params = encoded.unwrap().bytes.freeze();
        let paths: [&[Option<usize>]; 0] = [];
        let (call, taken) = tokio::join!(
            client.invoke((), "test:interop/i", "same", params, paths),
            server.accept(&accepted)
        );
        taken.unwrap();
        let (mut outgoing, incoming) = call.unwrap();
        outgoing.shutdown().await.unwrap();
        let ((), invocation) = calls.next().await.unwrap().unwrap();
        invocation.await.unwrap();

        let mut decoder = Decoder::new(incoming, Limits::default());
        let mut value = decoder
            .read(&results[0], &[0], &no_resources())
            .await
            .unwrap();
        let pending = decoder.take_pending();
        let _ = resolve(&mut store, [&mut value], pending, None).unwrap();
        decoder.finish().await.unwrap();
        let expected = if flag {
            Err(Some(Box::new(Val::String("größer".into()))))
        } else {
            Ok(Some(Box::new(named)))
        };
        assert_eq!(value, Val::Result(expected));
    }
}
