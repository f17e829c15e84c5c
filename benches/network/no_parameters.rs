//! Calls of a function without parameters: its target waits for the end of them where it decodes by
//! upstream's codec, so a caller must not keep it waiting.

use std::sync::Arc;

use anyhow::ensure;
use tower::Layer as _;
use wrpc_middleware::Invoker;
use wrpc_middleware_bench::interleave::Contender;
use wrpc_transport::{Invoke, InvokeExt as _};

use crate::calls::{NO_PATHS, contender};
use crate::peers::{OWN_TARGET, UPSTREAM_TARGET, cx, own, stack, upstream};
use crate::target::{ANSWER, ECHO, THE_ANSWER};

/// What the rows are compared under.
pub(crate) const TITLE: &str = "No parameters";

/// The row that the others are divided by.
pub(crate) const BASELINE: &str = "upstream's client";

/// All rows, in their order.
pub(crate) const ROWS: [&str; 4] = [
    BASELINE,
    "own transport",
    "own transport, upstream's target",
    "full stack on own transport",
];

/// The rows. Each has a connection of its own.
pub(crate) async fn rows(url: &str) -> anyhow::Result<Vec<Contender>> {
    let [upstream_both, own_both, to_upstream, full] = ROWS;
    let stack = stack(OWN_TARGET)?.layer(own(url, OWN_TARGET).await?);
    Ok(vec![
        row(upstream_both, upstream(url, UPSTREAM_TARGET).await?, None),
        row(own_both, own(url, OWN_TARGET).await?, cx()),
        row(to_upstream, own(url, UPSTREAM_TARGET).await?, cx()),
        row(full, Invoker::new(stack), cx()),
    ])
}

fn row<I>(name: &str, transport: I, cx: I::Context) -> Contender
where
    I: Invoke<Context: Clone> + 'static,
{
    contender(
        name,
        (Arc::new(transport), cx),
        |(transport, cx)| async move {
            let ((answer,), _) = transport
                .invoke_values::<_, (), (u32,)>(cx, ECHO, ANSWER, (), NO_PATHS)
                .await?;
            ensure!(answer == THE_ANSWER, "{answer} came back");
            Ok(())
        },
    )
}
