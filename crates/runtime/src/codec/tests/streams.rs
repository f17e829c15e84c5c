//! Byte streams.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::codec::FramedRead;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{ResourceType, Type, Val};
use wasmtime::{AsContextMut as _, Engine};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::pipe::{AsyncReadStream, MemoryInputPipe};
use wasmtime_wasi::p2::{DynInputStream, InputStream, Pollable, StreamError};
use wrpc_middleware_errors::{RpcError, RpcErrorKind};
use wrpc_transport::ListDecoderU8;

use super::types::component;
use crate::Limits;
use crate::codec::host::{Arrived, Host, decode_into, store};
use crate::codec::stream::ChunkReader;
use crate::codec::{
    DecodeError, Decoder, OutgoingStream, ResourceTypes, encode_values, write_streams,
};

/// A peer that keeps what it gets, as [`wrpc_transport::Index`] wants it.
mod peer {
    use core::pin::Pin;
    use core::task::{Context, Poll};
    use std::collections::BTreeMap;
    use std::io;
    use std::sync::{Arc, Mutex};

    use tokio::io::AsyncWrite;
    use wrpc_transport::Index;

    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(super) struct Got {
        pub(super) bytes: Vec<u8>,
        pub(super) closed: bool,
    }

    #[derive(Clone, Default)]
    pub(super) struct Peer {
        pub(super) got: Arc<Mutex<BTreeMap<Vec<usize>, Got>>>,
        path: Vec<usize>,
    }

    impl Peer {
        pub(super) fn at(&self, path: &[usize]) -> Got {
            self.got
                .lock()
                .unwrap()
                .get(path)
                .cloned()
                .unwrap_or_default()
        }
    }

    impl AsyncWrite for Peer {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            let mut got = self.got.lock().unwrap();
            got.entry(self.path.clone()).or_default().bytes.extend(buf);
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            let mut got = self.got.lock().unwrap();
            got.entry(self.path.clone()).or_default().closed = true;
            Poll::Ready(Ok(()))
        }
    }

    impl Index<Self> for Peer {
        fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
            Ok(Self {
                got: Arc::clone(&self.got),
                path: [&self.path, path].concat(),
            })
        }
    }
}

use peer::Peer;

fn outgoing(path: &[usize], stream: impl InputStream + 'static) -> OutgoingStream {
    OutgoingStream {
        path: path.to_vec(),
        stream: Box::new(stream),
    }
}

/// Is ready without anything to read a few times, then has a little, then ends or fails.
struct Hesitant {
    left: usize,
    fails: bool,
}

#[async_trait]
impl Pollable for Hesitant {
    async fn ready(&mut self) {}
}

impl InputStream for Hesitant {
    fn read(&mut self, _: usize) -> Result<Bytes, StreamError> {
        self.left = self.left.saturating_sub(1);
        match self.left {
            0 if self.fails => Err(StreamError::LastOperationFailed(wasmtime::Error::msg(
                "disk",
            ))),
            0 => Err(StreamError::Closed),
            1 => Ok(Bytes::from_static(b"abc")),
            _ => Ok(Bytes::new()),
        }
    }
}

#[tokio::test]
async fn a_stream_is_written_in_chunks_to_its_end_marker_and_closed() {
    let peer = Peer::default();
    let long = vec![7u8; 100_000];
    let streams = vec![
        outgoing(&[0, 2], MemoryInputPipe::new(long.clone())),
        outgoing(
            &[1],
            Hesitant {
                left: 5,
                fails: false,
            },
        ),
        outgoing(&[2], MemoryInputPipe::new(Bytes::new())),
    ];
    write_streams(&peer, streams).await.unwrap();
    assert_eq!(peer.at(&[1]).bytes, [3, b'a', b'b', b'c', 0]);
    assert_eq!(peer.at(&[2]).bytes, [0]);
    assert!(
        [vec![0, 2], vec![1], vec![2]]
            .iter()
            .all(|path| peer.at(path).closed)
    );

    let written = peer.at(&[0, 2]).bytes;
    let chunks: Vec<_> = FramedRead::new(written.as_slice(), ListDecoderU8::default())
        .try_collect()
        .await
        .unwrap();
    let (end, chunks) = chunks.split_last().unwrap();
    assert!(end.is_empty() && chunks.iter().all(|chunk| !chunk.is_empty()));
    assert_eq!(chunks.concat(), long);

    let mut read = Vec::new();
    let mut reader = ChunkReader::new(written.as_slice());
    reader.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, long);
}

#[tokio::test]
async fn a_stream_that_fails_has_no_end_marker() {
    let peer = Peer::default();
    let streams = vec![outgoing(
        &[0],
        Hesitant {
            left: 3,
            fails: true,
        },
    )];
    let error = write_streams(&peer, streams).await.unwrap_err();
    assert!(format!("{:#}", anyhow::Error::from(error)).contains("disk"));
    assert_eq!(peer.at(&[0]).bytes, [3, b'a', b'b', b'c']);
}

#[tokio::test]
async fn chunks_are_read_wherever_they_are_cut() {
    let bytes = [0x82, 0x80, 0x00, b'a', b'b', 1, b'c', 0, b'x'];
    for portion in 1..bytes.len() {
        let mut read = Vec::new();
        let mut reader = ChunkReader::new(Arrived::new(&bytes, portion));
        reader.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"abc", "{portion}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_before_its_end_marker_fails_and_goes_on_failing() {
    for (bytes, kind) in [
        (&[][..], RpcErrorKind::TargetFailed),
        (&[1, b'a'], RpcErrorKind::TargetFailed),
        (&[0x81], RpcErrorKind::TargetFailed),
        (&[3, b'a'], RpcErrorKind::TargetFailed),
        (&[0xff, 0xff, 0xff, 0xff, 0x7f, 0], RpcErrorKind::Protocol),
    ] {
        let mut reader = ChunkReader::new(Arrived::new(bytes, 100));
        let mut read = Vec::new();
        for _ in 0..2 {
            let error = reader.read_to_end(&mut read).await.unwrap_err();
            assert_eq!(RpcError::find(&error).unwrap().kind(), kind, "{bytes:?}");
        }
    }
    for bytes in [&[][..], &[3, b'a']] {
        let broken = Arrived::new(bytes, 9).failing(io::ErrorKind::ConnectionReset);
        let mut reader = ChunkReader::new(broken);
        for _ in 0..2 {
            let error = reader.read_to_end(&mut Vec::new()).await.unwrap_err();
            let error = RpcError::find(&error).unwrap();
            assert_eq!(error.kind(), RpcErrorKind::Transport);
        }
    }
}

#[tokio::test]
async fn a_chunk_is_passed_on_as_it_arrives() {
    let (mut peer, incoming) = tokio::io::duplex(64);
    let mut reader = ChunkReader::new(incoming);
    let mut buffer = [0; 16];
    // Four GiB are announced; what there is of them is read.
    peer.write_all(&[0xff, 0xff, 0xff, 0xff, 0x0f, b'a', b'b'])
        .await
        .unwrap();
    assert_eq!(reader.read(&mut buffer).await.unwrap(), 2);
    peer.write_all(b"c").await.unwrap();
    assert_eq!(reader.read(&mut buffer).await.unwrap(), 1);
}

/// Types with `wasi:io` streams in them, and what the streams are.
fn streaming(engine: &Engine) -> (Vec<Type>, ResourceTypes) {
    let wit = "
        package root:root;
        world w { export test:types/i; }
        package wasi:io@0.2.0 { interface streams { resource input-stream; } }
        package test:types {
            interface i {
                use wasi:io/streams@0.2.0.{input-stream};
                record r { a: u8, b: option<input-stream> }
                nested: func(x: tuple<u8, r>);
                many: func(x: list<input-stream>);
            }
        }
    ";
    let component = component(engine, wit);
    let ty = component.component_type();
    let Some(ComponentItem::ComponentInstance(io)) = ty.get_import(engine, "wasi:io/streams@0.2.0")
    else {
        panic!("no import");
    };
    let Some(ComponentItem::Resource(stream)) = io.get_export(engine, "input-stream") else {
        panic!("no resource");
    };
    let Some(ComponentItem::ComponentInstance(exports)) = ty.get_export(engine, "test:types/i")
    else {
        panic!("no export");
    };
    let types = exports
        .exports(engine)
        .filter_map(|(_, item)| match item {
            ComponentItem::ComponentFunc(ty) => ty.params().next().map(|(_, ty)| ty),
            _ => None,
        })
        .collect();
    let resources = ResourceTypes {
        guest: Arc::from([]),
        io_streams: Arc::from([stream]),
    };
    (types, resources)
}

fn push(store: &mut wasmtime::Store<Host>, bytes: &'static [u8]) -> Val {
    let stream: DynInputStream = Box::new(MemoryInputPipe::new(bytes));
    let stream = store.data_mut().table.push(stream).unwrap();
    Val::Resource(stream.try_into_resource_any(store).unwrap())
}

async fn read_all(store: &mut wasmtime::Store<Host>, value: &Val) -> Result<Vec<u8>, StreamError> {
    let Val::Resource(stream) = value else {
        panic!("{value:?}");
    };
    assert_eq!(stream.ty(), ResourceType::host::<DynInputStream>());
    let stream = stream
        .try_into_resource::<DynInputStream>(&mut *store)
        .unwrap();
    let mut stream = store.data_mut().table.delete(stream).unwrap();
    let mut read = Vec::new();
    loop {
        match stream.blocking_read(10).await {
            Ok(bytes) => read.extend(bytes),
            Err(StreamError::Closed) => return Ok(read),
            Err(error) => return Err(error),
        }
    }
}

#[tokio::test]
async fn streams_travel_on_the_child_at_their_path() {
    let engine = Engine::default();
    let (types, resources) = streaming(&engine);
    let mut store = store(&engine);
    let value = Val::Tuple(vec![
        Val::U8(1),
        Val::Record(vec![
            ("a".into(), Val::U8(2)),
            (
                "b".into(),
                Val::Option(Some(Box::new(push(&mut store, b"hello")))),
            ),
        ]),
    ]);
    let encoded = encode_values(
        store.as_context_mut(),
        &[Val::U8(0), value],
        &[Type::U8, types[0].clone()],
        &resources,
        None,
    )
    .unwrap();
    assert!(store.data_mut().table.is_empty(), "the stream is ours now");
    assert_eq!(*encoded.bytes, [0, 1, 2, 1]);
    let peer = Peer::default();
    write_streams(&peer, encoded.streams).await.unwrap();
    let sent = peer.at(&[1, 1, 1]);
    assert_eq!(sent.bytes, b"\x05hello\0");

    let incoming =
        Arrived::new(&encoded.bytes[1..], 100).child(&[0, 1, 1], Arrived::new(&sent.bytes, 2));
    let value = decode_into(&mut store, incoming, &types[0], &resources, None)
        .await
        .unwrap();
    let Val::Tuple(members) = value else { panic!() };
    let Val::Record(fields) = &members[1] else {
        panic!()
    };
    let (_, Val::Option(Some(stream))) = &fields[1] else {
        panic!()
    };
    assert_eq!(read_all(&mut store, stream).await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_guest_that_reads_a_broken_stream_is_told() {
    let engine = Engine::default();
    let (_, resources) = streaming(&engine);
    let mut store = store(&engine);
    let ty = Type::Own(resources.io_streams[0]);
    let incoming = Arrived::new(&[], 1).child(&[0], Arrived::new(b"\x03ab", 10));
    let value = decode_into(&mut store, incoming, &ty, &resources, None)
        .await
        .unwrap();
    let error = read_all(&mut store, &value).await.unwrap_err();
    assert!(
        matches!(error, StreamError::LastOperationFailed(_)),
        "{error}"
    );
}

#[tokio::test]
async fn a_guest_does_not_see_where_a_broken_stream_comes_from() {
    let engine = Engine::default();
    let (_, resources) = streaming(&engine);
    let mut store = store(&engine);
    let ty = Type::Own(resources.io_streams[0]);
    let broken = Arrived::new(b"\x03ab", 10).failing(io::ErrorKind::ConnectionReset);
    let incoming = Arrived::new(&[], 1).child(&[0], broken);
    let value = decode_into(&mut store, incoming, &ty, &resources, None)
        .await
        .unwrap();
    let error = read_all(&mut store, &value).await.unwrap_err();
    let StreamError::LastOperationFailed(error) = error else {
        panic!("{error}");
    };
    let chain: Vec<_> = error.chain().map(ToString::to_string).collect();
    assert_eq!(chain, ["transport: the connection failed"]);
}

#[tokio::test]
async fn streams_are_counted_before_any_is_opened() {
    let engine = Engine::default();
    let (types, resources) = streaming(&engine);
    // A stream takes no bytes of its own.
    let mut incoming = Arrived::new(&[3], 1);
    for i in 0..3 {
        incoming = incoming.child(&[0, i], Arrived::default());
    }
    for (streams, fits) in [(3, true), (2, false)] {
        let limits = Limits::default().with_streams(streams);
        let mut decoder = Decoder::new(incoming.clone(), limits);
        let value = decoder.read(&types[1], &[0], &resources).await;
        assert_eq!(value.is_ok(), fits);
        if let Err(error) = value {
            assert!(
                matches!(
                    error,
                    DecodeError::Limit {
                        what: "streams",
                        ..
                    }
                ),
                "{error}"
            );
        } else {
            // The children were taken out of the stream, so they are put there again.
            for i in 0..3 {
                incoming = incoming.child(&[0, i], Arrived::default());
            }
        }
    }
    let many = Arrived::new(&[0xff, 0xff, 0xff, 0xff, 0x0f], 5);
    let mut decoder = Decoder::new(many, Limits::default());
    let error = decoder.read(&types[1], &[0], &resources).await.unwrap_err();
    assert!(
        matches!(
            error,
            DecodeError::Limit {
                what: "elements",
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_stream_that_is_still_polled_does_not_travel_and_says_so() {
    let engine = Engine::default();
    let (_, resources) = streaming(&engine);
    let mut store = store(&engine);
    let stream: DynInputStream = Box::new(AsyncReadStream::new(tokio::io::empty()));
    let stream = store.data_mut().table.push(stream).unwrap();
    let pollable = store.data_mut().table.push_child((), &stream).unwrap();
    let value = Val::Resource(stream.try_into_resource_any(&mut store).unwrap());
    let ty = [Type::Own(resources.io_streams[0])];
    let error = encode_values(store.as_context_mut(), &[value], &ty, &resources, None);
    let error = format!("{:#}", error.err().unwrap());
    assert!(error.contains("still in use"), "{error}");
    store.data_mut().table.delete(pollable).unwrap();
}

#[tokio::test(start_paused = true)]
async fn streams_are_written_at_the_same_time() {
    let (mut slow, stream) = tokio::io::duplex(8);
    let peer = Peer::default();
    let streams = vec![
        outgoing(&[0], AsyncReadStream::new(stream)),
        outgoing(&[1], MemoryInputPipe::new(&b"fast"[..])),
    ];
    let writing = write_streams(&peer, streams);
    tokio::pin!(writing);
    let unfinished = tokio::time::timeout(Duration::from_secs(1), &mut writing).await;
    assert!(unfinished.is_err());
    assert_eq!(peer.at(&[1]).bytes, b"\x04fast\0");
    slow.write_all(b"slow").await.unwrap();
    drop(slow);
    writing.await.unwrap();
    assert_eq!(peer.at(&[0]).bytes, b"\x04slow\0");
}
