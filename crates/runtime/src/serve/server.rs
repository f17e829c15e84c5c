//! Every export of a component, served.

use core::time::Duration;
use std::sync::Arc;

use tracing::debug;
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, InstancePre};
use wrpc_runtime_wasmtime::WrpcView;
use wrpc_transport::Serve;

use super::enter::{Entrance, Exit};
use super::exports::{self, Export, Resources};
use super::function::Function;
use super::instance::Shared;
use super::runner::{Instances, Runner, register};
use super::{
    MAX_HANDLES, PARAMS_TIMEOUT, ServeError, Served, StoreFactory, Unservable, UnservableCause,
};
use crate::Limits;
use crate::introspect::FunctionPattern;

/// Serves every function that a component exports.
///
/// ```no_run
/// use futures::StreamExt as _;
/// use wasmtime::Store;
/// use wasmtime::component::InstancePre;
/// use wrpc_middleware_runtime::{ExportServer, WrpcView};
///
/// # async fn run<T: WrpcView + 'static>(
/// #     component: InstancePre<T>,
/// #     new_store: impl Fn() -> Store<T> + Send + Sync + 'static,
/// #     transport: impl wrpc_transport::Serve,
/// # ) -> Result<(), wrpc_middleware_runtime::ServeError> {
/// let mut calls = ExportServer::new(component, new_store).serve(&transport).await?;
/// while let Some(call) = calls.next().await {
///     let (_context, invocation) = call?;
///     tokio::spawn(async move {
///         if let Err(error) = invocation.await {
///             eprintln!("{:#}", anyhow::Error::from(error));
///         }
///     });
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Which instance runs a call
///
/// Calls of a component that exports no resources run in parallel, each in a store and an instance
/// of its own. A component that exports resources has state that outlives a call, so it has one
/// instance: its calls run one after the other, in the order in which their parameters were
/// complete. That instance is replaced, together with its store, after a trap, since Wasmtime
/// enters no instance that has trapped. Handles to the resources of the old one are unknown from
/// then on, and calls with them fail with [`DecodeError::UnknownHandle`](crate::DecodeError).
///
/// A resource that the component imports is taken for one of the caller's, which the guest may hold
/// and give back ([`RemoteResource`](crate::RemoteResource)); an `input-stream` of `wasi:io`
/// travels as a stream. Other resources of `wasi` can't travel.
///
/// # What is bounded
///
/// Parameters are read within [`Limits`], without a store: a caller that sends them slowly holds up
/// nobody, and one that stops sending them is given up after a
/// [while](Self::params_timeout). The number of handles that callers hold is bounded, and so is the time
/// of a call if [`max_duration`](Self::max_duration) says so. How many calls run at a time is up to
/// who runs the invocations.
///
/// # A guest that never yields
///
/// A bound on time, here or around the [`Invocation`](crate::Invocation), takes effect where the guest awaits the
/// host. One that computes without end is polled without end. So let the store factory make guests
/// yield: with [`Config::epoch_interruption`](wasmtime::Config::epoch_interruption), a thread that
/// calls [`Engine::increment_epoch`](wasmtime::Engine::increment_epoch), and
/// [`Store::epoch_deadline_async_yield_and_update`]. To end a guest by a trap instead, use
/// [`Store::epoch_deadline_trap`].
pub struct ExportServer<T: 'static> {
    component: InstancePre<T>,
    store: StoreFactory<T>,
    limits: Limits,
    max_handles: usize,
    max_duration: Option<Duration>,
    params_timeout: Duration,
    skipped: Vec<FunctionPattern>,
}

impl<T: WrpcView + 'static> ExportServer<T> {
    /// Serves the component of `component`, in stores that `store` makes.
    pub fn new(
        component: InstancePre<T>,
        store: impl Fn() -> Store<T> + Send + Sync + 'static,
    ) -> Self {
        Self {
            component,
            store: Arc::new(store),
            limits: Limits::default(),
            max_handles: MAX_HANDLES,
            max_duration: None,
            params_timeout: PARAMS_TIMEOUT,
            skipped: Vec::new(),
        }
    }

    /// Bounds the parameters of a call. [`Limits::default`] otherwise.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Bounds how many handles to resources of the component its peers hold, all together. 65,536
    /// by default.
    ///
    /// Past it, a call that would return one more ends without a result. A handle is given back
    /// only where a function takes the resource by value; wRPC has no message for a caller that
    /// drops it. All are given back when the instance is replaced.
    #[must_use]
    pub fn max_handles(mut self, max: usize) -> Self {
        self.max_handles = max;
        self
    }

    /// Bounds how long a call may take, from when it is taken until its results, streams included,
    /// are written. Unbounded by default.
    ///
    /// A call that takes longer ends without a result. Where each call has an instance of its own,
    /// the instance is dropped with it. Where they share one, time counts for the caller from
    /// when the call is taken, but for the instance only from when it is its turn; an instance
    /// that is busy for longer is replaced.
    ///
    /// See [above](#a-guest-that-never-yields) for guests that compute without end.
    #[must_use]
    pub fn max_duration(mut self, max: Duration) -> Self {
        self.max_duration = Some(max);
        self
    }

    /// Bounds how long a caller may send nothing while its parameters are incomplete. 30 seconds
    /// by default; with [`Duration::MAX`] there is no bound.
    ///
    /// The call fails then with [`DecodeError::Idle`](crate::DecodeError::Idle), and is forgotten:
    /// a caller that died halfway leaves nothing behind. The time counts anew from each byte, so
    /// that a large value may take long; [`max_duration`](Self::max_duration) bounds all of it.
    /// Streams among the parameters are read by the guest, and not bounded by this.
    #[must_use]
    pub fn params_timeout(mut self, timeout: Duration) -> Self {
        self.params_timeout = timeout;
        self
    }

    /// Leaves out all functions of the exported `instance`.
    ///
    /// Without a version, `instance` means every version; it is empty for the functions at the
    /// root of the world.
    #[must_use]
    pub fn skip(mut self, instance: impl Into<Box<str>>) -> Self {
        self.skipped.push(FunctionPattern::all(instance));
        self
    }

    /// Leaves out one function of the exported `instance`.
    ///
    /// `func` is its name with or without what kind of function of a resource it is.
    #[must_use]
    pub fn skip_function(
        mut self,
        instance: impl Into<Box<str>>,
        func: impl Into<Box<str>>,
    ) -> Self {
        self.skipped.push(FunctionPattern::one(instance, func));
        self
    }

    /// Takes calls of the functions from `transport`, until what this returns is dropped.
    ///
    /// A component that exports resources is instantiated before any call is taken.
    ///
    /// # Errors
    ///
    /// [`ServeError::Functions`] names all functions whose types can't travel; `skip` them to
    /// serve the others. [`ServeError::Instantiate`] and [`ServeError::Register`] otherwise.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves no function registered.
    pub async fn serve<S: Serve>(&self, transport: &S) -> Result<Served<S::Context>, ServeError> {
        self.register_all(transport, None).await
    }

    /// Does the same, and tells stores about the calls that their guests run for.
    ///
    /// Before a guest runs for a call, `set` puts into the data of the store what `of_call` makes of
    /// the transport's context of that call. Where calls share an instance, this is done for each,
    /// when it is its turn, and with what `of_call` makes of `None` after each.
    ///
    /// So the calls that the guest itself makes meanwhile can carry on what its caller has said,
    /// the deadline above all: make [`WrpcCtx::context`](crate::WrpcCtx::context) of it.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    ///
    /// # Cancellation
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_with<S, V>(
        &self,
        transport: &S,
        of_call: impl Fn(Option<&S::Context>) -> V + Send + Sync + 'static,
        set: impl Fn(&mut T, V) + Send + Sync + 'static,
    ) -> Result<Served<S::Context>, ServeError>
    where
        S: Serve,
        V: Send + 'static,
    {
        let entrance = Entrance::new(of_call, set);
        self.register_all(transport, Some(entrance)).await
    }

    async fn register_all<S: Serve>(
        &self,
        transport: &S,
        entrance: Option<Entrance<T, S::Context>>,
    ) -> Result<Served<S::Context>, ServeError> {
        let component = self.component.component();
        let resources = Resources::of(component.engine(), &component.component_type());
        let shared = !resources.types.guest.is_empty();
        let functions = self.plan(&resources, shared)?;
        let exit = entrance.as_ref().map(Entrance::exit);
        let runner = self.runner(shared, exit).await?;
        let mut served = Served::new();
        for (function, index) in functions {
            let name = function.name.to_string();
            let (function, runner) = (Arc::new(function), runner.clone());
            let calls = register(transport, function, index, runner, entrance.clone()).await?;
            served.push(name, calls);
        }
        Ok(served)
    }

    /// What is to be served.
    fn plan(
        &self,
        resources: &Resources,
        shared: bool,
    ) -> Result<Vec<(Function, ComponentExportIndex)>, ServeError> {
        let component = self.component.component();
        let options = resources.link_options();
        let mut functions = Vec::new();
        let mut unservable = Vec::new();
        for Export { name, ty } in exports::functions(component) {
            if self.skipped.iter().any(|skipped| skipped.matches(&name)) {
                debug!(function = %name, "skipped");
                continue;
            }
            let index = exports::index(component, &name);
            let (types, timeout) = (resources.types.clone(), self.params_timeout);
            let function = Function::new(name, &ty, types, &options, self.limits, timeout);
            let checked = resources.check(&function, &ty, shared);
            match checked.and_then(|()| index.ok_or(UnservableCause::Missing)) {
                Ok(index) => functions.push((function, index)),
                Err(cause) => unservable.push(Unservable {
                    function: function.name.to_string().into(),
                    cause,
                }),
            }
        }
        if unservable.is_empty() {
            Ok(functions)
        } else {
            Err(ServeError::Functions(unservable))
        }
    }

    async fn runner(&self, shared: bool, exit: Option<Exit<T>>) -> Result<Runner<T>, ServeError> {
        let (component, store) = (self.component.clone(), Arc::clone(&self.store));
        let max_duration = self.max_duration;
        let instances = if shared {
            let handles = self.max_handles;
            let shared = Shared::new(component, store, handles, max_duration, exit).await;
            let shared = shared.map_err(|error| ServeError::Instantiate(error.into()))?;
            Instances::Shared(Arc::new(shared))
        } else {
            Instances::PerCall { component, store }
        };
        Ok(Runner {
            instances,
            max_duration,
        })
    }
}
