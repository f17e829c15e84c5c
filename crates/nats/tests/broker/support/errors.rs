//! What a stream ended in.

use core::fmt::Debug;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use wrpc_middleware_testing::wait::guard;

/// The [`RpcError`] that `result` failed with, of this kind and delivery.
pub fn assert_failed<T: Debug>(
    result: Result<T, impl Into<anyhow::Error>>,
    kind: RpcErrorKind,
    delivery: Delivery,
) -> RpcError {
    let error = result.expect_err("a failure").into();
    let found = RpcError::find_in(&error).cloned();
    let found = found.unwrap_or_else(|| panic!("no RpcError: {error:?}"));
    assert_eq!(
        (found.kind(), found.delivery()),
        (kind, delivery),
        "{found:?}"
    );
    found
}

/// All that can be read before the stream fails, and how it does, every time.
pub async fn read_to_failure(
    incoming: &mut (impl AsyncRead + Unpin),
    kind: RpcErrorKind,
    delivery: Delivery,
) -> (Vec<u8>, RpcError) {
    let mut bytes = Vec::new();
    let failed = guard("the failure of a stream", incoming.read_to_end(&mut bytes)).await;
    let error = assert_failed(failed, kind, delivery);
    for _ in 0..3 {
        let again = guard("the same failure", incoming.read_u8()).await;
        let again = assert_failed(again, kind, delivery);
        assert_eq!(again.message(), error.message());
    }
    (bytes, error)
}

/// All that can be read before the stream ends, and that it did not fail.
pub async fn read_to_end(incoming: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    guard("the end of a stream", incoming.read_to_end(&mut bytes))
        .await
        .expect("a clean end");
    bytes
}
