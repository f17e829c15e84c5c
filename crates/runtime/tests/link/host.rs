//! A host for one component.

use core::time::Duration;

use wasmtime::component::{Component, Func, Instance, Linker, ResourceTable, Val};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_runtime::{
    ImportLinker, Linked, SharedResourceTable, WrpcCtx, WrpcCtxView, WrpcView, rpc,
};

use crate::mock::{Mock, Script};

pub(crate) struct Ctx {
    pub(crate) mock: Mock,
    pub(crate) timeout: Option<Duration>,
    shared: SharedResourceTable,
}

impl WrpcCtx<Mock> for Ctx {
    fn context(&self) {}

    fn client(&self) -> &Mock {
        &self.mock
    }

    fn shared_resources(&mut self) -> &mut SharedResourceTable {
        &mut self.shared
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

pub(crate) struct Host {
    pub(crate) ctx: Ctx,
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
}

impl Host {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            ctx: Ctx {
                mock: Mock::new(script),
                timeout: None,
                shared: SharedResourceTable::default(),
            },
            table: ResourceTable::new(),
            wasi: WasiCtx::default(),
        }
    }
}

impl WrpcView for Host {
    type Invoke = Mock;

    fn wrpc(&mut self) -> WrpcCtxView<'_, Mock> {
        WrpcCtxView {
            ctx: &mut self.ctx,
            table: &mut self.table,
        }
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// A component, linked and ready to be called any number of times.
pub(crate) struct Guest {
    pub(crate) component: Component,
    pub(crate) linker: Linker<Host>,
    pub(crate) linked: Linked,
}

impl Guest {
    /// Links `binary` by what `configure` makes of the builder.
    pub(crate) fn new(binary: &[u8], configure: impl FnOnce(ImportLinker) -> ImportLinker) -> Self {
        Self::with_linker(binary, |_| {}, configure).unwrap()
    }

    pub(crate) fn with_linker(
        binary: &[u8],
        prepare: impl FnOnce(&mut Linker<Host>),
        configure: impl FnOnce(ImportLinker) -> ImportLinker,
    ) -> wasmtime::Result<Self> {
        let engine = Engine::default();
        let component = Component::new(&engine, binary)?;
        let mut linker = Linker::new(&engine);
        prepare(&mut linker);
        let report = configure(ImportLinker::new(&component)).link(&mut linker)?;
        Ok(Self {
            component,
            linker,
            linked: report,
        })
    }

    pub(crate) async fn start(&self, script: Script) -> Running {
        let mut store = Store::new(self.component.engine(), Host::new(script));
        let instance = self
            .linker
            .instantiate_async(&mut store, &self.component)
            .await
            .unwrap();
        Running { store, instance }
    }

    /// Calls a function of a fresh instance, against `script`.
    pub(crate) async fn call(
        &self,
        script: Script,
        interface: &str,
        func: &str,
        params: &[Val],
    ) -> wasmtime::Result<Option<Val>> {
        let mut running = self.start(script).await;
        running.call(interface, func, params).await
    }
}

/// An instance.
pub(crate) struct Running {
    pub(crate) store: Store<Host>,
    pub(crate) instance: Instance,
}

impl Running {
    pub(crate) fn func(&mut self, interface: &str, func: &str) -> Func {
        let interface = (!interface.is_empty()).then(|| {
            self.instance
                .get_export_index(&mut self.store, None, interface)
                .unwrap_or_else(|| panic!("no export {interface}"))
        });
        let index = self
            .instance
            .get_export_index(&mut self.store, interface.as_ref(), func)
            .unwrap_or_else(|| panic!("no export {func}"));
        self.instance.get_func(&mut self.store, index).unwrap()
    }

    /// The one result, if the function has one.
    pub(crate) async fn call(
        &mut self,
        interface: &str,
        func: &str,
        params: &[Val],
    ) -> wasmtime::Result<Option<Val>> {
        let func = self.func(interface, func);
        let mut results = vec![Val::Bool(false); func.ty(&self.store).results().len()];
        func.call_async(&mut self.store, params, &mut results)
            .await?;
        Ok(results.pop())
    }

    pub(crate) fn mock(&self) -> &Mock {
        &self.store.data().ctx.mock
    }
}

pub(crate) fn text(text: &str) -> Val {
    Val::String(text.into())
}

pub(crate) fn ok(value: Option<Val>) -> Val {
    Val::Result(Ok(value.map(Box::new)))
}

pub(crate) fn err(value: Val) -> Val {
    Val::Result(Err(Some(Box::new(value))))
}

pub(crate) fn case(name: &str, payload: Val) -> Val {
    Val::Variant(name.into(), Some(Box::new(payload)))
}

/// `failure` of the published WIT.
pub(crate) fn failure(delivery: &str, message: &str) -> Val {
    Val::Record(vec![
        ("delivery".into(), Val::Enum(delivery.into())),
        ("message".into(), text(message)),
    ])
}

/// `rpc-error` of the published WIT.
pub(crate) fn rpc_error(error: &RpcError) -> Val {
    case(
        error.kind().as_str(),
        failure(error.delivery().as_str(), error.message()),
    )
}

/// The entries of a table.
pub(crate) fn entries(table: &mut ResourceTable) -> usize {
    table.iter_mut().count()
}

/// Adds what upstream's host has to a linker.
pub(crate) fn upstream(linker: &mut Linker<Host>) {
    wasmtime_wasi::p2::add_to_linker_async(linker).unwrap();
    rpc::add_to_linker(linker).unwrap();
}
