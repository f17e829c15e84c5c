//! Values of random types.

use arbitrary::{Result, Unstructured};
use futures::FutureExt as _;
use wasmtime::component::{ResourceType, Val};
use wasmtime::{AsContextMut as _, Store};
use wasmtime_wasi::p2::DynInputStream;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::peer::Peer;
use crate::Limits;
use crate::codec::host::{self, Host};
use crate::codec::{DecodeError, Decoder, Encoded, ResourceTypes, encode_values, resolve};
use crate::fuzzing::{Declared, ENGINE, Types};
use crate::paths::async_paths;

/// The bytes of a peer are a value of the declared type, within the limits, that can be sent on and
/// is the same then; or an error that says so, and nothing is left in the store.
pub fn decode_values(data: &[u8]) {
    let _ = run(&mut Unstructured::new(data));
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let mut types = Types::new();
    let ty = types.any(u, 5)?;
    let declared = types.finish(ty);
    let limits = limits(u)?;
    let portion = u.arbitrary::<u8>()?.into();
    let bytes = u.bytes(u.len())?;
    // For the tasks of streams, which never run.
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("there is memory for a runtime");
    let _entered = runtime.enter();
    let mut call = Call {
        store: host::store(&ENGINE),
        resources: ResourceTypes {
            guest: [declared.guest].into(),
            io_streams: [declared.stream].into(),
        },
        declared,
        portion,
    };
    match call.decode(bytes, limits) {
        Ok(value) => call.holds(&value, bytes, limits),
        Err(error) => {
            assert!(call.store.data().table.is_empty(), "something is left");
            told(error);
        }
    }
    Ok(())
}

fn limits(u: &mut Unstructured<'_>) -> Result<Limits> {
    Ok(match u.int_in_range(0..=3)? {
        0 => Limits::default()
            .with_bytes(u.arbitrary::<u8>()?.into())
            .with_elements(u.arbitrary::<u8>()?.into())
            .with_depth(u.int_in_range(0..=5)?)
            .with_streams(u.int_in_range(0..=2)?),
        _ => Limits::default(),
    })
}

struct Call {
    store: Store<Host>,
    resources: ResourceTypes,
    declared: Declared,
    portion: usize,
}

impl Call {
    /// The one value in `bytes`, in the store.
    fn decode(&mut self, bytes: &[u8], limits: Limits) -> core::result::Result<Val, DecodeError> {
        let peer = Peer::new(bytes, self.portion);
        let asked = peer.asked.clone();
        let (ty, resources) = (&self.declared.ty, &self.resources);
        let mut decoder = Decoder::new(peer, limits);
        let read = decoder.read(ty, &[0], resources).now_or_never();
        let paths = async_paths(core::slice::from_ref(ty), &resources.io_streams);
        for path in asked.lock().expect("nobody panicked").iter() {
            assert!(
                paths.iter().any(|asked| fits(asked, path)),
                "{path:?} is in none of {paths:?}"
            );
        }
        let mut value = read.expect("all has arrived")?;
        let pending = decoder.take_pending();
        let finished = decoder.finish().now_or_never();
        finished.expect("all has arrived")?;
        let lent = resolve(&mut self.store, [&mut value], pending, None)?;
        lent.release(&mut self.store);
        Ok(value)
    }

    fn encode(&mut self, value: &Val) -> Encoded {
        let encoded = encode_values(
            self.store.as_context_mut(),
            core::slice::from_ref(value),
            core::slice::from_ref(&self.declared.ty),
            &self.resources,
            None,
        );
        let encoded = encoded.expect("it is a value of the type");
        let left = self.store.data().table.is_empty();
        assert!(left, "what was sent on is still here");
        encoded
    }

    fn holds(mut self, value: &Val, bytes: &[u8], limits: Limits) {
        let size = parts(value);
        assert!(size <= limits.elements, "{size} values");
        assert!(bytes.len() <= limits.bytes, "{} bytes", bytes.len());
        let streams = streams(value);
        assert!(streams <= limits.streams, "{streams} streams");
        let sent = self.encode(value);
        assert_eq!(sent.streams.len(), streams);
        assert!(sent.bytes.len() <= bytes.len(), "shorter is not possible");
        let again = self.decode(&sent.bytes, Limits::default());
        let again = again.expect("it was encoded");
        // The bytes, as a NaN is no other's equal.
        assert_eq!(self.encode(&again).bytes, sent.bytes);
    }
}

/// Bytes are the fault of the peer, and what is said of them is for a log.
fn told(error: DecodeError) {
    let is_end = matches!(error, DecodeError::UnexpectedEnd);
    let error = RpcError::from(error);
    let kind = if is_end {
        RpcErrorKind::TargetFailed
    } else {
        RpcErrorKind::Protocol
    };
    assert_eq!((error.kind(), error.delivery()), (kind, Delivery::Accepted));
    assert!(error.message().len() < 200, "{error}");
    assert!(!error.message().contains(char::is_control), "{error}");
}

fn fits(asked: &[Option<usize>], path: &[usize]) -> bool {
    let fits = |(asked, index): (&Option<usize>, &usize)| asked.is_none_or(|one| one == *index);
    asked.len() == path.len() && asked.iter().zip(path).all(fits)
}

/// How many values `value` counts as, itself not included.
pub(in crate::codec) fn parts(value: &Val) -> usize {
    let each = |values: &[Val]| values.iter().map(|value| 1 + parts(value)).sum();
    match value {
        Val::List(values) | Val::Tuple(values) => each(values),
        Val::Record(fields) => fields.iter().map(|(_, value)| 1 + parts(value)).sum(),
        Val::Flags(flags) => flags.len(),
        _ => payload(value).map_or(0, |value| 1 + parts(value)),
    }
}

fn payload(value: &Val) -> Option<&Val> {
    match value {
        Val::Variant(_, payload)
        | Val::Option(payload)
        | Val::Result(Ok(payload) | Err(payload)) => payload.as_deref(),
        _ => None,
    }
}

/// How many streams are among its resources.
fn streams(value: &Val) -> usize {
    match value {
        Val::List(values) | Val::Tuple(values) => values.iter().map(streams).sum(),
        Val::Record(fields) => fields.iter().map(|(_, value)| streams(value)).sum(),
        Val::Resource(resource) => {
            usize::from(resource.ty() == ResourceType::host::<DynInputStream>())
        }
        _ => payload(value).map_or(0, streams),
    }
}
