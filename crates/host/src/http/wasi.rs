//! `wasi:http` as this host provides it: what a request needs, and no way out.

use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::WasiHttpCtx;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, OutgoingRequestConfig};
use wasmtime_wasi_http::p2::{HttpResult, WasiHttpCtxView, WasiHttpHooks};

/// What the headers or trailers may take that a guest makes, in bytes: it may make many of them.
const MAX_FIELDS: usize = 64 * 1024;

/// What a store has for `wasi:http`.
pub(crate) struct WasiHttp {
    ctx: WasiHttpCtx,
    hooks: NoWayOut,
}

impl Default for WasiHttp {
    fn default() -> Self {
        let mut ctx = WasiHttpCtx::default();
        ctx.set_field_size_limit(MAX_FIELDS);
        Self {
            ctx,
            hooks: NoWayOut,
        }
    }
}

impl WasiHttp {
    /// As `wasmtime_wasi_http` wants it.
    pub(crate) fn view<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiHttpCtxView<'a> {
        WasiHttpCtxView {
            ctx: &mut self.ctx,
            table,
            hooks: &mut self.hooks,
        }
    }
}

/// Whom a component may call is said by links, and there are none to the rest of the world.
#[derive(Default)]
struct NoWayOut;

impl WasiHttpHooks for NoWayOut {
    fn send_request(
        &mut self,
        _: hyper::Request<HyperOutgoingBody>,
        _: OutgoingRequestConfig,
    ) -> HttpResult<HostFutureIncomingResponse> {
        Err(ErrorCode::HttpRequestDenied.into())
    }
}
