//! A store, and a stream of a peer that has arrived already.

#![expect(clippy::unwrap_used, reason = "it is for tests alone")]

use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, DuplexStream, ReadBuf, ReadHalf, WriteHalf};
use wasmtime::component::{ResourceTable, Type, Val};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wrpc_runtime_wasmtime::{SharedResourceTable, WrpcCtx, WrpcCtxView, WrpcView};
use wrpc_transport::Index;
use wrpc_transport::frame::Oneshot;

use crate::Limits;
use crate::codec::{DecodeError, Decoder, Encoded, Handles, ResourceTypes, encode_values, resolve};

pub(crate) type Invoke = Oneshot<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

/// What a store of the tests holds.
pub(crate) struct Host {
    ctx: Ctx,
    pub(super) table: ResourceTable,
    wasi: WasiCtx,
}

struct Ctx {
    client: Invoke,
    shared: SharedResourceTable,
}

impl WrpcCtx<Invoke> for Ctx {
    fn context(&self) {}

    fn client(&self) -> &Invoke {
        &self.client
    }

    fn shared_resources(&mut self) -> &mut SharedResourceTable {
        &mut self.shared
    }
}

impl WrpcView for Host {
    type Invoke = Invoke;

    fn wrpc(&mut self) -> WrpcCtxView<'_, Invoke> {
        WrpcCtxView {
            ctx: &mut self.ctx,
            table: &mut self.table,
        }
    }
}

/// Upstream's server asks for it.
impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

pub(crate) fn store(engine: &Engine) -> Store<Host> {
    let (client, _) = Oneshot::duplex(64);
    let ctx = Ctx {
        client,
        shared: SharedResourceTable::default(),
    };
    let table = ResourceTable::new();
    let wasi = WasiCtx::builder().build();
    Store::new(engine, Host { ctx, table, wasi })
}

pub(super) fn no_resources() -> ResourceTypes {
    ResourceTypes {
        guest: Arc::from([]),
        io_streams: Arc::from([]),
    }
}

/// A stream whose bytes come in the given portions, and what its children are.
#[derive(Clone, Default)]
pub(super) struct Arrived {
    portions: VecDeque<Bytes>,
    children: Arc<Mutex<HashMap<Vec<usize>, Arrived>>>,
    path: Vec<usize>,
    /// Fails with this at the end.
    failure: Option<io::ErrorKind>,
}

impl Arrived {
    /// `bytes`, at most `size` at a time.
    pub(super) fn new(bytes: &[u8], size: usize) -> Self {
        Self {
            portions: bytes.chunks(size).map(Bytes::copy_from_slice).collect(),
            ..Self::default()
        }
    }

    pub(super) fn child(self, path: &[usize], child: Self) -> Self {
        self.children.lock().unwrap().insert(path.to_vec(), child);
        self
    }

    pub(super) fn failing(mut self, kind: io::ErrorKind) -> Self {
        self.failure = Some(kind);
        self
    }
}

impl AsyncRead for Arrived {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(portion) = self.portions.front_mut() {
            let n = portion.len().min(buf.remaining());
            buf.put_slice(&portion.split_to(n));
            if !portion.has_remaining() {
                self.portions.pop_front();
            }
        } else if let Some(kind) = self.failure {
            return Poll::Ready(Err(io::Error::new(kind, "10.0.0.1:4222")));
        }
        Poll::Ready(Ok(()))
    }
}

impl Index<Self> for Arrived {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        let path = [&self.path, path].concat();
        let mut children = self.children.lock().unwrap();
        let child = children
            .remove(&path)
            .ok_or_else(|| anyhow::anyhow!("no child at {path:?}"))?;
        Ok(Self { path, ..child })
    }
}

pub(crate) fn encode(store: &mut Store<Host>, value: &Val, ty: &Type) -> wasmtime::Result<Encoded> {
    let values = core::slice::from_ref(value);
    let types = core::slice::from_ref(ty);
    encode_values(
        wasmtime::AsContextMut::as_context_mut(store),
        values,
        types,
        &no_resources(),
        None,
    )
}

/// The one value of type `ty` in `incoming`, and nothing else.
pub(super) async fn decode(
    incoming: Arrived,
    ty: &Type,
    limits: Limits,
) -> Result<Val, DecodeError> {
    let mut decoder = Decoder::new(incoming, limits);
    let value = decoder.read(ty, &[0], &no_resources()).await?;
    assert!(decoder.take_pending().is_empty());
    decoder.finish().await?;
    Ok(value)
}

/// Like [`decode`], resources included.
pub(super) async fn decode_into(
    store: &mut Store<Host>,
    incoming: Arrived,
    ty: &Type,
    resources: &ResourceTypes,
    handles: Option<&mut Handles>,
) -> Result<Val, DecodeError> {
    let mut decoder = Decoder::new(incoming, Limits::default());
    let mut value = decoder.read(ty, &[0], resources).await?;
    let pending = decoder.take_pending();
    let _ = resolve(store, [&mut value], pending, handles)?;
    decoder.finish().await?;
    Ok(value)
}
