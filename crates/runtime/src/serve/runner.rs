//! How the calls of a component that is served get their instance.

use core::time::Duration;
use std::sync::Arc;

use futures::StreamExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{Instrument as _, debug, debug_span};
use wasmtime::component::{ComponentExportIndex, InstancePre};
use wrpc_runtime_wasmtime::WrpcView;
use wrpc_transport::{Index, Serve};

use super::enter::{Enter, Entrance};
use super::function::{Function, send};
use super::instance::Shared;
use super::served::Calls;
use super::task::within;
use super::{Invocation, InvocationError, InvocationFailure, ServeError, StoreFactory};

/// Where calls run.
pub(super) enum Instances<T: 'static> {
    /// Each in an instance of its own.
    PerCall {
        component: InstancePre<T>,
        store: StoreFactory<T>,
    },
    /// All in one instance.
    Shared(Arc<Shared<T>>),
}

/// Answers calls.
pub(super) struct Runner<T: 'static> {
    pub(super) instances: Instances<T>,
    pub(super) max_duration: Option<Duration>,
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
        enter: Option<Enter<T>>,
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
                    let mut store = store();
                    if let Some(enter) = enter {
                        enter(store.data_mut());
                    }
                    function
                        .call_once(&component, index, store, params, outgoing)
                        .await
                }
                Instances::Shared(shared) => {
                    let (encoded, given) = shared.call(function, index, enter, params).await?;
                    send(outgoing, encoded).await?;
                    given.delivered();
                    Ok(())
                }
            }
        };
        within(self.max_duration, call).await?
    }
}

/// Takes calls of one function.
pub(super) async fn register<S, T>(
    transport: &S,
    function: Arc<Function>,
    index: ComponentExportIndex,
    runner: Runner<T>,
    entrance: Option<Entrance<T, S::Context>>,
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
            let enter = entrance.as_ref().map(|entrance| entrance.of(&context));
            let span = debug_span!("invocation", function = %function.name);
            let invocation = async move {
                runner
                    .run(&function, index, enter, outgoing, incoming)
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
