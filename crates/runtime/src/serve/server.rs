//! Every export of a component, served.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{BoxStream, SelectAll};
use futures::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{Instrument as _, debug, debug_span};
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, InstancePre};
use wrpc_runtime_wasmtime::WrpcView;
use wrpc_transport::{Index, Serve};

use super::exports::{self, Export, Resources};
use super::function::{Function, send};
use super::instance::Shared;
use super::task::within;
use super::{
    InvocationError, InvocationFailure, ServeError, StoreFactory, Unservable, UnservableCause,
};
use crate::Limits;
use crate::introspect::{FunctionName, same_interface};

/// One call that was taken: run it to answer the caller.
///
/// It fails with the reason why the caller got no answer. It belongs to nobody else, so it may be
/// spawned, and it ends no matter what becomes of the [`Served`] that it came from. Dropped, it
/// leaves the call unanswered; a guest that shares its instance with other calls goes on to its
/// end all the same.
pub type Invocation = BoxFuture<'static, Result<(), InvocationError>>;

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
/// # A guest that never yields
///
/// A bound on time, here or around the [`Invocation`], takes effect where the guest awaits the
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
    skipped: Vec<Skipped>,
}

struct Skipped {
    instance: Box<str>,
    /// Every function if `None`.
    func: Option<Box<str>>,
}

impl Skipped {
    fn covers(&self, name: &FunctionName) -> bool {
        same_interface(&self.instance, &name.instance)
            && self
                .func
                .as_deref()
                .is_none_or(|func| func == &*name.name || func == name.rpc())
    }
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
            max_handles: 1 << 16,
            max_duration: None,
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

    /// Leaves out all functions of the exported `instance`.
    ///
    /// Without a version, `instance` means every version; it is empty for the functions at the
    /// root of the world.
    #[must_use]
    pub fn skip(mut self, instance: impl Into<Box<str>>) -> Self {
        self.skipped.push(Skipped {
            instance: instance.into(),
            func: None,
        });
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
        self.skipped.push(Skipped {
            instance: instance.into(),
            func: Some(func.into()),
        });
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
        let component = self.component.component();
        let resources = Resources::of(component.engine(), &component.component_type());
        let shared = !resources.types.guest.is_empty();
        let functions = self.plan(&resources, shared)?;
        let runner = self.runner(shared).await?;
        let mut calls = SelectAll::new();
        let mut names = Vec::with_capacity(functions.len());
        for (function, index) in functions {
            let function = Arc::new(function);
            names.push(function.name.to_string().into_boxed_str());
            calls.push(register(transport, function, index, runner.clone()).await?);
        }
        Ok(Served {
            functions: names.into(),
            calls,
        })
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
            if self.skipped.iter().any(|skipped| skipped.covers(&name)) {
                debug!(function = %name, "skipped");
                continue;
            }
            let index = exports::index(component, &name);
            let function = Function::new(name, &ty, resources.types.clone(), &options, self.limits);
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

    async fn runner(&self, shared: bool) -> Result<Runner<T>, ServeError> {
        let (component, store) = (self.component.clone(), Arc::clone(&self.store));
        let max_duration = self.max_duration;
        let instances = if shared {
            let shared = Shared::new(component, store, self.max_handles, max_duration).await;
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

/// Takes calls of one function.
async fn register<S, T>(
    transport: &S,
    function: Arc<Function>,
    index: ComponentExportIndex,
    runner: Runner<T>,
) -> Result<Calls<S::Context>, ServeError>
where
    S: Serve,
    T: WrpcView + 'static,
{
    let name = function.name.clone();
    let calls = transport
        .serve(&name.instance, name.rpc(), function.paths())
        .await
        .map_err(|source| ServeError::Register {
            function: name.to_string().into(),
            source,
        })?;
    debug!(function = %name, "serving");
    let calls = calls.map(move |call| match call {
        Ok((context, outgoing, incoming)) => {
            let (runner, function) = (runner.clone(), Arc::clone(&function));
            let span = debug_span!("invocation", function = %function.name);
            let invocation = async move {
                runner
                    .run(&function, index, outgoing, incoming)
                    .await
                    .map_err(|failure| InvocationError::new(function.name.to_string(), failure))
            };
            Ok((context, Box::pin(invocation.instrument(span)) as Invocation))
        }
        Err(source) => Err(ServeError::Accept {
            function: function.name.to_string().into(),
            source,
        }),
    });
    Ok(calls.boxed())
}

/// How calls get their instance.
enum Instances<T: 'static> {
    PerCall {
        component: InstancePre<T>,
        store: StoreFactory<T>,
    },
    Shared(Arc<Shared<T>>),
}

struct Runner<T: 'static> {
    instances: Instances<T>,
    max_duration: Option<Duration>,
}

impl<T: 'static> Clone for Runner<T> {
    fn clone(&self) -> Self {
        Self {
            instances: match &self.instances {
                Instances::PerCall { component, store } => Instances::PerCall {
                    component: component.clone(),
                    store: Arc::clone(store),
                },
                Instances::Shared(shared) => Instances::Shared(Arc::clone(shared)),
            },
            max_duration: self.max_duration,
        }
    }
}

impl<T: WrpcView + 'static> Runner<T> {
    async fn run<I, O>(
        self,
        function: &Arc<Function>,
        index: ComponentExportIndex,
        outgoing: O,
        incoming: I,
    ) -> Result<(), InvocationFailure>
    where
        I: AsyncRead + Index<I> + Send + Sync + Unpin + 'static,
        O: AsyncWrite + Index<O> + Send + Sync + Unpin + 'static,
    {
        let call = async {
            let params = function.receive(incoming).await?;
            match self.instances {
                Instances::PerCall { component, store } => {
                    function
                        .call_once(&component, index, store(), params, outgoing)
                        .await
                }
                Instances::Shared(shared) => {
                    let (encoded, given) = shared.call(function, index, params).await?;
                    send(outgoing, encoded).await?;
                    given.delivered();
                    Ok(())
                }
            }
        };
        within(self.max_duration, call).await?
    }
}

type Calls<C> = BoxStream<'static, Result<(C, Invocation), ServeError>>;

/// The calls of every function that is served, as they come.
///
/// Yields the transport's context of each call together with the [`Invocation`] that answers it,
/// or [`ServeError::Accept`] if the transport failed to take one. Functions take turns, so a busy
/// one doesn't starve the others. Ends when the transport ends all of them.
///
/// Dropping it stops taking calls; those that were yielded are not affected.
#[must_use = "no calls are taken unless it is polled"]
pub struct Served<C> {
    functions: Arc<[Box<str>]>,
    calls: SelectAll<Calls<C>>,
}

impl<C> Served<C> {
    /// The functions that are served, as `namespace:package/interface#function`.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = &str> {
        self.functions.iter().map(|name| &**name)
    }
}

impl<C> Stream for Served<C> {
    type Item = Result<(C, Invocation), ServeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.calls.poll_next_unpin(cx)
    }
}

impl<C> fmt::Debug for Served<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served")
            .field("functions", &self.functions)
            .finish_non_exhaustive()
    }
}
