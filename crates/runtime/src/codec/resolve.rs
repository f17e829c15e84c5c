//! Decoded resources into a store.

use std::vec;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tracing::debug;
use uuid::Uuid;
use wasmtime::component::{ResourceAny, ResourceType, Val};
use wasmtime::{AsContextMut, StoreContextMut};
use wasmtime_wasi::p2::DynInputStream;
use wasmtime_wasi::p2::pipe::AsyncReadStream;
use wrpc_runtime_wasmtime::{RemoteResource, WrpcView};

use super::handles::Entry;
use super::stream::ChunkReader;
use super::{DecodeError, Handles};

/// A resource that was read and is in no store yet.
pub(crate) enum Pending<R> {
    /// A stream that arrives on a child of the one it was named in.
    Stream { stream: ChunkReader<R>, own: bool },
    /// A handle that this side gave out.
    Guest {
        id: Uuid,
        declared: ResourceType,
        own: bool,
    },
    /// A handle that only the peer can read.
    Remote { bytes: Bytes, own: bool },
}

/// Host resources that are in a store for the time of one call only, because the guest borrows
/// them.
#[derive(Debug, Default)]
#[must_use = "they stay in the store until they are released"]
pub(crate) struct Lent(Vec<ResourceAny>);

impl Lent {
    /// Takes them out of the store again.
    pub(crate) fn release<T>(self, mut store: impl AsContextMut<Data = T>)
    where
        T: WrpcView + 'static,
    {
        let mut store = store.as_context_mut();
        for resource in self.0 {
            if let Err(error) = remove(&mut store, resource) {
                // A guest that keeps a `pollable` of a stream it borrowed.
                debug!(?error, "a borrowed resource is still in use");
            }
        }
    }
}

/// What stands for a resource in a value until it is in a store. No value of a peer looks like it,
/// since a case always has a name.
pub(super) fn placeholder() -> Val {
    Val::Enum(String::new())
}

/// Puts the `pending` resources into the store and the handles to them into `values`, in the order
/// in which they were read.
pub(crate) fn resolve<'a, T, R>(
    store: &mut impl AsContextMut<Data = T>,
    values: impl IntoIterator<Item = &'a mut Val>,
    pending: Vec<Pending<R>>,
    handles: Option<&mut Handles>,
) -> Result<Lent, DecodeError>
where
    T: WrpcView + 'static,
    R: AsyncRead + Send + 'static,
{
    if pending.is_empty() {
        return Ok(Lent::default());
    }
    let mut resolver = Resolver {
        store: store.as_context_mut(),
        pending: pending.into_iter(),
        handles,
        lent: Vec::new(),
        owned: Vec::new(),
        taken: Vec::new(),
    };
    for value in values {
        if let Err(error) = resolver.fill(value) {
            resolver.undo();
            return Err(error);
        }
    }
    Ok(Lent(resolver.lent))
}

struct Resolver<'a, T: 'static, R> {
    store: StoreContextMut<'a, T>,
    pending: vec::IntoIter<Pending<R>>,
    handles: Option<&'a mut Handles>,
    lent: Vec<ResourceAny>,
    owned: Vec<ResourceAny>,
    taken: Vec<(Uuid, Entry)>,
}

impl<T, R> Resolver<'_, T, R>
where
    T: WrpcView + 'static,
    R: AsyncRead + Send + 'static,
{
    /// Visits `value` in the order in which the decoder read it.
    fn fill(&mut self, value: &mut Val) -> Result<(), DecodeError> {
        match value {
            Val::Enum(name) if name.is_empty() => {
                if let Some(pending) = self.pending.next() {
                    *value = Val::Resource(self.resource(pending)?);
                }
                Ok(())
            }
            Val::List(values) | Val::Tuple(values) => {
                values.iter_mut().try_for_each(|value| self.fill(value))
            }
            Val::Record(fields) => fields
                .iter_mut()
                .try_for_each(|(_, value)| self.fill(value)),
            Val::Variant(_, Some(value))
            | Val::Option(Some(value))
            | Val::Result(Ok(Some(value)) | Err(Some(value))) => self.fill(value),
            _ => Ok(()),
        }
    }

    fn resource(&mut self, pending: Pending<R>) -> Result<ResourceAny, DecodeError> {
        match pending {
            Pending::Stream { stream, own } => {
                // The table is typed: the guest's `input-stream` is this box, not what is in it.
                let stream: DynInputStream = Box::new(AsyncReadStream::new(stream));
                self.host(stream, own)
            }
            Pending::Remote { bytes, own } => self.host(RemoteResource(bytes), own),
            Pending::Guest { id, declared, own } => {
                let handles = self.handles.as_mut().ok_or(DecodeError::UnknownHandle)?;
                let resource = handles
                    .get(&id, declared)
                    .ok_or(DecodeError::UnknownHandle)?;
                if own && let Some(entry) = handles.remove(&id) {
                    self.taken.push((id, entry));
                }
                Ok(resource)
            }
        }
    }

    fn host<H: Send + 'static>(&mut self, value: H, own: bool) -> Result<ResourceAny, DecodeError> {
        let table = self.store.data_mut().wrpc().table;
        let resource = table
            .push(value)
            .map_err(|error| DecodeError::Store(error.into()))?;
        let resource = resource
            .try_into_resource_any(&mut self.store)
            .map_err(|error| DecodeError::Store(error.into()))?;
        if own { &mut self.owned } else { &mut self.lent }.push(resource);
        Ok(resource)
    }

    /// Leaves store and handles as they were.
    fn undo(mut self) {
        if let Some(handles) = &mut self.handles {
            for (id, entry) in self.taken {
                handles.restore(id, entry);
            }
        }
        self.lent.append(&mut self.owned);
        Lent(self.lent).release(self.store);
    }
}

/// Takes a host resource that [`resolve`] put into the store out of it.
fn remove<T>(store: &mut StoreContextMut<'_, T>, resource: ResourceAny) -> wasmtime::Result<()>
where
    T: WrpcView + 'static,
{
    if resource.ty() == ResourceType::host::<RemoteResource>() {
        let resource = resource.try_into_resource::<RemoteResource>(&mut *store)?;
        store.data_mut().wrpc().table.delete(resource)?;
    } else {
        let resource = resource.try_into_resource::<DynInputStream>(&mut *store)?;
        store.data_mut().wrpc().table.delete(resource)?;
    }
    Ok(())
}
