//! One call of an import.

use core::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use tracing::{debug, instrument};
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{ResourceType, Type, Val};
use wasmtime::error::Context as _;
use wasmtime::{AsContextMut as _, StoreContextMut, bail};
use wasmtime_wasi::p2::DynInputStream;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_runtime_wasmtime::{WrpcView, WrpcViewExt as _, rpc};
use wrpc_transport::Invoke;

use super::exchange::{bounded, exchange};
use super::plan::{Failure, FunctionPlan};
use super::watch::Watched;
use crate::Limits;
use crate::codec::{
    DecodeError, Decoder, OutgoingStream, ResourceTypes, SourceFailed, encode_values, resolve,
    write_streams,
};
use crate::introspect::FunctionName;
use crate::paths::async_paths;

/// Where the asynchronous parts of the results are.
type Paths = Vec<Box<[Option<usize>]>>;

/// A function that is called over wRPC.
pub(super) struct Import {
    function: FunctionName,
    plan: FunctionPlan,
    resources: ResourceTypes,
    limits: Limits,
    /// Resources have host types only once the component is instantiated, so the first call
    /// computes them.
    paths: OnceLock<Paths>,
}

impl Import {
    pub(super) fn new(
        function: FunctionName,
        plan: FunctionPlan,
        guest_resources: Arc<[ResourceType]>,
        limits: Limits,
    ) -> Self {
        Self {
            function,
            plan,
            resources: ResourceTypes {
                guest: guest_resources,
                io_streams: Arc::from([ResourceType::host::<DynInputStream>()]),
            },
            limits,
            paths: OnceLock::new(),
        }
    }

    /// Calls the function with `params` and stores what it returns in `results`.
    ///
    /// A failure of the call is a result, or a trap if the function returns nothing that could
    /// say so. An error of the guest's own values is a trap.
    ///
    /// Dropping the future gives the call up.
    #[instrument(level = "debug", skip_all, fields(function = %self.function))]
    pub(super) async fn call<T: WrpcView>(
        &self,
        mut store: StoreContextMut<'_, T>,
        ty: &ComponentFunc,
        params: &[Val],
        results: &mut [Val],
    ) -> wasmtime::Result<()> {
        let params_ty: Vec<Type> = ty.params().map(|(_, ty)| ty).collect();
        let encoded = encode_values(
            store.as_context_mut(),
            params,
            &params_ty,
            &self.resources,
            None,
        )
        .with_context(|| format!("failed to encode the parameters of `{}`", self.function))?;
        let wire = self.plan.wire_types(ty.results());
        let returned = self
            .invoke(
                store.as_context_mut(),
                encoded.bytes.freeze(),
                encoded.streams,
                &wire,
            )
            .await;
        let values = match returned {
            Ok(values) => self.plan.results(values),
            Err(error) => {
                debug!(%error, delivery = %error.delivery(), source = ?error.source(), "call failed");
                vec![Val::Result(Err(Some(Box::new(self.failed(store, error)?))))]
            }
        };
        if values.len() != results.len() {
            bail!("`{}` was linked as another type", self.function);
        }
        for (result, value) in results.iter_mut().zip(values) {
            *result = value;
        }
        Ok(())
    }

    /// The error value that stands for `error`, or the trap.
    fn failed<T: WrpcView>(
        &self,
        mut store: StoreContextMut<'_, T>,
        error: RpcError,
    ) -> wasmtime::Result<Val> {
        if let Some(value) = self.plan.failure.lower(&error) {
            return Ok(value);
        }
        if self.plan.failure != Failure::Resource {
            return Err(wasmtime::Error::new(error));
        }
        // Upstream shows a guest the whole chain: `to-debug-string`.
        let error = rpc::Error::Invoke(error.without_source().into());
        let resource = store.data_mut().push_error(error)?;
        let resource = resource
            .try_into_resource_any(&mut store)
            .context("failed to lower the error resource")?;
        Ok(Val::Resource(resource))
    }

    /// The values that travel back, within the host's own bound if it has one.
    async fn invoke<T: WrpcView>(
        &self,
        mut store: StoreContextMut<'_, T>,
        params: Bytes,
        streams: Vec<OutgoingStream>,
        wire: &[Type],
    ) -> Result<Vec<Val>, RpcError> {
        let paths = self
            .paths
            .get_or_init(|| async_paths(wire, &self.resources.io_streams));
        let view = store.data_mut().wrpc();
        let deadline = view
            .ctx
            .timeout()
            .and_then(|limit| Instant::now().checked_add(limit));
        let context = view.ctx.context();
        let invocation = view.ctx.client().invoke(
            context,
            &self.function.instance,
            self.function.rpc(),
            params,
            paths,
        );
        let (outgoing, incoming) = bounded(deadline, invocation)
            .await
            .ok_or_else(|| self.late(Delivery::Unknown))?
            .map_err(|error| self.classify(error))?;

        let streaming = !streams.is_empty();
        let send = async {
            let mut outgoing = outgoing;
            // Streams may stay silent for long, so what the handshake tells comes first.
            outgoing.flush().await?;
            write_streams(&outgoing, streams).await?;
            outgoing.shutdown().await
        };
        let (incoming, seen) = Watched::new(incoming);
        let accepted = |error: RpcError| {
            if seen.answered() && error.delivery() == Delivery::Unknown {
                return error.with_delivery(Delivery::Accepted);
            }
            error
        };
        let receive = async {
            let mut decoder = Decoder::new(incoming, self.limits);
            let mut values = Vec::with_capacity(wire.len());
            for (i, ty) in wire.iter().enumerate() {
                let value = decoder.read(ty, &[i], &self.resources).await;
                values.push(value.map_err(|error| accepted(self.undecoded(error)))?);
            }
            let pending = decoder.take_pending();
            let ended = if wire.is_empty() {
                decoder.finish().await
            } else {
                // Two sides with different types: what was read so far may mean anything.
                decoder.reject_surplus()
            };
            ended.map_err(|error| accepted(self.undecoded(error)))?;
            Ok((values, pending))
        };
        let exchanged = exchange(deadline, send, receive, streaming, |error| {
            accepted(self.unsent(error))
        });
        let (mut values, pending) = exchanged.await.unwrap_or_else(|| {
            let delivery = if seen.answered() {
                Delivery::Accepted
            } else {
                Delivery::Unknown
            };
            Err(self.late(delivery))
        })?;
        // Last, so that giving up the call leaves nothing in the store.
        resolve(&mut store, &mut values, pending, None)
            .map_err(|error| self.undecoded(error))?
            .release(&mut store);
        Ok(values)
    }

    /// What stands for parameters that could not be sent.
    fn unsent(&self, error: io::Error) -> RpcError {
        let payload = error.get_ref();
        if !payload.is_some_and(<dyn Error + Send + Sync>::is::<SourceFailed>) {
            return self.classify(error);
        }
        let message = format!(
            "{}: a stream among the parameters failed where it comes from",
            self.display()
        );
        RpcError::new(RpcErrorKind::Other, Delivery::Unknown, message).with_source(error)
    }

    /// What stands for results that could not be read. An error of the transport that is typed
    /// already is left as it is.
    fn undecoded(&self, error: DecodeError) -> RpcError {
        match error {
            DecodeError::Read(error) => self.classify(error),
            error => self.named(&error.into()),
        }
    }

    /// What an error of the transport stands for. One that is typed already is left as it is.
    fn classify(&self, error: impl Into<anyhow::Error>) -> RpcError {
        let error = error.into();
        let typed = RpcError::find_in(&error).is_some();
        let error = RpcError::classify(error);
        if typed { error } else { self.named(&error) }
    }

    /// The same error, whose message names the function.
    fn named(&self, error: &RpcError) -> RpcError {
        let message = format!("{}: {}", self.display(), error.message());
        error.clone().with_message(message)
    }

    fn late(&self, delivery: Delivery) -> RpcError {
        let message = format!(
            "{}: the time that the host gives a call passed",
            self.display()
        );
        RpcError::new(RpcErrorKind::Timeout, delivery, message)
    }

    /// The function as it is called over the wire.
    fn display(&self) -> FunctionName {
        FunctionName::new(Arc::clone(&self.function.instance), self.function.rpc())
    }
}
