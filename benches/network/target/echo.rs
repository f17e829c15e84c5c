//! Functions that return what they are given, or what they always return.

use core::pin::pin;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::task::JoinSet;
use wrpc_transport::{Serve, ServeExt as _};

/// The interface that is served.
pub(crate) const ECHO: &str = "bench:app/echo@0.1.0";

/// Takes and returns bytes.
pub(crate) const PLAIN: &str = "plain";

/// Takes bytes and returns a `result` of them, as the component's import does.
const TYPED: &str = "echo";

/// Takes nothing and returns [`THE_ANSWER`].
pub(crate) const ANSWER: &str = "answer";

pub(crate) const THE_ANSWER: u32 = 42;

/// Serves all of them.
pub(super) async fn serve<S: Serve>(wrpc: &S, served: &mut JoinSet<()>) -> anyhow::Result<()> {
    let plain = wrpc
        .serve_values::<(Bytes,), (Bytes,)>(ECHO, PLAIN, [])
        .await?;
    served.spawn(async move {
        let mut calls = pin!(plain);
        while let Some(call) = calls.next().await {
            // One that arrives broken is its caller's loss.
            let Ok((_, (data,), _, respond)) = call else {
                continue;
            };
            tokio::spawn(respond((data,)));
        }
    });

    let typed = wrpc
        .serve_values::<(Bytes,), (Result<Bytes, String>,)>(ECHO, TYPED, [])
        .await?;
    served.spawn(async move {
        let mut calls = pin!(typed);
        while let Some(call) = calls.next().await {
            let Ok((_, (data,), _, respond)) = call else {
                continue;
            };
            tokio::spawn(respond((Ok(data),)));
        }
    });

    let answer = wrpc.serve_values::<(), (u32,)>(ECHO, ANSWER, []).await?;
    served.spawn(async move {
        let mut calls = pin!(answer);
        while let Some(call) = calls.next().await {
            let Ok((_, (), _, respond)) = call else {
                continue;
            };
            tokio::spawn(respond((THE_ANSWER,)));
        }
    });
    Ok(())
}
