//! Hosts of components: with the project's adapter, and with upstream's for the control runs.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable, ResourceType, Val};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::DynInputStream;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wrpc_runtime_wasmtime::{SharedResourceTable, WrpcCtx, WrpcCtxView, WrpcView};
use wrpc_transport::Invoke;

use crate::support::outcome::Outcome;

/// The interface whose functions return `rpc-error`.
pub const GREETER: &str = "test:app/greeter@0.1.0";

/// The store's data.
pub struct State<I: Invoke> {
    wasi: WasiCtx,
    table: ResourceTable,
    rpc: Rpc<I>,
}

struct Rpc<I: Invoke> {
    client: I,
    context: I::Context,
    timeout: Option<Duration>,
    resources: SharedResourceTable,
}

impl<I: Invoke<Context: Clone>> State<I> {
    pub fn new(client: I, context: I::Context, timeout: Option<Duration>) -> Self {
        Self {
            wasi: WasiCtx::default(),
            table: ResourceTable::new(),
            rpc: Rpc {
                client,
                context,
                timeout,
                resources: SharedResourceTable::default(),
            },
        }
    }
}

impl<I: Invoke> State<I> {
    /// Sets the context of the calls from now on.
    pub fn set_context(&mut self, context: I::Context) {
        self.rpc.context = context;
    }
}

impl<I: Invoke<Context: Clone>> WrpcCtx<I> for Rpc<I> {
    fn context(&self) -> I::Context {
        self.context.clone()
    }

    fn client(&self) -> &I {
        &self.client
    }

    fn shared_resources(&mut self) -> &mut SharedResourceTable {
        &mut self.resources
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

impl<I: Invoke<Context: Clone>> WrpcView for State<I> {
    type Invoke = I;

    fn wrpc(&mut self) -> WrpcCtxView<'_, I> {
        WrpcCtxView {
            ctx: &mut self.rpc,
            table: &mut self.table,
        }
    }
}

impl<I: Invoke> WasiView for State<I> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// A component whose imports are linked over a client; every call gets an instance of its own.
#[derive(Clone)]
pub struct Host<I: Invoke + 'static> {
    pre: InstancePre<State<I>>,
    client: I,
    context: I::Context,
    timeout: Option<Duration>,
}

impl<I> Host<I>
where
    I: Invoke<Context: Clone + 'static> + Clone + 'static,
{
    /// Links `component` the way that `link` does.
    pub fn new(
        component: &[u8],
        client: I,
        context: I::Context,
        link: impl FnOnce(&Component, &mut Linker<State<I>>) -> wasmtime::Result<()>,
    ) -> wasmtime::Result<Self> {
        let engine = Engine::default();
        let component = Component::new(&engine, component)?;
        let mut linker = Linker::new(&engine);
        link(&component, &mut linker)?;
        Ok(Self {
            pre: linker.instantiate_pre(&component)?,
            client,
            context,
            timeout: None,
        })
    }

    /// Links every import the way that upstream's hosts do.
    pub fn upstream(component: &[u8], client: I, context: I::Context) -> Self {
        Self::new(component, client, context, link_upstream)
            .expect("a component that upstream links")
    }

    /// Sets the timeout of the store's wRPC context.
    pub fn context_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Calls `instance#func`, or `func` at the root if `instance` is empty, with one string.
    pub async fn call(&self, instance: &str, func: &str, arg: &str) -> Outcome {
        let state = State::new(self.client.clone(), self.context.clone(), self.timeout);
        let mut store = Store::new(self.pre.engine(), state);
        let outcome = call(&self.pre, &mut store, instance, func, arg).await;
        if matches!(outcome, Outcome::Returned(_)) {
            // No test returns a handle, so all that a call put into the host's table is gone.
            assert!(store.data().table.is_empty(), "handles outlive their call");
        }
        outcome
    }

    /// Calls `greet` of the interface [`GREETER`].
    pub async fn greet(&self, name: &str) -> Outcome {
        self.call(GREETER, "greet", name).await
    }
}

/// Defines the component's imports over wRPC with upstream's adapter, all but those of `wasi`.
pub fn link_upstream<I>(
    component: &Component,
    linker: &mut Linker<State<I>>,
) -> wasmtime::Result<()>
where
    I: Invoke<Context: Clone + 'static> + 'static,
{
    let engine = component.engine();
    let ty = component.component_type();
    // Upstream leaves it to the host to find these.
    let mut resources = HashMap::<_, HashMap<_, _>>::new();
    for (instance, item) in ty.imports(engine) {
        let ComponentItem::ComponentInstance(ty) = item else {
            continue;
        };
        for (name, item) in ty.exports(engine) {
            if let ("input-stream", ComponentItem::Resource(guest)) = (name, item) {
                let types = (guest, ResourceType::host::<DynInputStream>());
                let instance = resources.entry(instance.into()).or_default();
                instance.insert(name.into(), types);
            }
        }
    }
    let resources = Arc::new(resources);
    for (name, item) in ty.imports(engine) {
        if name.starts_with("wasi:") {
            continue;
        }
        let resources = Arc::clone(&resources);
        let root = &mut linker.root();
        wrpc_runtime_wasmtime::link_item(engine, root, [], resources, item, "", name)?;
    }
    Ok(())
}

/// Instantiates a component and calls one of its functions as [`Host::call`] does.
pub async fn call<T: Send>(
    pre: &InstancePre<T>,
    store: &mut Store<T>,
    instance: &str,
    func: &str,
    arg: &str,
) -> Outcome {
    let component = pre.component();
    let parent = (!instance.is_empty()).then(|| {
        component
            .get_export_index(None, instance)
            .expect("an exported instance")
    });
    let index = component
        .get_export_index(parent.as_ref(), func)
        .expect("an exported function");
    let result = async {
        let func = pre
            .instantiate_async(&mut *store)
            .await?
            .get_func(&mut *store, index)
            .expect("a function");
        let mut results = vec![Val::Bool(false); func.ty(&*store).results().len()];
        func.call_async(&mut *store, &[Val::String(arg.to_owned())], &mut results)
            .await?;
        wasmtime::Result::Ok(results.pop())
    };
    match result.await {
        Ok(val) => Outcome::Returned(val),
        Err(error) => Outcome::Trapped(error),
    }
}
