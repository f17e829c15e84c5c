//! Bytes of a peer to values.

use core::pin::Pin;
use core::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncRead;
use uuid::Uuid;
use wasmtime::component::{Type, Val};
use wrpc_transport::Index;

use super::input::Input;
use super::stream::ChunkReader;
use super::{DecodeError, Pending, ResourceTypes, describe};
use crate::Limits;

/// How many elements of a list are reserved before they have arrived.
const RESERVED_ELEMENTS: usize = 64;

/// Reads values from a stream of a peer, within [`Limits`] over all of them.
///
/// # Cancellation
///
/// A value is read as a whole: after the future of a read was dropped, the decoder is of no use.
pub(crate) struct Decoder<R> {
    input: Input<R>,
    limits: Limits,
    /// Values that may still come.
    elements: usize,
    /// Streams that may still come.
    streams: usize,
    /// Where the value that is being read is.
    path: Vec<usize>,
    depth: usize,
    pending: Vec<Pending<R>>,
}

type Read<'a> = Pin<Box<dyn Future<Output = Result<Val, DecodeError>> + Send + 'a>>;

impl<R> Decoder<R>
where
    R: AsyncRead + Index<R> + Send + Unpin + 'static,
{
    /// Reads from `incoming`, from its start.
    pub(crate) fn new(incoming: R, limits: Limits) -> Self {
        Self {
            input: Input::new(incoming, limits.bytes),
            limits,
            elements: limits.elements,
            streams: limits.streams,
            path: Vec::new(),
            depth: 0,
            pending: Vec::new(),
        }
    }

    /// The same decoder, which fails once no byte has come for `limit` while it waits for one.
    pub(crate) fn idle(mut self, limit: Duration) -> Self {
        self.input.set_idle(limit);
        self
    }

    /// Reads one value of type `ty`, whose streams are the children at `path` and below.
    ///
    /// No store is needed: the resources in the value are placeholders, whose contents
    /// [`take_pending`](Self::take_pending) has and [`resolve`](super::resolve) puts into a store.
    ///
    /// # Errors
    ///
    /// The stream ends before the value does, stands still or can't be read, or its bytes are no such value or
    /// exceed a limit.
    pub(crate) async fn read(
        &mut self,
        ty: &Type,
        path: &[usize],
        resources: &ResourceTypes,
    ) -> Result<Val, DecodeError> {
        self.path.clear();
        self.path.extend_from_slice(path);
        self.depth = 0;
        self.value(ty, resources).await
    }

    /// The resources of all values read so far, in order.
    pub(crate) fn take_pending(&mut self) -> Vec<Pending<R>> {
        core::mem::take(&mut self.pending)
    }

    /// Refuses bytes that arrived together with the values and belong to none of them.
    ///
    /// Doesn't wait, so it sees only what has arrived.
    pub(crate) fn reject_surplus(&self) -> Result<(), DecodeError> {
        if self.input.has_surplus() {
            return Err(surplus());
        }
        Ok(())
    }

    /// Waits until the peer closes the stream.
    ///
    /// # Errors
    ///
    /// [`Protocol`](wrpc_middleware_errors::RpcErrorKind::Protocol) if anything more arrives, else
    /// what the stream failed with.
    pub(crate) async fn finish(mut self) -> Result<(), DecodeError> {
        if self.input.has_surplus() || self.input.fill().await? {
            return Err(surplus());
        }
        Ok(())
    }

    /// Counts `n` elements.
    fn count(&mut self, n: usize) -> Result<(), DecodeError> {
        self.elements = self.elements.checked_sub(n).ok_or(DecodeError::Limit {
            what: "elements",
            limit: self.limits.elements,
        })?;
        Ok(())
    }

    /// Reads a value in place if it has no parts, and from a future of its own otherwise.
    async fn value(&mut self, ty: &Type, resources: &ResourceTypes) -> Result<Val, DecodeError> {
        let value = match ty {
            Type::Bool => Val::Bool(self.input.bit("a `bool`").await?),
            Type::S8 => Val::S8(self.input.byte().await?.cast_signed()),
            Type::U8 => Val::U8(self.input.byte().await?),
            Type::S16 => Val::S16(narrow(self.input.signed(16).await?)?),
            Type::U16 => Val::U16(narrow(self.input.unsigned(16).await?)?),
            Type::S32 => Val::S32(narrow(self.input.signed(32).await?)?),
            Type::U32 => Val::U32(narrow(self.input.unsigned(32).await?)?),
            Type::S64 => Val::S64(self.input.signed(64).await?),
            Type::U64 => Val::U64(self.input.unsigned(64).await?),
            Type::Float32 => Val::Float32(f32::from_le_bytes(self.input.array().await?)),
            Type::Float64 => Val::Float64(f64::from_le_bytes(self.input.array().await?)),
            Type::Char => Val::Char(self.input.char().await?),
            Type::String => Val::String(self.input.string().await?),
            Type::Enum(ty) => {
                let index = self.input.length().await?;
                let name = ty
                    .names()
                    .nth(index)
                    .ok_or_else(|| no_case(index, ty.names().len()))?;
                Val::Enum(name.into())
            }
            Type::Flags(ty) => Val::Flags(self.flags(ty.names()).await?),
            Type::Own(_) | Type::Borrow(_) => self.resource(ty, resources).await?,
            Type::List(_)
            | Type::Record(_)
            | Type::Tuple(_)
            | Type::Variant(_)
            | Type::Option(_)
            | Type::Result(_) => {
                if self.depth >= self.limits.depth {
                    return Err(DecodeError::Limit {
                        what: "levels of nesting",
                        limit: self.limits.depth,
                    });
                }
                self.depth += 1;
                let value = self.composite(ty, resources).await?;
                self.depth -= 1;
                value
            }
            Type::Future(_) | Type::Stream(_) | Type::ErrorContext | Type::Map(_) => {
                return Err(DecodeError::invalid(format!(
                    "{} can't travel over wRPC",
                    describe(ty)
                )));
            }
        };
        Ok(value)
    }

    fn composite<'a>(&'a mut self, ty: &'a Type, resources: &'a ResourceTypes) -> Read<'a> {
        Box::pin(async move {
            Ok(match ty {
                Type::List(ty) => Val::List(self.list(&ty.ty(), resources).await?),
                Type::Record(ty) => {
                    let fields = ty.fields();
                    self.count(fields.len())?;
                    let mut values = Vec::with_capacity(fields.len());
                    for (i, field) in fields.enumerate() {
                        let value = self.at(i, &field.ty, resources).await?;
                        values.push((field.name.to_owned(), value));
                    }
                    Val::Record(values)
                }
                Type::Tuple(ty) => {
                    let types = ty.types();
                    self.count(types.len())?;
                    let mut values = Vec::with_capacity(types.len());
                    for (i, ty) in types.enumerate() {
                        values.push(self.at(i, &ty, resources).await?);
                    }
                    Val::Tuple(values)
                }
                Type::Variant(ty) => {
                    let index = self.input.length().await?;
                    let case = ty
                        .cases()
                        .nth(index)
                        .ok_or_else(|| no_case(index, ty.cases().len()))?;
                    let name = case.name.to_owned();
                    Val::Variant(name, self.payload(case.ty, resources).await?)
                }
                Type::Option(ty) => {
                    let ty = self.input.bit("an `option`").await?.then(|| ty.ty());
                    Val::Option(self.payload(ty, resources).await?)
                }
                Type::Result(ty) => Val::Result(if self.input.bit("a `result`").await? {
                    Err(self.payload(ty.err(), resources).await?)
                } else {
                    Ok(self.payload(ty.ok(), resources).await?)
                }),
                _ => {
                    return Err(DecodeError::invalid(format!(
                        "{} has no parts",
                        describe(ty)
                    )));
                }
            })
        })
    }

    async fn at(
        &mut self,
        index: usize,
        ty: &Type,
        resources: &ResourceTypes,
    ) -> Result<Val, DecodeError> {
        self.path.push(index);
        let value = self.value(ty, resources).await?;
        self.path.pop();
        Ok(value)
    }

    async fn payload(
        &mut self,
        ty: Option<Type>,
        resources: &ResourceTypes,
    ) -> Result<Option<Box<Val>>, DecodeError> {
        let Some(ty) = ty else { return Ok(None) };
        self.count(1)?;
        Ok(Some(Box::new(self.value(&ty, resources).await?)))
    }

    async fn list(
        &mut self,
        ty: &Type,
        resources: &ResourceTypes,
    ) -> Result<Vec<Val>, DecodeError> {
        let length = self.input.length().await?;
        self.count(length)?;
        if let Type::U8 = ty {
            self.input.admits(length)?;
            let mut values = Vec::new();
            while values.len() < length {
                let bytes = self.input.some(length - values.len()).await?;
                values.extend(bytes.iter().copied().map(Val::U8));
            }
            return Ok(values);
        }
        let mut values = Vec::with_capacity(length.min(RESERVED_ELEMENTS));
        for i in 0..length {
            values.push(self.at(i, ty, resources).await?);
        }
        Ok(values)
    }

    pub(super) async fn flags<'a>(
        &mut self,
        names: impl ExactSizeIterator<Item = &'a str>,
    ) -> Result<Vec<String>, DecodeError> {
        let count = names.len();
        let bytes = self.input.bytes(count.div_ceil(8)).await?;
        let bits = bytes
            .iter()
            .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
        let mut names = names.fuse();
        let mut set = Vec::new();
        for bit in bits {
            match (bit, names.next()) {
                (true, Some(name)) => {
                    self.count(1)?;
                    set.push(name.to_owned());
                }
                (true, None) => {
                    return Err(DecodeError::invalid(format!(
                        "a bit is set past the {count} flags"
                    )));
                }
                (false, _) => {}
            }
        }
        Ok(set)
    }

    /// A placeholder, and what it stands for into `pending`.
    async fn resource(&mut self, ty: &Type, resources: &ResourceTypes) -> Result<Val, DecodeError> {
        let (resource, own) = match ty {
            Type::Own(ty) => (*ty, true),
            Type::Borrow(ty) => (*ty, false),
            _ => return Err(DecodeError::invalid("no resource")),
        };
        let pending = if resources.is_input_stream(resource) {
            self.streams = self.streams.checked_sub(1).ok_or(DecodeError::Limit {
                what: "streams",
                limit: self.limits.streams,
            })?;
            let child = self.input.get_ref().index(&self.path);
            let child = child.map_err(|error| DecodeError::Read(std::io::Error::other(error)))?;
            Pending::Stream {
                stream: ChunkReader::new(child),
                own,
            }
        } else if resources.guest.contains(&resource) {
            let length = self.input.length().await?;
            if length != size_of::<Uuid>() {
                return Err(DecodeError::invalid(format!(
                    "a resource handle has {length} bytes and not {}",
                    size_of::<Uuid>()
                )));
            }
            let id = Uuid::from_bytes(self.input.array().await?);
            Pending::Guest {
                id,
                declared: resource,
                own,
            }
        } else {
            let length = self.input.length().await?;
            let bytes = Bytes::from(self.input.bytes(length).await?);
            Pending::Remote { bytes, own }
        };
        self.pending.push(pending);
        Ok(super::resolve::placeholder())
    }
}

fn narrow<A: TryInto<B>, B>(value: A) -> Result<B, DecodeError> {
    value
        .try_into()
        .map_err(|_| DecodeError::invalid("an integer does not fit its type"))
}

fn no_case(index: usize, cases: usize) -> DecodeError {
    DecodeError::invalid(format!("case {index} of {cases}"))
}

fn surplus() -> DecodeError {
    DecodeError::invalid("there is more than the declared values")
}
