//! A host of components.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use wasmtime::component::{Component, InstancePre, Linker, Resource, ResourceTable, ResourceType};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wrpc_middleware_runtime::{
    RemoteResource, SharedResourceTable, WrpcCtx, WrpcCtxView, WrpcView, WrpcViewExt as _, rpc,
};

use crate::net::Client;

/// What calls of a test share.
#[derive(Clone, Default)]
pub(crate) struct Shared {
    /// How many stores were made.
    pub(crate) stores: Arc<AtomicUsize>,
    /// How many of them are still there.
    pub(crate) alive: Arc<AtomicUsize>,
    /// How many guests wait in `pause`, or have.
    pub(crate) pausing: Arc<AtomicUsize>,
    /// A permit lets one guest out of `pause`.
    pub(crate) gate: Arc<Gate>,
    /// The calls that guests ran for when they came to `pause`.
    pub(crate) paused_for: Arc<Mutex<Vec<Option<u32>>>>,
}

pub(crate) struct Gate(pub(crate) Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

pub(crate) struct Host {
    pub(crate) table: ResourceTable,
    /// The call that the guest runs for, if its server says so.
    pub(crate) call: Option<u32>,
    ctx: Ctx,
    wasi: WasiCtx,
    shared: Shared,
}

struct Ctx {
    client: Client,
    resources: SharedResourceTable,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shared.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl WrpcCtx<Client> for Ctx {
    fn context(&self) {}

    fn client(&self) -> &Client {
        &self.client
    }

    fn shared_resources(&mut self) -> &mut SharedResourceTable {
        &mut self.resources
    }
}

impl WrpcView for Host {
    type Invoke = Client;

    fn wrpc(&mut self) -> WrpcCtxView<'_, Client> {
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

impl Shared {
    pub(crate) fn store(&self, engine: &Engine) -> Store<Host> {
        self.stores.fetch_add(1, Ordering::SeqCst);
        self.alive.fetch_add(1, Ordering::SeqCst);
        let (client, _) = Client::duplex(64);
        let mut store = Store::new(
            engine,
            Host {
                table: ResourceTable::new(),
                call: None,
                ctx: Ctx {
                    client,
                    resources: SharedResourceTable::default(),
                },
                wasi: WasiCtx::builder().build(),
                shared: self.clone(),
            },
        );
        // So that a guest which computes without end is polled in slices.
        store.set_fuel(u64::MAX).unwrap();
        store.fuel_async_yield_interval(Some(10_000)).unwrap();
        store
    }
}

pub(crate) fn engine() -> Engine {
    let mut config = Config::new();
    config.consume_fuel(true);
    Engine::new(&config).unwrap()
}

/// The component, linked to what the guests of these tests import.
pub(crate) fn prepare(engine: &Engine, binary: &[u8]) -> InstancePre<Host> {
    let component = Component::new(engine, binary).unwrap();
    let mut linker = Linker::<Host>::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    let mut errors = linker.instance("wrpc:rpc/error@0.1.0").unwrap();
    errors
        .resource(
            "error",
            ResourceType::host::<rpc::Error>(),
            |mut store, rep| {
                store
                    .data_mut()
                    .delete_error(Resource::new_own(rep))
                    .map(drop)
            },
        )
        .unwrap();
    let mut peers = linker.instance("test:serve/peers").unwrap();
    peers
        .resource("thing", ResourceType::host::<RemoteResource>(), |_, _| {
            Ok(())
        })
        .unwrap();
    let mut host = linker.instance("test:serve/host").unwrap();
    host.func_wrap_async("pause", |store, (): ()| {
        let shared = store.data().shared.clone();
        shared.paused_for.lock().unwrap().push(store.data().call);
        Box::new(async move {
            shared.pausing.fetch_add(1, Ordering::SeqCst);
            shared.gate.0.acquire().await?.forget();
            Ok(())
        })
    })
    .unwrap();
    host.func_wrap("panic", |_, (): ()| -> wasmtime::Result<()> {
        panic!("a bug of the host")
    })
    .unwrap();
    host.func_wrap("fail", |mut store, (): ()| {
        let error = rpc::Error::Invoke(anyhow::anyhow!("a callee of the guest is away"));
        Ok((store.data_mut().push_error(error)?,))
    })
    .unwrap();
    linker.instantiate_pre(&component).unwrap()
}
