//! A peer that does what it should, over a network that does not.

use core::iter::repeat_with;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use async_nats::{Message, Subject};
use bytes::Bytes;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::Paths;

use super::call::{made, with_connection};
use super::input;
use super::streams::{End, Reader};
use crate::budget::Budget;
use crate::connection::{Connection, ConnectionState, Core};
use crate::header;
use crate::offline;
use crate::serve::offline::Server;
use crate::subject::{PARAMS, RESULTS, stream};

/// Messages that are lost, repeated, or arrive in another order are never taken for all that the
/// peer has sent: a reader gets the beginning of it, and the end only of the whole. Where nothing
/// is lost, it gets the whole.
pub fn network(data: &[u8]) {
    let _ = run(&mut Unstructured::new(data));
}

const PEER: &str = "_INBOX.p.AAAAAAAAAAAAAAAA.aaaaaaaaaaaaaaaa";

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let is_caller = u.arbitrary()?;
    // Three of them: the values, a stream that is asked for by its path, and one by a wildcard.
    let mut sent = Vec::new();
    for path in [&[][..], &[1], &[0, 2]] {
        sent.push(Sent::new(path, u)?);
    }
    let paths: Paths = [[Some(1)].into(), [Some(0), None].into()].into();
    let is_tight: bool = u.arbitrary()?;
    let held = if is_tight {
        1 << u.int_in_range(6..=14)?
    } else {
        16 << 20
    };
    with_connection(Budget::new(held, held), 2048, |connection, _idle| {
        let core = Arc::clone(connection.core());
        let mut call = Call::new(connection, paths, &mut sent, is_caller, u)?;
        call.is_faultless = !is_tight && sent.iter().all(|sent| sent.failure.is_none());
        call.handshake(&core, &mut sent);
        while !u.is_empty() {
            call.happen(&core, &mut sent, u)?;
            call.holds(&sent);
        }
        if call.is_faultless {
            call.ends_cleanly(&core, &mut sent);
        }
        Ok(())
    })
}

/// What a peer sends on one stream.
struct Sent {
    path: Vec<usize>,
    chunks: Vec<Vec<u8>>,
    /// All of them together.
    all: Vec<u8>,
    /// What it ends in.
    failure: Option<RpcError>,
    /// How many messages were sent in order.
    next: usize,
}

impl Sent {
    fn new(path: &[usize], u: &mut Unstructured<'_>) -> Result<Self> {
        let mut counter = 0_u8;
        let mut chunks = Vec::new();
        for _ in 0..u.int_in_range(0..=5)? {
            let len = if u.arbitrary()? {
                1 + usize::from(u.arbitrary::<u8>()? % 8)
            } else {
                // More than is copied.
                4000 + usize::from(u.arbitrary::<u8>()?)
            };
            // Each byte another than those around it, so that none is missed or out of place.
            let bytes = repeat_with(|| {
                counter = counter.wrapping_add(1);
                counter
            });
            chunks.push(bytes.take(len).collect());
        }
        let failure = (u.arbitrary::<u8>()? % 4 == 0)
            .then(|| input::error(u))
            .transpose()?;
        Ok(Self {
            path: path.to_vec(),
            all: chunks.concat(),
            chunks,
            failure,
            next: 0,
        })
    }

    /// How many messages it takes, with that at the end.
    fn messages(&self) -> usize {
        self.chunks.len() + 1
    }

    /// The message after `nth` others, as ours sends it.
    fn message(&self, nth: usize, subject: Subject) -> Message {
        let number = u64::try_from(nth).unwrap_or(u64::MAX);
        let mut message = offline::message(subject);
        message.headers = header::write_sequence(number);
        match (self.chunks.get(nth), &self.failure) {
            (Some(chunk), _) => message.payload = chunk.clone().into(),
            (None, Some(failure)) => message.headers = Some(header::trailer(failure, number)),
            (None, None) => {}
        }
        message
    }
}

struct Call {
    inbox: Subject,
    readers: Vec<Reader>,
    /// Kept open: a caller that is done has other things to wait for.
    _outgoing: crate::Outgoing,
    is_caller: bool,
    /// Whether all was sent in one message.
    is_unary: bool,
    is_faultless: bool,
}

impl Call {
    fn new(
        connection: Arc<Connection>,
        paths: Paths,
        sent: &mut [Sent],
        is_caller: bool,
        u: &mut Unstructured<'_>,
    ) -> Result<Self> {
        let core = Arc::clone(connection.core());
        let root = sent.first_mut().expect("there is the root");
        let is_unary = is_caller && root.failure.is_none() && u.arbitrary()?;
        let (inbox, outgoing, incoming) = if is_caller {
            let (inbox, _, _, outgoing, incoming) = made(connection, paths, true, Bytes::new());
            (inbox, outgoing, incoming)
        } else {
            let mut message = offline::message("t.wrpc.0.0.1.test:app/echo.echo");
            message.reply = Some(PEER.into());
            // The beginning of the parameters went with the call.
            if !root.chunks.is_empty() && u.arbitrary()? {
                message.payload = root.chunks.remove(0).into();
                root.all.drain(..message.payload.len());
            }
            let before = message.payload.len();
            let request = Server::over(connection, paths).offered(message);
            let (_, outgoing, incoming) = request.expect("its reply is an inbox").accept();
            let inbox = core.registry.all().next().expect("it is held").inbox();
            // Read at once, so that what is read is what was sent on the stream.
            let mut incoming = incoming;
            skip(&mut incoming, before);
            (inbox, outgoing, incoming)
        };
        let root = Reader::new(incoming);
        let children = sent.iter().skip(1).map(|sent| root.child(&sent.path));
        let mut readers: Vec<_> = children
            .map(|child| child.expect("it has a path"))
            .collect();
        readers.insert(0, root);
        Ok(Self {
            inbox,
            readers,
            _outgoing: outgoing,
            is_caller,
            is_unary,
            is_faultless: false,
        })
    }

    /// The call is taken, with all of the results if they go in one message.
    fn handshake(&self, core: &Core, sent: &mut [Sent]) {
        if !self.is_caller {
            return;
        }
        let mut message = offline::message(self.inbox.clone());
        message.reply = Some(PEER.into());
        if self.is_unary
            && let Some(root) = sent.first_mut()
        {
            message.reply = Some(format!("{PEER}~").into());
            message.payload = root.all.clone().into();
            root.next = root.messages();
        }
        core.deliver(message);
    }

    fn happen(&mut self, core: &Core, sent: &mut [Sent], u: &mut Unstructured<'_>) -> Result<()> {
        let nth = u.choose_index(sent.len())?;
        let (Some(stream), Some(reader)) = (sent.get_mut(nth), self.readers.get_mut(nth)) else {
            return Ok(());
        };
        match u.int_in_range(0..=15)? {
            0..=6 => self.next(core, stream),
            7..=12 => reader.read(u.arbitrary::<u16>()?.into()),
            13 => {
                // Lost.
                self.is_faultless &= stream.next == stream.messages();
                stream.next = stream.messages().min(stream.next + 1);
            }
            14 => {
                // Once more, or before its turn. Not the first, which has no number: that it was
                // there already shows in the next. NATS repeats nothing.
                let nth = u.int_in_range(0..=stream.chunks.len())?;
                self.is_faultless = false;
                // All of it went in one message, and nobody sends that again in parts.
                if nth > 0 && !(self.is_unary && stream.path.is_empty()) {
                    core.deliver(stream.message(nth, self.subject(stream)));
                }
            }
            _ => {
                self.is_faultless = false;
                core.lost(ConnectionState::Disconnected);
                core.connected();
            }
        }
        Ok(())
    }

    /// The next message of a stream arrives.
    fn next(&self, core: &Core, stream: &mut Sent) {
        if stream.next < stream.messages() {
            core.deliver(stream.message(stream.next, self.subject(stream)));
            stream.next += 1;
        }
    }

    fn subject(&self, sent: &Sent) -> Subject {
        let name = if self.is_caller { RESULTS } else { PARAMS };
        stream(&self.inbox, name, &sent.path)
    }

    fn holds(&mut self, sent: &[Sent]) {
        for (reader, sent) in self.readers.iter_mut().zip(sent) {
            reader.was_woken_if_need_be();
            assert!(sent.all.starts_with(&reader.read), "not what was sent");
            if let Some(End::Clean) = reader.end {
                assert!(sent.failure.is_none(), "it ends in {:?}", sent.failure);
                assert_eq!(sent.all.len(), reader.read.len(), "the end, and not of all");
            }
        }
    }

    /// The rest arrives, and all is read.
    fn ends_cleanly(&mut self, core: &Core, sent: &mut [Sent]) {
        for stream in &mut *sent {
            while stream.next < stream.messages() {
                self.next(core, stream);
            }
        }
        for (reader, sent) in self.readers.iter_mut().zip(&*sent) {
            for _ in 0..=sent.chunks.len() {
                reader.read(1 << 16);
            }
            assert!(matches!(reader.end, Some(End::Clean)), "{:?}", reader.end);
        }
        self.holds(sent);
    }
}

/// Reads so many bytes, which are there.
fn skip(incoming: &mut crate::Incoming, len: usize) {
    use futures::FutureExt as _;
    use tokio::io::AsyncReadExt as _;
    let mut bytes = vec![0; len];
    let read = incoming.read_exact(&mut bytes).now_or_never();
    assert!(matches!(read, Some(Ok(_))), "it came with the call");
}
