//! One component and what it runs on: WASI, and the stack for everything else that it imports.

use core::time::Duration;

use tower::ServiceBuilder;
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable};
use wasmtime::{Engine, Store, StoreLimits};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::{WasiHttpCtxView, WasiHttpView};
use wrpc_middleware::link::{LinkAuthorization, LinkNames};
use wrpc_middleware::links::names::{self, LinkNamesView};
use wrpc_middleware::liveness::{TargetLiveness, TargetLivenessLayer};
use wrpc_middleware::nats::{CallContext, Client};
use wrpc_middleware::runtime::{ImportLinker, Limits, Linked};
use wrpc_middleware::telemetry::metrics::client::{Metrics, MetricsLayer};
use wrpc_middleware::telemetry::trace::client::{Trace, TraceLayer};
use wrpc_middleware::timeout::{Timeout, TimeoutLayer};
use wrpc_middleware::{Context, Invoker, Stack};
use wrpc_runtime_wasmtime::{SharedResourceTable, WrpcCtx, WrpcCtxView, WrpcView};

use crate::engine;
use crate::error::Error;
use crate::http::WasiHttp;
use crate::id::Id;
use crate::links::{Bare, Entry, HostLinks, Links};
use crate::metrics::Telemetry;

/// What carries the calls of a component: metrics, traces, links, deadline, liveness, NATS.
type Service =
    Metrics<Trace<LinkAuthorization<Timeout<TargetLiveness<Client>, Duration>, HostLinks>>>;

/// The stack as an `Invoke`.
pub type HostInvoker = Invoker<Service, CallContext>;

/// How the calls of a component are made.
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// Who calls: the source of its links.
    pub id: Id,
    /// The deadline of a call.
    pub timeout: Duration,
    /// How long a target has to take a call.
    pub handshake_timeout: Duration,
    /// The longest silence of a byte stream, in place of the deadline.
    pub stream_idle: Option<Duration>,
    /// What a peer's values may take.
    pub limits: Limits,
}

/// What each instance of a component is given.
#[derive(Clone)]
pub struct Host {
    engine: Engine,
    invoker: HostInvoker,
    context: CallContext,
}

impl Host {
    /// A host whose components call over `client` what `links` permits, measured by
    /// `telemetry`.
    #[must_use]
    pub fn new(
        engine: &Engine,
        client: Client,
        links: impl Into<HostLinks>,
        options: &CallOptions,
        telemetry: &Telemetry,
    ) -> Self {
        let mut timeout = TimeoutLayer::new(options.timeout);
        if let Some(limit) = options.stream_idle {
            timeout = timeout.stream_idle(limit);
        }
        let stack = Stack::new(links.into())
            .timeout_layer(timeout)
            .liveness_layer(
                TargetLivenessLayer::new(options.handshake_timeout)
                    .observer(telemetry.client().clone()),
            );
        let service = ServiceBuilder::new()
            .layer(MetricsLayer::new(telemetry.client().clone()))
            .layer(TraceLayer::new())
            .layer(stack)
            .service(client);
        Self {
            engine: engine.clone(),
            invoker: Invoker::new(service),
            context: Context::new(None).with_source(options.id.to_shared()),
        }
    }

    /// The context of the calls that a component makes of its own accord.
    #[must_use]
    pub fn context(&self) -> &CallContext {
        &self.context
    }

    /// A store for one instance.
    #[must_use]
    pub fn store(&self) -> Store<State> {
        let state = State {
            table: ResourceTable::new(),
            // The result is on stdout, so what the guest prints goes to stderr.
            wasi: WasiCtxBuilder::new()
                .stdout(wasmtime_wasi::cli::stderr())
                .inherit_stderr()
                .build(),
            http: WasiHttp::default(),
            limits: StoreLimits::default(),
            wrpc: Wrpc {
                invoker: self.invoker.clone(),
                context: self.context.clone(),
                names: LinkNames::new(),
                shared: SharedResourceTable::default(),
            },
        };
        engine::store(&self.engine, state)
    }
}

/// Links WASI, the selection of links, and everything else that `component` imports over wRPC.
///
/// The links that start from the component's own id say which functions are `bare`.
///
/// # Errors
///
/// [`Error::Import`] with the first import that can't be linked.
pub fn link(
    component: &Component,
    options: &CallOptions,
    links: &Links,
) -> Result<InstancePre<State>, Error> {
    link_with(component, options, links, |_| Ok(()))
}

/// The same, where `define` adds to WASI what else the host provides itself.
///
/// # Errors
///
/// Those of [`link`], and of `define`.
pub(crate) fn link_with(
    component: &Component,
    options: &CallOptions,
    links: &Links,
    define: impl FnOnce(&mut Linker<State>) -> wasmtime::Result<()>,
) -> Result<InstancePre<State>, Error> {
    let mut linker = Linker::new(component.engine());
    let import = |error: wasmtime::Error| Error::Import(error.into());
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(import)?;
    names::add_to_linker(&mut linker).map_err(import)?;
    define(&mut linker).map_err(import)?;
    let mut imports = ImportLinker::new(component).limits(options.limits);
    let own = |link: &&Entry| link.source == options.id;
    let own: Vec<_> = links.entries().iter().filter(own).collect();
    tell_differences(&own);
    for link in own {
        let interface = link.interface.as_str();
        match &link.bare {
            Bare::None => {}
            Bare::All => imports = imports.bare_instance(interface),
            Bare::Functions(functions) => {
                for function in functions {
                    imports = imports.bare(interface, function.as_str());
                }
            }
        }
    }
    log(&imports.link_with_rpc(&mut linker).map_err(import)?);
    linker.instantiate_pre(component).map_err(import)
}

fn log(linked: &Linked) {
    for function in &linked.functions {
        tracing::info!("linked over wRPC: {function}");
    }
    for mark in &linked.unused_bare {
        tracing::warn!("a link says that {mark} is bare, but the component imports no such thing");
    }
}

/// A component is linked once, for all targets of an interface.
fn tell_differences(links: &[&Entry]) {
    for (nth, link) in links.iter().enumerate() {
        let others = links.iter().take(nth);
        let mut same = others.filter(|other| other.interface == link.interface);
        if same.any(|other| other.bare != link.bare) {
            tracing::warn!(
                "the links from {} for {} differ in what is bare: a function is, if one of them says so",
                link.source,
                link.interface
            );
        }
    }
}

/// The data of a store.
pub struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttp,
    limits: StoreLimits,
    wrpc: Wrpc,
}

impl State {
    /// Sets the context of the calls that the component makes from now on.
    pub fn set_context(&mut self, context: CallContext) {
        self.wrpc.context = context;
    }

    /// Bounds how many resources of the host the guest may hold. One more traps.
    pub(crate) fn limit_resources(&mut self, max: usize) {
        self.table.set_max_capacity(max);
    }

    /// What the store may take, for [`Store::limiter`].
    pub(crate) fn limits(&mut self) -> &mut StoreLimits {
        &mut self.limits
    }
}

struct Wrpc {
    invoker: HostInvoker,
    context: CallContext,
    names: LinkNames,
    shared: SharedResourceTable,
}

impl WrpcCtx<HostInvoker> for Wrpc {
    fn context(&self) -> CallContext {
        self.context.clone().with_link_names(self.names.clone())
    }

    fn client(&self) -> &HostInvoker {
        &self.invoker
    }

    fn shared_resources(&mut self) -> &mut SharedResourceTable {
        &mut self.shared
    }
}

impl WrpcView for State {
    type Invoke = HostInvoker;

    fn wrpc(&mut self) -> WrpcCtxView<'_, HostInvoker> {
        WrpcCtxView {
            ctx: &mut self.wrpc,
            table: &mut self.table,
        }
    }
}

impl LinkNamesView for State {
    fn link_names(&mut self) -> &mut LinkNames {
        &mut self.wrpc.names
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.http.view(&mut self.table)
    }
}
