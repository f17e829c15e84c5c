//! What a hostile caller makes a server reserve. Alone in its process, since the process is what
//! is measured.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "clippy takes only functions marked as tests for tests"
)]

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, DuplexStream, ReadHalf, WriteHalf};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};
use wrpc_middleware_runtime::{
    ExportServer, Limits, SharedResourceTable, WrpcCtx, WrpcCtxView, WrpcView,
};
use wrpc_transport::Invoke as _;
use wrpc_transport::frame::{Oneshot, Server};

type Client = Oneshot<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

struct Host {
    ctx: Ctx,
    table: ResourceTable,
}

struct Ctx {
    client: Client,
    resources: SharedResourceTable,
}

impl WrpcCtx<Client> for Ctx {
    fn context(&self) {}

    fn client(&self) -> &Client {
        &self.client
    }

    fn shared_resources(&mut self) -> &mut SharedResourceTable {
        &mut self.resources
    }
}

impl WrpcView for Host {
    type Invoke = Client;

    fn wrpc(&mut self) -> WrpcCtxView<'_, Client> {
        WrpcCtxView {
            ctx: &mut self.ctx,
            table: &mut self.table,
        }
    }
}

const WIT: &str = "
package test:memory;
interface lists {
    record wide { a: list<u64>, b: string, c: option<list<list<string>>> }
    bytes: func(x: list<u8>);
    numbers: func(x: list<u64>);
    text: func(x: string);
    nested: func(x: list<list<list<string>>>);
    records: func(x: list<wide>);
}
world w { export lists; }
";

fn component(engine: &Engine) -> Component {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("memory.wit", WIT).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let abi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
    let mut module = wit_component::dummy_module(&resolve, world, abi);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let binary = ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap();
    Component::new(engine, binary).unwrap()
}

/// The most address space and the most memory that this process ever had, in bytes.
fn peak() -> [u64; 2] {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    ["VmPeak:", "VmHWM:"].map(|key| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    })
}

#[tokio::test]
async fn an_announced_length_reserves_nothing() {
    const FUNCTIONS: [&str; 5] = ["bytes", "numbers", "text", "nested", "records"];
    let engine = Engine::default();
    let component = Linker::new(&engine)
        .instantiate_pre(&component(&engine))
        .unwrap();
    let server = ExportServer::new(component, move || {
        let (client, _) = Oneshot::duplex(64);
        let resources = SharedResourceTable::default();
        let ctx = Ctx { client, resources };
        let table = ResourceTable::new();
        Store::new(&engine, Host { ctx, table })
    })
    // Nothing but what has arrived may count.
    .limits(
        Limits::default()
            .with_bytes(usize::MAX)
            .with_elements(usize::MAX),
    );
    let transport = Arc::new(Server::default());
    let mut calls = server.serve(&transport.as_ref()).await.unwrap();

    // Twice, so that what a first call sets up is there before anything is measured.
    for (length, bound) in [(1u8, u64::MAX), (0xff, 16 << 20)] {
        let before = peak();
        for func in FUNCTIONS {
            let (client, accepted) = Oneshot::duplex(1 << 16);
            let announced = [length, 0xff, 0xff, 0xff, 0x0f];
            let announced = if length == 1 { &[1][..] } else { &announced };
            let params = Bytes::from(announced.repeat(3));
            let paths: [&[Option<usize>]; 0] = [];
            let (outgoing, mut incoming) = {
                let (call, taken) = tokio::join!(
                    client.invoke((), "test:memory/lists", func, params, paths),
                    transport.accept(&accepted)
                );
                taken.unwrap();
                call.unwrap()
            };
            let ((), invocation) = calls.next().await.unwrap().unwrap();
            drop(outgoing);
            // Some of the short ones are values, and the dummy traps on them.
            invocation.await.unwrap_err();
            let mut result = Vec::new();
            incoming.read_to_end(&mut result).await.unwrap();
            assert!(result.is_empty());
        }
        if bound == u64::MAX {
            continue;
        }
        for (before, after) in before.into_iter().zip(peak()) {
            assert!(after - before < bound, "{} bytes", after - before);
        }
    }
}
