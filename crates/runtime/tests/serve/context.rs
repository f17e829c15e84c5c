//! Stores that are told which call their guest runs for.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wrpc_middleware_runtime::ExportServer;
use wrpc_transport::frame::{Incoming, Outgoing};
use wrpc_transport::{Invoke as _, Serve};

use crate::guests;
use crate::host::{Host, Shared, engine, prepare};
use crate::net::{Calls, Net, SYNC};

type Paths = Arc<[Box<[Option<usize>]>]>;

/// A transport that numbers its calls as they come.
struct Numbering {
    net: Net,
    calls: Arc<AtomicU32>,
}

impl Serve for Numbering {
    type Context = u32;
    type Outgoing = Outgoing;
    type Incoming = Incoming;

    async fn serve(
        &self,
        instance: &str,
        func: &str,
        paths: impl Into<Paths> + Send,
    ) -> anyhow::Result<
        impl Stream<Item = anyhow::Result<(u32, Outgoing, Incoming)>> + Send + 'static,
    > {
        let calls = self.net.transport().serve(instance, func, paths).await?;
        let number = Arc::clone(&self.calls);
        Ok(calls.map(move |call| {
            let ((), outgoing, incoming) = call?;
            Ok((number.fetch_add(1, SeqCst), outgoing, incoming))
        }))
    }
}

/// A component that is served in stores which are told the numbers of its calls.
struct Served {
    net: Net,
    calls: Calls,
    shared: Shared,
    /// What stores were told, in that order.
    told: Arc<Mutex<Vec<Option<u32>>>>,
}

impl Served {
    async fn new(binary: &[u8]) -> Self {
        let engine = engine();
        let component = prepare(&engine, binary);
        let shared = Shared::default();
        let told: Arc<Mutex<Vec<_>>> = Arc::default();
        let (made, log) = (shared.clone(), Arc::clone(&told));
        let exports = ExportServer::new(component, move || made.store(&engine));
        let of_call = |context: Option<&u32>| context.copied();
        let set = move |host: &mut Host, call| {
            log.lock().unwrap().push(call);
            host.call = call;
        };
        let net = Net::default();
        let transport = Numbering {
            net: net.clone(),
            calls: Arc::default(),
        };
        let served = exports.serve_with(&transport, of_call, set).await;
        Self {
            net,
            calls: Calls::run(served.unwrap()),
            shared,
            told,
        }
    }

    /// The bytes of the result, and whether the call succeeded.
    async fn call(&mut self, instance: &str, func: &str, params: &[u8]) -> (Vec<u8>, bool) {
        let params = Bytes::copy_from_slice(params);
        let client = self.net.connect();
        let call = client.invoke((), instance, func, params, SYNC).await;
        let (mut outgoing, mut incoming) = call.unwrap();
        outgoing.shutdown().await.unwrap();
        let mut result = Vec::new();
        incoming.read_to_end(&mut result).await.unwrap();
        (result, self.calls.next().await.is_ok())
    }

    fn paused_for(&self) -> Vec<Option<u32>> {
        self.shared.paused_for.lock().unwrap().clone()
    }

    fn told(&self) -> Vec<Option<u32>> {
        self.told.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn the_store_of_a_call_is_told_before_the_guest_runs() {
    let mut served = Served::new(&guests::calc()).await;
    served.shared.gate.0.add_permits(2);
    for _ in 0..2 {
        assert!(served.call("test:serve/calc", "pause", &[]).await.1);
    }
    assert_eq!(served.paused_for(), [Some(0), Some(1)]);
    assert_eq!(served.told(), [Some(0), Some(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_shared_store_is_told_of_each_call_and_of_its_end() {
    const COUNTERS: &str = "test:serve/counters";

    let mut served = Served::new(&guests::counters()).await;
    served.shared.gate.0.add_permits(2);
    let (counter, _) = served.call(COUNTERS, "counter", &[1]).await;
    for _ in 0..2 {
        assert!(served.call(COUNTERS, "counter.pause", &counter).await.1);
    }
    assert_eq!(served.paused_for(), [Some(1), Some(2)]);
    let told = [Some(0), None, Some(1), None, Some(2), None];
    assert_eq!(served.told(), told);

    // An instance that replaces one which has trapped is told as well.
    assert!(!served.call(COUNTERS, "counter.trap", &counter).await.1);
    let (counter, _) = served.call(COUNTERS, "counter", &[1]).await;
    served.shared.gate.0.add_permits(1);
    assert!(served.call(COUNTERS, "counter.pause", &counter).await.1);
    assert_eq!(served.paused_for(), [Some(1), Some(2), Some(5)]);
    assert_eq!(served.told().last(), Some(&None));
}
