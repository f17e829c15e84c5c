//! Values of a store to bytes.

use core::iter::zip;

use bytes::{BufMut as _, BytesMut};
use uuid::Uuid;
use wasmtime::StoreContextMut;
use wasmtime::component::types::{Case, Field};
use wasmtime::component::{ResourceAny, ResourceType, Type, Val};
use wasmtime::error::Context as _;
use wasmtime::{bail, ensure};
use wasmtime_wasi::p2::DynInputStream;
use wrpc_runtime_wasmtime::{RemoteResource, WrpcView};

use super::handles::Entry;
use super::leb128::{put_signed, put_unsigned};
use super::{Handles, OutgoingStream, ResourceTypes};

/// Encoded values, and what else has to travel or to be undone.
pub(crate) struct Encoded {
    /// The synchronous part.
    pub(crate) bytes: BytesMut,
    /// Streams to be written to children of the stream that `bytes` goes to.
    pub(crate) streams: Vec<OutgoingStream>,
    /// Handles that were given out in `bytes`. They are of no use to anyone if `bytes` is not sent.
    pub(crate) handles: Vec<Uuid>,
}

/// Encodes `values`, each at the path of its position.
///
/// Host resources among them are taken out of the store; guest resources stay in it and get a
/// handle each. Nothing is written, so nothing has left when this fails, and no handle stays
/// behind; the resources that were not encoded yet are still in the store.
///
/// # Errors
///
/// A value that isn't of its type, a resource that can't travel, or no more room for handles.
pub(crate) fn encode_values<T>(
    store: StoreContextMut<'_, T>,
    values: &[Val],
    types: &[Type],
    resources: &ResourceTypes,
    handles: Option<&mut Handles>,
) -> wasmtime::Result<Encoded>
where
    T: WrpcView + 'static,
{
    ensure!(
        values.len() == types.len(),
        "{} values for {} types",
        values.len(),
        types.len()
    );
    let mut encoder = Encoder {
        store,
        resources,
        handles,
        path: Vec::new(),
        out: Encoded {
            bytes: BytesMut::new(),
            streams: Vec::new(),
            handles: Vec::new(),
        },
    };
    for (i, (value, ty)) in zip(values, types).enumerate() {
        if let Err(error) = encoder.at(i, value, ty) {
            encoder.undo();
            return Err(error.context(format!("failed to encode value {i}")));
        }
    }
    Ok(encoder.out)
}

struct Encoder<'a, T: 'static> {
    store: StoreContextMut<'a, T>,
    resources: &'a ResourceTypes,
    handles: Option<&'a mut Handles>,
    path: Vec<usize>,
    out: Encoded,
}

impl<T: WrpcView + 'static> Encoder<'_, T> {
    fn undo(&mut self) {
        if let Some(handles) = &mut self.handles {
            for id in &self.out.handles {
                handles.remove(id);
            }
        }
    }

    fn at(&mut self, index: usize, value: &Val, ty: &Type) -> wasmtime::Result<()> {
        self.path.push(index);
        self.value(value, ty)?;
        self.path.pop();
        Ok(())
    }

    fn value(&mut self, value: &Val, ty: &Type) -> wasmtime::Result<()> {
        let dst = &mut self.out.bytes;
        match (value, ty) {
            (Val::Bool(v), Type::Bool) => dst.put_u8((*v).into()),
            (Val::S8(v), Type::S8) => dst.put_i8(*v),
            (Val::U8(v), Type::U8) => dst.put_u8(*v),
            (Val::S16(v), Type::S16) => put_signed(dst, (*v).into()),
            (Val::U16(v), Type::U16) => put_unsigned(dst, (*v).into()),
            (Val::S32(v), Type::S32) => put_signed(dst, (*v).into()),
            (Val::U32(v), Type::U32) => put_unsigned(dst, (*v).into()),
            (Val::S64(v), Type::S64) => put_signed(dst, *v),
            (Val::U64(v), Type::U64) => put_unsigned(dst, *v),
            (Val::Float32(v), Type::Float32) => dst.put_f32_le(*v),
            (Val::Float64(v), Type::Float64) => dst.put_f64_le(*v),
            (Val::Char(v), Type::Char) => {
                dst.extend_from_slice(v.encode_utf8(&mut [0; 4]).as_bytes());
            }
            (Val::String(v), Type::String) => put_bytes(dst, v.as_bytes())?,
            (Val::List(values), Type::List(ty)) => self.list(values, &ty.ty())?,
            (Val::Record(values), Type::Record(ty)) => {
                let fields = ty.fields();
                ensure!(values.len() == fields.len(), "a record of other fields");
                for (i, ((name, value), field)) in zip(values, fields).enumerate() {
                    let Field { name: declared, ty } = field;
                    ensure!(name == declared, "a record of other fields");
                    self.at(i, value, &ty)
                        .with_context(|| format!("in field `{name}`"))?;
                }
            }
            (Val::Tuple(values), Type::Tuple(ty)) => {
                let types = ty.types();
                ensure!(values.len() == types.len(), "a tuple of another size");
                for (i, (value, ty)) in zip(values, types).enumerate() {
                    self.at(i, value, &ty)
                        .with_context(|| format!("in member {i}"))?;
                }
            }
            (Val::Variant(name, payload), Type::Variant(ty)) => {
                let (i, Case { ty, .. }) = zip(0.., ty.cases())
                    .find(|(_, case)| case.name == name)
                    .context("a case that the variant doesn't have")?;
                put_unsigned(dst, i);
                self.payload(payload.as_deref(), ty.as_ref())
                    .with_context(|| format!("in case `{name}`"))?;
            }
            (Val::Enum(name), Type::Enum(ty)) => {
                let (i, _) = zip(0.., ty.names())
                    .find(|(_, case)| case == name)
                    .context("a case that the enum doesn't have")?;
                put_unsigned(dst, i);
            }
            (Val::Option(value), Type::Option(ty)) => {
                dst.put_u8(value.is_some().into());
                if let Some(value) = value {
                    self.value(value, &ty.ty())?;
                }
            }
            (Val::Result(value), Type::Result(ty)) => {
                dst.put_u8(value.is_err().into());
                match value {
                    Ok(value) => self.payload(value.as_deref(), ty.ok().as_ref()),
                    Err(value) => self.payload(value.as_deref(), ty.err().as_ref()),
                }
                .context("in a result")?;
            }
            (Val::Flags(set), Type::Flags(ty)) => put_flags(dst, set, ty.names())?,
            (Val::Resource(value), Type::Own(ty) | Type::Borrow(ty)) => {
                self.resource(*value, *ty)?;
            }
            (_, Type::Future(_) | Type::Stream(_) | Type::ErrorContext | Type::Map(_)) => {
                bail!("{} can't travel over wRPC", describe(ty));
            }
            _ => bail!("the value is no {}", describe(ty)),
        }
        Ok(())
    }

    fn list(&mut self, values: &[Val], ty: &Type) -> wasmtime::Result<()> {
        put_length(&mut self.out.bytes, values.len())?;
        self.out.bytes.reserve(values.len());
        for (i, value) in values.iter().enumerate() {
            match (value, ty) {
                (Val::U8(byte), Type::U8) => self.out.bytes.put_u8(*byte),
                _ => self
                    .at(i, value, ty)
                    .with_context(|| format!("in element {i}"))?,
            }
        }
        Ok(())
    }

    fn payload(&mut self, value: Option<&Val>, ty: Option<&Type>) -> wasmtime::Result<()> {
        match (value, ty) {
            (Some(value), Some(ty)) => self.value(value, ty),
            (None, None) => Ok(()),
            (Some(_), None) => bail!("a payload where none is declared"),
            (None, Some(_)) => bail!("no payload where one is declared"),
        }
    }

    fn resource(&mut self, value: ResourceAny, ty: ResourceType) -> wasmtime::Result<()> {
        if self.resources.is_input_stream(ty) {
            return self.input_stream(value);
        }
        if value.ty() == ResourceType::host::<RemoteResource>() {
            let resource = value.try_into_resource::<RemoteResource>(&mut self.store)?;
            let table = self.store.data_mut().wrpc().table;
            return if resource.owned() {
                let RemoteResource(bytes) = table.delete(resource)?;
                put_bytes(&mut self.out.bytes, &bytes)
            } else {
                let RemoteResource(bytes) = table.get(&resource)?;
                put_bytes(&mut self.out.bytes, bytes)
            };
        }
        ensure!(
            self.resources.guest.contains(&ty),
            "a resource of the host can't travel over wRPC"
        );
        ensure!(
            value.owned(),
            "a borrowed resource of the guest can't travel over wRPC"
        );
        let Some(handles) = &mut self.handles else {
            bail!("a resource of a guest that isn't kept between calls can't travel over wRPC");
        };
        let id = handles.insert(Entry {
            declared: ty,
            resource: value,
        })?;
        self.out.handles.push(id);
        put_bytes(&mut self.out.bytes, id.as_bytes())
    }

    fn input_stream(&mut self, value: ResourceAny) -> wasmtime::Result<()> {
        // Its bytes would have to be consumed here exactly as far as the peer reads, which the
        // protocol has no way to say.
        ensure!(
            value.owned(),
            "a borrowed `input-stream` can't travel over wRPC"
        );
        let stream = value
            .try_into_resource::<DynInputStream>(&mut self.store)
            .context("the resource is no `input-stream` of the host")?;
        let stream = self
            .store
            .data_mut()
            .wrpc()
            .table
            .delete(stream)
            .context("the `input-stream` is still in use")?;
        self.out.streams.push(OutgoingStream {
            path: self.path.clone(),
            stream,
        });
        Ok(())
    }
}

/// The kind of a type, for a message.
pub(crate) fn describe(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "`bool`",
        Type::S8 => "`s8`",
        Type::U8 => "`u8`",
        Type::S16 => "`s16`",
        Type::U16 => "`u16`",
        Type::S32 => "`s32`",
        Type::U32 => "`u32`",
        Type::S64 => "`s64`",
        Type::U64 => "`u64`",
        Type::Float32 => "`f32`",
        Type::Float64 => "`f64`",
        Type::Char => "`char`",
        Type::String => "`string`",
        Type::List(_) => "`list`",
        Type::Map(_) => "`map`",
        Type::Record(_) => "`record`",
        Type::Tuple(_) => "`tuple`",
        Type::Variant(_) => "`variant`",
        Type::Enum(_) => "`enum`",
        Type::Option(_) => "`option`",
        Type::Result(_) => "`result`",
        Type::Flags(_) => "`flags`",
        Type::Own(_) | Type::Borrow(_) => "resource",
        Type::Future(_) => "`future`",
        Type::Stream(_) => "`stream`",
        Type::ErrorContext => "`error-context`",
    }
}

fn put_length(dst: &mut BytesMut, length: usize) -> wasmtime::Result<()> {
    let length = u32::try_from(length).context("longer than 4 GiB")?;
    put_unsigned(dst, length.into());
    Ok(())
}

fn put_bytes(dst: &mut BytesMut, bytes: &[u8]) -> wasmtime::Result<()> {
    put_length(dst, bytes.len())?;
    dst.extend_from_slice(bytes);
    Ok(())
}

pub(super) fn put_flags<'a>(
    dst: &mut BytesMut,
    set: &[String],
    names: impl ExactSizeIterator<Item = &'a str>,
) -> wasmtime::Result<()> {
    let mut bytes = vec![0u8; names.len().div_ceil(8)];
    let mut found = 0;
    for (i, name) in names.enumerate() {
        if set.iter().any(|flag| flag == name)
            && let Some(byte) = bytes.get_mut(i / 8)
        {
            *byte |= 1 << (i % 8);
            found += 1;
        }
    }
    ensure!(found == set.len(), "a flag that is unknown or set twice");
    dst.extend_from_slice(&bytes);
    Ok(())
}
