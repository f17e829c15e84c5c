//! Values on the wire.
//!
//! The bytes are those of upstream's `ValEncoder` and `read_value`; what differs is what a peer can
//! do with them. The [`Decoder`] reserves nothing that has not arrived, ends at its
//! [`Limits`](crate::Limits), and doesn't touch the store while it waits for the peer, so a slow
//! peer holds nothing that another call needs.

mod decode;
mod encode;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod handles;
#[cfg(any(test, fuzzing))]
pub(crate) mod host;
mod input;
mod leb128;
mod resolve;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use wasmtime::component::ResourceType;
use wasmtime_wasi::p2::DynInputStream;

pub(crate) use self::decode::Decoder;
pub(crate) use self::encode::{Encoded, describe, encode_values};
pub use self::error::DecodeError;
pub(crate) use self::handles::Handles;
pub(crate) use self::resolve::{Pending, resolve};
pub(crate) use self::stream::{OutgoingStream, SourceFailed, write_streams};

/// What the resource types of a component stand for on the wire.
///
/// All others are resources of the peer ([`RemoteResource`](wrpc_runtime_wasmtime::RemoteResource)),
/// bytes that only the peer can read.
#[derive(Clone)]
pub(crate) struct ResourceTypes {
    /// Exported by the guest: a peer gets a handle to them.
    pub(crate) guest: Arc<[ResourceType]>,
    /// `wasi:io` `input-stream`s, as the component's own types name them.
    pub(crate) io_streams: Arc<[ResourceType]>,
}

impl ResourceTypes {
    pub(crate) fn is_input_stream(&self, ty: ResourceType) -> bool {
        ty == ResourceType::host::<DynInputStream>() || self.io_streams.contains(&ty)
    }
}
