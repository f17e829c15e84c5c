//! A Wasmtime host: one component, whose imports go over NATS.
//!
//! ```console
//! $ nats-server &
//! $ wrpc-host serve --id greeter greeter.wasm &
//! $ cargo run --example wasmtime_host -- client.wasm 'test:app/greeter@0.1.0' greet bob
//! ```
//!
//! It calls a function with a string that the component exports, and prints what it returns.

use core::time::Duration;

use anyhow::Context as _;
use tower::Layer as _;
use wasmtime::component::{Component, Linker, ResourceTable, Val};
use wasmtime::{Engine, Store};
use wrpc_middleware::link::{Link, LinkTable};
use wrpc_middleware::nats::{CallContext, ConnectOptions, Options, connect};
use wrpc_middleware::runtime::{ImportLinker, SharedResourceTable, WrpcCtx, WrpcCtxView, WrpcView};
use wrpc_middleware::{Context, Invoker, Stack, Target};
use wrpc_transport::Invoke;

/// Who calls: the source of its links.
const ID: &str = "client";

/// What a store holds.
struct State<T> {
    wrpc: Wrpc<T>,
    table: ResourceTable,
}

struct Wrpc<T> {
    transport: T,
    resources: SharedResourceTable,
}

impl<T: Invoke<Context = CallContext>> WrpcCtx<T> for Wrpc<T> {
    // The host says who calls. A guest can't.
    fn context(&self) -> CallContext {
        Context::new(None).with_source(ID)
    }

    fn client(&self) -> &T {
        &self.transport
    }

    fn shared_resources(&mut self) -> &mut SharedResourceTable {
        &mut self.resources
    }
}

impl<T: Invoke<Context = CallContext>> WrpcView for State<T> {
    type Invoke = T;

    fn wrpc(&mut self) -> WrpcCtxView<'_, T> {
        WrpcCtxView {
            ctx: &mut self.wrpc,
            table: &mut self.table,
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [component, interface, func, arg] = args.as_slice() else {
        anyhow::bail!("usage: wasmtime_host COMPONENT INTERFACE FUNCTION STRING");
    };

    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".into());
    let options = Options::new().id(ID).prefix("default");
    let leaf = connect(ConnectOptions::new(url).client(options)).await?;
    // One link for each interface that the component may call, and a target for each.
    let links = LinkTable::new([Link::new(
        ID,
        Target::new("greeter")?,
        "test:app/greeter".parse()?,
    )])?;
    let stack = Stack::new(links)
        .timeout(Duration::from_secs(2))
        .handshake_timeout(Duration::from_millis(500));
    let transport = Invoker::<_, CallContext>::new(stack.layer(leaf));

    let engine = Engine::default();
    let component = Component::from_file(&engine, component)?;
    let mut linker = Linker::new(&engine);
    // What the host defines itself, WASI say, comes first; this is all the rest.
    let imports = ImportLinker::new(&component).link(&mut linker)?;
    eprintln!("{imports:?}");

    let wrpc = Wrpc {
        transport,
        resources: SharedResourceTable::default(),
    };
    let table = ResourceTable::new();
    let mut store = Store::new(&engine, State { wrpc, table });
    let instance = linker.instantiate_async(&mut store, &component).await?;
    let exported = instance
        .get_export_index(&mut store, None, interface)
        .and_then(|interface| instance.get_export_index(&mut store, Some(&interface), func))
        .and_then(|func| instance.get_func(&mut store, func))
        .with_context(|| format!("the component exports no {interface}#{func}"))?;
    let mut results = [Val::Bool(false)];
    exported
        .call_async(&mut store, &[Val::String(arg.clone())], &mut results)
        .await?;
    println!("{:?}", results[0]);
    Ok(())
}
