//! What may happen to a call.

use arbitrary::{Result, Unstructured};
use async_nats::{Event, Message, ServerError, Subject};
use bytes::Bytes;

use super::super::input;
use super::super::streams::Work;
use super::setup::Call;
use crate::connection::ConnectionState;
use crate::offline;

/// The other side, that of another call, and those that are none.
const REPLIES: [&str; 7] = [
    "_INBOX.p.AAAAAAAAAAAAAAAA.aaaaaaaaaaaaaaaa",
    "_INBOX.p.AAAAAAAAAAAAAAAA.aaaaaaaaaaaaaaaa~",
    "_INBOX.q.BBBBBBBBBBBBBBBB.bbbbbbbbbbbbbbbb",
    "_INBOX.q.BBBBBBBBBBBBBBBB.bbbbbbbbbbbbbbbb~",
    "_INBOX.r.CCCCCCCCCCCCCCCC.cccccccccccccccc.alive",
    "_INBOX.r.results",
    "orders",
];

/// A subject that an answer is wanted on.
pub(super) fn reply(u: &mut Unstructured<'_>) -> Result<Option<Subject>> {
    Ok(match u.int_in_range(0..=15)? {
        0 => None,
        1 => Some(u.arbitrary::<String>()?.into()),
        2..=5 => Some(REPLIES[1].into()),
        6..=10 => Some(REPLIES[0].into()),
        _ => Some((*u.choose(&REPLIES)?).into()),
    })
}

/// Something happens.
pub(super) fn happen(call: &mut Call, u: &mut Unstructured<'_>) -> Result<()> {
    match u.int_in_range(0..=19)? {
        0..=7 => {
            let message = message(call, u)?;
            call.core.deliver(message);
        }
        8..=10 => {
            if let Some(reader) = pick(u, call.readers.len())?.and_then(|n| call.readers.get_mut(n))
            {
                reader.read(u.arbitrary::<u16>()?.into());
            }
        }
        11 => {
            let path = path(u)?;
            let parent = pick(u, call.readers.len())?.and_then(|n| call.readers.get(n));
            let child = parent.and_then(|parent| parent.child(&path));
            call.add_reader(child);
        }
        12..=13 => {
            let work = work(u)?;
            if let Some(writer) = pick(u, call.writers.len())?.and_then(|n| call.writers.get_mut(n))
            {
                writer.work(&work);
            }
        }
        14 => {
            let path = path(u)?;
            let parent = pick(u, call.writers.len())?.and_then(|n| call.writers.get(n));
            let child = parent.and_then(|parent| parent.child(&path));
            call.writers.extend(child);
        }
        15 => {
            if let Some(n) = pick(u, call.readers.len())? {
                drop(call.readers.swap_remove(n));
            }
        }
        16 => {
            if let Some(n) = pick(u, call.writers.len())? {
                let writer = call.writers.swap_remove(n);
                if u.arbitrary()? {
                    writer.fail(&input::error(u)?);
                }
            }
        }
        17 => connection(call, u)?,
        18 => keepalive(call, u)?,
        _ => call.idle.settling.settle_all(),
    }
    Ok(())
}

/// One of so many.
fn pick(u: &mut Unstructured<'_>, of: usize) -> Result<Option<usize>> {
    Ok(match of {
        0 => None,
        of => Some(u.choose_index(of)?),
    })
}

fn path(u: &mut Unstructured<'_>) -> Result<Vec<usize>> {
    let len = u.int_in_range(0..=2)?;
    (0..len).map(|_| u.int_in_range(0..=2)).collect()
}

fn work(u: &mut Unstructured<'_>) -> Result<Work> {
    Ok(match u.int_in_range(0..=4)? {
        0..=1 => Work::Write(u.arbitrary::<&[u8]>()?.to_vec()),
        2 => Work::Flush,
        3 => Work::Write(vec![7; 300 << 10]),
        _ => Work::Shutdown,
    })
}

/// A message for the call, or one that is as good as that.
fn message(call: &Call, u: &mut Unstructured<'_>) -> Result<Message> {
    let mut subject = call.inbox.to_string();
    match u.int_in_range(0..=11)? {
        0..=2 => {}
        3..=5 => subject.push_str(".results"),
        6..=8 => subject.push_str(".params"),
        9 => subject.push_str(".cancel"),
        10 => subject.push_str(".alive"),
        _ => subject.push_str(u.arbitrary()?),
    }
    if u.arbitrary::<u8>()? % 4 == 0 {
        for index in path(u)? {
            subject.push('.');
            subject.push_str(&index.to_string());
        }
    }
    let mut message = offline::message(subject);
    message.reply = reply(u)?;
    message.payload = match u.int_in_range(0..=3)? {
        0..=1 => Bytes::new(),
        2 => Bytes::copy_from_slice(u.arbitrary()?),
        _ => Bytes::from(vec![7; usize::from(u.arbitrary::<u16>()?)]),
    };
    message.headers = input::message_headers(u)?;
    message.status = input::status(u)?;
    Ok(message)
}

/// Something that the NATS client reports.
fn connection(call: &Call, u: &mut Unstructured<'_>) -> Result<()> {
    match u.int_in_range(0..=3)? {
        0 => call.core.lost(ConnectionState::Disconnected),
        1 => call.core.connected(),
        2 => call.core.lost(ConnectionState::Closed),
        _ => {
            let subject = match u.int_in_range(0..=2)? {
                0 => "t.wrpc.0.0.1.test:app/echo.echo".into(),
                1 => format!(
                    "{}{}",
                    u.choose(&REPLIES)?,
                    u.choose(&["", ".params", ".alive"])?
                ),
                _ => u.arbitrary::<String>()?,
            };
            let verb = u.choose(&["Publish", "Subscription", ""])?;
            let text = format!("Permissions Violation for {verb} to \"{subject}\"");
            let text = if u.arbitrary()? { text } else { u.arbitrary()? };
            call.events
                .handle(&Event::ServerError(ServerError::Other(text)));
        }
    }
    Ok(())
}

/// Time passes, and who is silent is asked for.
fn keepalive(call: &Call, u: &mut Unstructured<'_>) -> Result<()> {
    use core::sync::atomic::Ordering;
    let tick = call
        .core
        .tick
        .fetch_add(u.arbitrary::<u8>()?.into(), Ordering::Relaxed);
    for exchange in call.core.registry.all() {
        if let Some(peer) = exchange.silent_peer(tick) {
            exchange.probe(&peer);
        }
    }
    call.core.suspect(&(*u.choose(&REPLIES)?).into());
    Ok(())
}
