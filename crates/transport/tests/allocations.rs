//! What a call over a transport that answers at once allocates: it does not jitter, where time
//! does.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use bytes::Bytes;
use futures::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower::Layer as _;
use wrpc_middleware_transport::leaf::Evidence;
use wrpc_middleware_transport::link::{Link, LinkTable};
use wrpc_middleware_transport::{Context as Cx, Invoker, Stack, Target, Transport};
use wrpc_transport::{Index, Invoke};

#[derive(Clone)]
struct Immediate;

#[derive(Clone)]
struct Proof;

impl Evidence for Proof {
    fn reports_acceptance(&self) -> bool {
        true
    }
}

struct Ended;

impl AsyncRead for Ended {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Ended {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, b: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(b.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Index<Self> for Ended {
    fn index(&self, _: &[usize]) -> anyhow::Result<Self> {
        Ok(Self)
    }
}

impl Invoke for Immediate {
    type Context = ();
    type Outgoing = Ended;
    type Incoming = Ended;

    async fn invoke<P>(
        &self,
        (): (),
        _: &str,
        _: &str,
        _: Bytes,
        _: impl AsRef<[P]> + Send,
    ) -> anyhow::Result<(Ended, Ended)>
    where
        P: AsRef<[Option<usize>]> + Send + Sync,
    {
        Ok((Ended, Ended))
    }
}

const NO_PATHS: &[[Option<usize>; 0]] = &[];

#[tokio::test]
async fn a_call_over_the_stack_allocates_at_most_six_times() {
    let link = Link::new(
        "client",
        Target::new("greeter").unwrap(),
        "test:app/greeter".parse().unwrap(),
    );
    let stack = Stack::new(LinkTable::new([link]).unwrap());
    let leaf = Transport::with_evidence(Immediate, Proof);
    let invoker = Invoker::<_, Cx<()>>::new(stack.layer(leaf));
    let cx = Cx::new(()).with_source("client");
    let call = || {
        let params = Bytes::from_static(b"params");
        invoker
            .invoke(
                cx.clone(),
                "test:app/greeter@0.1.0",
                "greet",
                params,
                NO_PATHS,
            )
            .now_or_never()
            .expect("an answer at once")
            .is_ok()
    };
    // The first call makes what stays.
    assert!(call());
    let info = allocation_counter::measure(|| assert!(call()));
    assert!(info.count_total <= 6, "{} allocations", info.count_total);
    assert_eq!(info.count_current, 0, "something stays behind");
}
