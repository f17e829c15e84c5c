//! Who calls and who serves.

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use wrpc_middleware_nats::{CallContext, Client, ConnectOptions, Options, connect};
use wrpc_middleware_transport::{Context, RpcError, Target};
use wrpc_transport::Invoke;

use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

pub const INSTANCE: &str = "test:app/echo@0.1.0";
pub const NO_PATHS: [[Option<usize>; 0]; 0] = [];

pub async fn client(server: &NatsServer, id: &str) -> Client {
    let options = ConnectOptions::new(server.url()).client(Options::new().id(id));
    connect(options).await.expect("connect")
}

/// The context of a call to `target`.
pub fn to(target: &str) -> CallContext {
    Context::new(None).with_target(Target::new(target).unwrap())
}

/// Calls `func` without parameters and reads all that it answers.
pub async fn ask<I: Invoke>(
    client: &I,
    context: I::Context,
    func: &str,
) -> Result<Vec<u8>, RpcError> {
    let asking = async {
        let call = client.invoke(context, INSTANCE, func, Bytes::new(), NO_PATHS);
        let (mut params, mut results) = call.await?;
        params.shutdown().await?;
        let mut answer = Vec::new();
        results.read_to_end(&mut answer).await?;
        anyhow::Ok(answer)
    };
    guard("an answer", asking).await.map_err(RpcError::classify)
}

/// What runs until this is dropped.
pub struct Running(pub JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
