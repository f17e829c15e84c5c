//! One exported function: what it takes off the wire, calls and puts on it.

use core::time::Duration;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tracing::{debug, trace};
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{ComponentExportIndex, Func, Instance, InstancePre, Type, Val};
use wasmtime::error::Context as _;
use wasmtime::{AsContextMut as _, Store, Trap};
use wrpc_runtime_wasmtime::{WrpcView, WrpcViewExt as _, rpc};
use wrpc_transport::Index;

use super::InvocationFailure;
use crate::codec::{
    Decoder, Encoded, Handles, Pending, ResourceTypes, encode_values, resolve, write_streams,
};
use crate::introspect::FunctionName;
use crate::paths::async_paths;
use crate::{Limits, LinkOptions};

/// Everything about a function that does not change between its calls.
pub(super) struct Function {
    pub(super) name: FunctionName,
    params: Vec<Type>,
    results: Results,
    resources: ResourceTypes,
    limits: Limits,
    params_timeout: Duration,
}

/// What travels back.
enum Results {
    /// The results as declared.
    Declared(Vec<Type>),
    /// The `ok` value of a `result<T, wrpc:rpc/error.error>`, as with upstream: an error means
    /// that there is no result.
    Ok(Vec<Type>),
}

impl Results {
    /// How many results the function has.
    fn count(&self) -> usize {
        match self {
            Self::Declared(types) => types.len(),
            Self::Ok(_) => 1,
        }
    }
}

/// Parameters that have arrived, and are in no store yet.
pub(super) struct Params<R> {
    values: Vec<Val>,
    pending: Vec<Pending<R>>,
    /// Some transports end the children together with their root.
    _incoming: Decoder<R>,
}

impl Function {
    pub(super) fn new(
        name: FunctionName,
        ty: &ComponentFunc,
        resources: ResourceTypes,
        options: &LinkOptions,
        limits: Limits,
        params_timeout: Duration,
    ) -> Self {
        let mut declared: Vec<Type> = ty.results().collect();
        let results = match declared.as_mut_slice() {
            [Type::Result(ty)] if ty.err().is_some_and(|ty| options.is_error_resource(&ty)) => {
                Results::Ok(ty.ok().into_iter().collect())
            }
            _ => Results::Declared(declared),
        };
        Self {
            name,
            params: ty.params().map(|(_, ty)| ty).collect(),
            results,
            resources,
            limits,
            params_timeout,
        }
    }

    /// The types of the values that travel.
    pub(super) fn travelling(&self) -> impl Iterator<Item = &Type> {
        let (Results::Declared(results) | Results::Ok(results)) = &self.results;
        self.params.iter().chain(results)
    }

    /// Where the asynchronous parts of the parameters are.
    pub(super) fn paths(&self) -> Arc<[Box<[Option<usize>]>]> {
        async_paths(&self.params, &self.resources.io_streams).into()
    }

    /// Reads the parameters, as long as they keep coming. Nothing else waits for the caller
    /// meanwhile.
    pub(super) async fn receive<R>(&self, incoming: R) -> Result<Params<R>, InvocationFailure>
    where
        R: AsyncRead + Index<R> + Send + Unpin + 'static,
    {
        let mut decoder = Decoder::new(incoming, self.limits).idle(self.params_timeout);
        let mut values = Vec::with_capacity(self.params.len());
        for (i, ty) in self.params.iter().enumerate() {
            let value = decoder.read(ty, &[i], &self.resources).await;
            values.push(value.map_err(InvocationFailure::Parameters)?);
        }
        decoder
            .reject_surplus()
            .map_err(InvocationFailure::Parameters)?;
        Ok(Params {
            values,
            pending: decoder.take_pending(),
            _incoming: decoder,
        })
    }

    /// Calls the function in `store` and encodes what it returns.
    ///
    /// # Cancellation
    ///
    /// A store that this future was dropped on must not be used again.
    pub(super) async fn call<T, R>(
        &self,
        store: &mut Store<T>,
        func: Func,
        params: Params<R>,
        mut handles: Option<&mut Handles>,
    ) -> Result<Encoded, InvocationFailure>
    where
        T: WrpcView + 'static,
        R: AsyncRead + Send + 'static,
    {
        let Params {
            mut values,
            pending,
            _incoming,
        } = params;
        let lent = resolve(store, &mut values, pending, handles.as_deref_mut())
            .map_err(InvocationFailure::Parameters)?;
        // Wasmtime replaces them all, or returns an error.
        let mut results = vec![Val::Bool(false); self.results.count()];
        trace!(function = %self.name, "call");
        func.call_async(&mut *store, &values, &mut results)
            .await
            .map_err(|error| InvocationFailure::Trap(error.into()))?;
        lent.release(&mut *store);
        self.encode(store, results, handles).await
    }

    /// Answers a call from an instance in `store` that lives as long as the call does.
    pub(super) async fn call_once<T, R, W>(
        &self,
        component: &InstancePre<T>,
        index: ComponentExportIndex,
        mut store: Store<T>,
        params: Params<R>,
        outgoing: W,
    ) -> Result<(), InvocationFailure>
    where
        T: WrpcView + 'static,
        R: AsyncRead + Send + 'static,
        W: AsyncWrite + Index<W> + Unpin,
    {
        let instance = component
            .instantiate_async(&mut store)
            .await
            .map_err(|error| InvocationFailure::Instantiate(error.into()))?;
        let func = exported(&instance, &mut store, index)?;
        let encoded = self.call(&mut store, func, params, None).await?;
        // Streams among the results may depend on what else is in the store.
        send(outgoing, encoded).await
    }

    async fn encode<T>(
        &self,
        store: &mut Store<T>,
        results: Vec<Val>,
        handles: Option<&mut Handles>,
    ) -> Result<Encoded, InvocationFailure>
    where
        T: WrpcView + 'static,
    {
        let (values, types) = match &self.results {
            Results::Declared(types) => (results, types),
            Results::Ok(types) => (take_ok(store, results)?, types),
        };
        let encoded = encode_values(
            store.as_context_mut(),
            &values,
            types,
            &self.resources,
            handles,
        );
        match encoded {
            Ok(encoded) => Ok(encoded),
            Err(error) => {
                // Nobody will ever ask for them.
                for value in &values {
                    drop_resources(store, value).await?;
                }
                Err(InvocationFailure::Results(error.into()))
            }
        }
    }
}

/// The function at `index`, which is an index into the component of `instance`.
pub(super) fn exported<T>(
    instance: &Instance,
    store: &mut Store<T>,
    index: ComponentExportIndex,
) -> Result<Func, InvocationFailure> {
    instance.get_func(store, index).ok_or_else(|| {
        InvocationFailure::Instantiate(anyhow::anyhow!("the instance lacks the function"))
    })
}

/// The value in the `ok` of a `result<T, wrpc:rpc/error.error>`.
fn take_ok<T>(store: &mut Store<T>, results: Vec<Val>) -> Result<Vec<Val>, InvocationFailure>
where
    T: WrpcView + 'static,
{
    let mismatch = |text: &'static str| InvocationFailure::Results(anyhow::Error::msg(text));
    let mut results = results.into_iter();
    match results.next() {
        Some(Val::Result(Ok(value))) => Ok(value.map(|value| *value).into_iter().collect()),
        Some(Val::Result(Err(Some(error)))) => {
            let Val::Resource(error) = *error else {
                return Err(mismatch("the error of the result is no resource"));
            };
            let error = error
                .try_into_resource::<rpc::Error>(&mut *store)
                .and_then(|error| store.data_mut().delete_error(error))
                .context("the error of the result is not wRPC's")
                .map_err(|error| InvocationFailure::Results(error.into()))?;
            Err(InvocationFailure::Rpc(match error {
                rpc::Error::Invoke(error)
                | rpc::Error::IncomingIndex(error)
                | rpc::Error::OutgoingIndex(error) => error,
                rpc::Error::Stream(error) => error.into(),
            }))
        }
        _ => Err(mismatch("the function returned no result")),
    }
}

/// Drops the resources in `value` that are still in the store. Fails if a destructor traps.
async fn drop_resources<T: Send + 'static>(
    store: &mut Store<T>,
    value: &Val,
) -> Result<(), InvocationFailure> {
    let mut values = vec![value];
    while let Some(value) = values.pop() {
        match value {
            Val::Resource(resource) => match resource.resource_drop_async(&mut *store).await {
                Ok(()) => {}
                Err(error) if error.is::<Trap>() => {
                    return Err(InvocationFailure::Trap(error.into()));
                }
                Err(error) => debug!(?error, "a resource had left the store already"),
            },
            Val::List(more) | Val::Tuple(more) => values.extend(more),
            Val::Record(fields) => values.extend(fields.iter().map(|(_, value)| value)),
            Val::Variant(_, Some(value))
            | Val::Option(Some(value))
            | Val::Result(Ok(Some(value)) | Err(Some(value))) => values.push(value),
            _ => {}
        }
    }
    Ok(())
}

/// Writes the results to the caller, to their end.
pub(super) async fn send<W>(mut outgoing: W, encoded: Encoded) -> Result<(), InvocationFailure>
where
    W: AsyncWrite + Index<W> + Unpin,
{
    let Encoded { bytes, streams, .. } = encoded;
    outgoing
        .write_all(&bytes)
        .await
        .map_err(InvocationFailure::Write)?;
    match outgoing.shutdown().await {
        Ok(()) => {}
        // The close is all that there is to a result without a value.
        Err(error) if bytes.is_empty() => return Err(InvocationFailure::Write(error)),
        // A caller with a complete result may be gone by now.
        Err(error) => debug!(?error, "the caller did not wait for the end of the results"),
    }
    write_streams(&outgoing, streams)
        .await
        .map_err(InvocationFailure::Write)
}
