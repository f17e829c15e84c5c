//! One instance that serves many calls, one after the other.

use core::time::Duration;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::io::AsyncRead;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::warn;
use uuid::Uuid;
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Instance, InstancePre};
use wrpc_runtime_wasmtime::WrpcView;

use super::enter::{Enter, Exit};
use super::function::{Function, Params, exported};
use super::given::{Given, Release};
use super::task::{to_its_end, within};
use super::{InvocationFailure, StoreFactory};
use crate::codec::{Encoded, Handles};

/// An instance, with the store that it lives in and what peers hold of it.
struct Live<T: 'static> {
    store: Store<T>,
    instance: Instance,
    handles: Handles,
}

/// The one instance of a component that exports resources.
///
/// It is replaced, store and all, once it is in doubt: after a trap, and after a call that had to
/// be cut off. Its handles are unknown from then on.
pub(super) struct Shared<T: 'static> {
    pre: InstancePre<T>,
    store: StoreFactory<T>,
    max_handles: usize,
    max_duration: Option<Duration>,
    exit: Option<Exit<T>>,
    /// `None` while a call has it, and if that call did not give it back.
    live: Arc<Mutex<Option<Live<T>>>>,
}

impl<T: WrpcView + 'static> Shared<T> {
    /// Instantiates the component.
    pub(super) async fn new(
        pre: InstancePre<T>,
        store: StoreFactory<T>,
        max_handles: usize,
        max_duration: Option<Duration>,
        exit: Option<Exit<T>>,
    ) -> wasmtime::Result<Self> {
        let shared = Self {
            pre,
            store,
            max_handles,
            max_duration,
            exit,
            live: Arc::default(),
        };
        let live = shared.instantiate().await?;
        *shared.live.lock().await = Some(live);
        Ok(shared)
    }

    async fn instantiate(&self) -> wasmtime::Result<Live<T>> {
        let mut store = (self.store)();
        let instance = self.pre.instantiate_async(&mut store).await?;
        Ok(Live {
            store,
            instance,
            handles: Handles::new(self.max_handles),
        })
    }

    /// Calls `function` once it is its turn.
    ///
    /// # Cancellation
    ///
    /// A call that waits for its turn is forgotten. One that runs goes on to its end, or to the
    /// end of its time: only then can the next one have the store.
    pub(super) async fn call<R>(
        self: &Arc<Self>,
        function: &Arc<Function>,
        index: ComponentExportIndex,
        enter: Option<Enter<T>>,
        params: Params<R>,
    ) -> Result<(Encoded, Given), InvocationFailure>
    where
        R: AsyncRead + Send + 'static,
    {
        let turn = Arc::clone(&self.live).lock_owned().await;
        let (this, function) = (Arc::clone(self), Arc::clone(function));
        to_its_end(async move {
            let mut encoded = this.run(turn, &function, index, enter, params).await?;
            let given = Given::new(this, &mut encoded);
            Ok((encoded, given))
        })
        .await
    }

    async fn run<R>(
        &self,
        mut turn: OwnedMutexGuard<Option<Live<T>>>,
        function: &Function,
        index: ComponentExportIndex,
        enter: Option<Enter<T>>,
        params: Params<R>,
    ) -> Result<Encoded, InvocationFailure>
    where
        R: AsyncRead + Send + 'static,
    {
        let live = turn.take();
        let work = async {
            let mut live = match live {
                Some(live) => live,
                None => self
                    .instantiate()
                    .await
                    .map_err(|error| InvocationFailure::Instantiate(error.into()))?,
            };
            let func = exported(&live.instance, &mut live.store, index)?;
            if let Some(enter) = enter {
                enter(live.store.data_mut());
            }
            let result = function
                .call(&mut live.store, func, params, Some(&mut live.handles))
                .await;
            if let Some(exit) = &self.exit {
                exit()(live.store.data_mut());
            }
            Ok((live, result))
        };
        // On elapse, `work` is dropped: the call's future first, then the store that it ran on.
        let (live, result) = match within(self.max_duration, work).await {
            Ok(done) => done?,
            Err(late) => {
                warn!(function = %function.name, "the instance is replaced after a call of it was cut off");
                return Err(late);
            }
        };
        if matches!(result, Err(InvocationFailure::Trap(_))) {
            warn!(
                function = %function.name,
                handles = live.handles.len(),
                "the instance is replaced after a trap"
            );
        } else {
            *turn = Some(live);
        }
        result
    }

    /// Drops resources that no peer knows about.
    async fn drop_resources(&self, handles: Vec<Uuid>) {
        let mut turn = Arc::clone(&self.live).lock_owned().await;
        let Some(mut live) = turn.take() else {
            return;
        };
        let work = async {
            for id in handles {
                // A handle of an instance that is gone is unknown here.
                let Some(entry) = live.handles.remove(&id) else {
                    continue;
                };
                entry.resource.resource_drop_async(&mut live.store).await?;
            }
            wasmtime::error::Ok(live)
        };
        match within(self.max_duration, work).await {
            Ok(Ok(live)) => *turn = Some(live),
            Ok(Err(error)) => warn!(?error, "the instance is replaced after a trap"),
            Err(error) => warn!(?error, "the instance is replaced"),
        }
    }
}

impl<T: WrpcView + 'static> Release for Shared<T> {
    fn release(self: Arc<Self>, handles: Vec<Uuid>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.drop_resources(handles).await })
    }
}
