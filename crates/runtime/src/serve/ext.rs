//! Functions of a component, one by one, with the arguments that upstream takes.

use core::pin::Pin;
use std::sync::{Arc, PoisonError};

use anyhow::Context as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use tokio::sync::Mutex;
use tracing::{Instrument as _, Span, debug, warn};
use uuid::Uuid;
use wasmtime::Store;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Instance, InstancePre, ResourceType};
use wrpc_runtime_wasmtime::WrpcView;
use wrpc_transport::Serve;

use super::exports::{self, Resources};
use super::function::{Function, send};
use super::given::{Given, Release};
use super::task::to_its_end;
use super::{InvocationError, InvocationFailure, MAX_HANDLES, PARAMS_TIMEOUT, Unservable};
use crate::codec::{Handles, ResourceTypes};
use crate::introspect::FunctionName;
use crate::{HostResources, Limits, LinkOptions};

/// A call that was taken, as upstream hands it out.
type Invocation = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + 'static>>;

type Calls<C> = BoxStream<'static, anyhow::Result<(C, Invocation)>>;

/// Serves single functions of a component.
///
/// The methods are those of `wrpc_runtime_wasmtime::ServeExt`, with the same arguments, so that a
/// host changes one import. Parameters are read within [`Limits::default`], apart from the store,
/// as long as no more than 30 seconds pass without a byte of them.
/// An invocation that fails does so with an [`InvocationError`].
///
/// [`ExportServer`](crate::ExportServer) serves all functions at once, and replaces an instance
/// that has trapped.
pub trait ServeExt: Serve {
    /// Serves a function of `instance_pre`, which gets an instance of its own for each call, in a
    /// store that `store` makes.
    ///
    /// `host_resources` are the resources that the component imports, as it knows them and as the
    /// host defines them; a function that returns `result<T, wrpc:rpc/error.error>` with the
    /// resource defined there answers with `T`, or not at all.
    ///
    /// # Errors
    ///
    /// Fails if the component exports no such function, if the function's type can't travel, or
    /// has resources of the component, and if the transport doesn't take calls of it.
    ///
    /// # Cancellation
    ///
    /// Dropping the stream stops taking calls. Dropping an invocation drops its instance.
    fn serve_function<T>(
        &self,
        store: impl Fn() -> Store<T> + Send + 'static,
        instance_pre: InstancePre<T>,
        host_resources: impl Into<Arc<HostResources>>,
        ty: ComponentFunc,
        instance_name: &str,
        name: &str,
    ) -> impl Future<
        Output = anyhow::Result<
            impl Stream<Item = anyhow::Result<(Self::Context, Invocation)>> + Send + 'static,
        >,
    > + Send
    where
        T: WrpcView + 'static,
    {
        let options = LinkOptions::new(host_resources);
        let name = FunctionName::new(instance_name, name);
        async move {
            let component = instance_pre.component();
            let index = exports::index(component, &name)
                .with_context(|| format!("the component exports no `{name}`"))?;
            let resources = Resources::of(component.engine(), &component.component_type());
            let types = resources.types.clone();
            let function = Function::new(
                name,
                &ty,
                types,
                &options,
                Limits::default(),
                PARAMS_TIMEOUT,
            );
            if let Err(cause) = resources.check(&function, &ty, false) {
                let function = function.name.to_string().into();
                return Err(Unservable { function, cause }.into());
            }
            // Not required to be `Sync`, and needed only once the parameters are complete.
            let store = Arc::new(std::sync::Mutex::new(store));
            serve(self, function, move |function, outgoing, incoming| {
                let (instance_pre, store) = (instance_pre.clone(), Arc::clone(&store));
                async move {
                    let params = function.receive(incoming).await?;
                    let store = store.lock().unwrap_or_else(PoisonError::into_inner)();
                    function
                        .call_once(&instance_pre, index, store, params, outgoing)
                        .await
                }
            })
            .await
        }
    }

    /// Serves a function of `instance`, which lives in a store that the host shares with all calls.
    ///
    /// `guest_resources` are the resource types that the component exports and
    /// `io_stream_resources` those of `wasi:io` streams, both as the type of the component names
    /// them; `host_resources` as for [`serve_function`](Self::serve_function). Functions that
    /// share `store` share its handles, at most 65,536 of them.
    ///
    /// Calls run one after the other. After one of them has trapped, Wasmtime doesn't enter the
    /// instance any more, and all calls fail.
    ///
    /// # Errors
    ///
    /// Fails if the instance exports no such function, if the function's type can't travel, and
    /// if the transport doesn't take calls of it.
    ///
    /// # Cancellation
    ///
    /// Dropping the stream stops taking calls. Dropping an invocation takes effect while it waits
    /// for parameters or for its turn; a guest that runs already goes on to its end.
    #[allow(clippy::too_many_arguments)] // upstream's
    fn serve_function_shared<T>(
        &self,
        store: Arc<Mutex<Store<T>>>,
        instance: Instance,
        guest_resources: impl Into<Arc<[ResourceType]>>,
        host_resources: impl Into<Arc<HostResources>>,
        io_stream_resources: impl Into<Arc<[ResourceType]>>,
        ty: ComponentFunc,
        instance_name: &str,
        name: &str,
    ) -> impl Future<
        Output = anyhow::Result<
            impl Stream<Item = anyhow::Result<(Self::Context, Invocation)>> + Send + 'static,
        >,
    > + Send
    where
        T: WrpcView + 'static,
    {
        let options = LinkOptions::new(host_resources);
        let resources = ResourceTypes {
            guest: guest_resources.into(),
            io_streams: io_stream_resources.into(),
        };
        let name = FunctionName::new(instance_name, name);
        async move {
            let function = Function::new(
                name,
                &ty,
                resources,
                &options,
                Limits::default(),
                PARAMS_TIMEOUT,
            );
            let (func, handles) = {
                let name = &function.name;
                let mut store = store.lock().await;
                let parent = match &*name.instance {
                    "" => None,
                    parent => {
                        let index = instance.get_export_index(&mut *store, None, parent);
                        Some(index.with_context(|| format!("the instance exports no `{parent}`"))?)
                    }
                };
                let func = instance
                    .get_export_index(&mut *store, parent.as_ref(), &name.name)
                    .and_then(|index| instance.get_func(&mut *store, index))
                    .with_context(|| format!("the instance exports no `{name}`"))?;
                let pre = instance.instance_pre(&*store);
                let component = pre.component();
                let exported = Resources::of(component.engine(), &component.component_type());
                exported.check(&function, &ty, true).map_err(|cause| {
                    let function = function.name.to_string().into();
                    Unservable { function, cause }
                })?;
                (func, shared_handles(&mut store)?)
            };
            let shared = Arc::new(HostStore { store, handles });
            serve(self, function, move |function, outgoing, incoming| {
                let shared = Arc::clone(&shared);
                async move {
                    let params = function.receive(incoming).await?;
                    let mut store = Arc::clone(&shared.store).lock_owned().await;
                    let (encoded, given) = to_its_end(async move {
                        let mut handles = shared.handles.lock().await;
                        let encoded = function
                            .call(&mut store, func, params, Some(&mut handles))
                            .await;
                        drop(handles);
                        let mut encoded = encoded?;
                        let given = Given::new(shared, &mut encoded);
                        Ok((encoded, given))
                    })
                    .await?;
                    send(outgoing, encoded).await?;
                    given.delivered();
                    Ok(())
                }
            })
            .await
        }
    }
}

impl<S: Serve> ServeExt for S {}

/// Takes calls of `function`, and answers each with what `invoke` returns.
async fn serve<S, F>(
    transport: &S,
    function: Function,
    invoke: impl Fn(Arc<Function>, S::Outgoing, S::Incoming) -> F + Send + 'static,
) -> anyhow::Result<Calls<S::Context>>
where
    S: Serve + ?Sized,
    F: Future<Output = Result<(), InvocationFailure>> + Send + 'static,
{
    let span = Span::current();
    let function = Arc::new(function);
    let name = function.name.clone();
    let calls = transport
        .serve(&name.instance, name.rpc(), function.paths())
        .await?;
    debug!(function = %name, "serving");
    let calls = calls.map(move |call| {
        let (context, outgoing, incoming) = call?;
        let name = function.name.to_string();
        let answer = invoke(Arc::clone(&function), outgoing, incoming);
        let invocation = async move {
            answer
                .await
                .map_err(|failure| InvocationError::new(name, failure).into())
        };
        Ok((
            context,
            Box::pin(invocation.instrument(span.clone())) as Invocation,
        ))
    });
    Ok(calls.boxed())
}

/// A store of the host, and the handles to what is in it.
struct HostStore<T: 'static> {
    store: Arc<Mutex<Store<T>>>,
    handles: Arc<Mutex<Handles>>,
}

impl<T: WrpcView + 'static> Release for HostStore<T> {
    fn release(self: Arc<Self>, handles: Vec<Uuid>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut store = self.store.lock().await;
            let mut known = self.handles.lock().await;
            for id in handles {
                let Some(entry) = known.remove(&id) else {
                    continue;
                };
                if let Err(error) = entry.resource.resource_drop_async(&mut *store).await {
                    warn!(?error, "a resource that nobody has failed to be dropped");
                }
            }
        })
    }
}

/// The handles to what is in a store, kept in the store's own table so that every function that is
/// served from it finds them.
struct InTable(Arc<Mutex<Handles>>);

fn shared_handles<T: WrpcView>(store: &mut Store<T>) -> anyhow::Result<Arc<Mutex<Handles>>> {
    let table = store.data_mut().wrpc().table;
    let found = table
        .iter_mut()
        .find_map(|entry| entry.downcast_ref::<InTable>());
    if let Some(InTable(handles)) = found {
        return Ok(Arc::clone(handles));
    }
    let handles = Arc::new(Mutex::new(Handles::new(MAX_HANDLES)));
    table.push(InTable(Arc::clone(&handles)))?;
    Ok(handles)
}
