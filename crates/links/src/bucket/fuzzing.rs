//! Buckets that anybody may have written to.

#![expect(
    clippy::expect_used,
    reason = "a property panics where it does not hold"
)]

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use async_nats::Message;
use async_nats::header::{self, HeaderMap, HeaderName, HeaderValue};
use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;

use super::content::Content;
use super::message::Revision;
use super::reader::{Counts, Found, StreamState};
use super::{BucketName, MAX_VALUE};
use crate::Entry;
use crate::fuzzing::is_sound;

/// Whatever messages the stream of a bucket has: the links that count are those of the last good
/// value of each key that has one, under their own keys.
pub fn bucket(data: &[u8]) {
    let _ = run(&mut Unstructured::new(data));
}

/// Links that may be in it, two of which have one key.
const LINKS: [&str; 4] = [
    r#"{"source":"a","target":"t","interface":"b:c/d"}"#,
    r#"{"source":"a","target":"u","interface":"b:c/d","functions":["f"]}"#,
    r#"{"source":"a","target":"t","interface":"b:c/d","name":"x.y"}"#,
    r#"{"source":"größe","target":"t","interface":"$root","bare":true}"#,
];

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let bucket: BucketName = "links".parse().expect("it is a name");
    let mut content = Content::new(&state(u)?);
    let mut expected: BTreeMap<String, Option<Entry>> = BTreeMap::new();
    let mut sequence = 0_u64;
    while !u.is_empty() {
        if u.arbitrary::<u8>()? % 8 == 0 {
            let state = state(u)?;
            let _ = (content.continues_as(&state), content.verify(&state));
        }
        sequence = sequence.saturating_add(u.int_in_range(1..=u64::from(u8::MAX))?);
        let Ok(message) = StreamMessage::try_from(message(u, sequence)?) else {
            continue;
        };
        let (is_put, value) = (is_put(&message.headers), message.payload.clone());
        let revision = Revision::of(&bucket, message);
        if let Some(Revision { key, .. }) = &revision {
            let counts = expected.entry(key.clone()).or_default();
            if !is_put {
                *counts = None;
            } else if value.len() <= MAX_VALUE
                && let Ok(entry) = serde_json::from_slice::<Entry>(&value)
                && entry.key().as_str() == key
            {
                *counts = Some(entry);
            }
        }
        content.apply(Found { sequence, revision });
        assert_eq!(content.applied(), sequence);
        let entries: Vec<_> = content.entries().collect();
        let expected: Vec<_> = expected.values().flatten().collect();
        assert_eq!(entries, expected);
        entries.into_iter().for_each(is_sound);
        for malformed in content.malformed() {
            let text = malformed.to_string();
            assert!(!text.contains(char::is_control), "{text:?}");
        }
        assert!(
            content
                .revisions()
                .all(|(_, revision)| revision <= sequence)
        );
    }
    Ok(())
}

/// As the page for operators says it.
fn is_put(headers: &HeaderMap) -> bool {
    let last = |name: &str| headers.get_last(name).map(HeaderValue::as_str);
    match last("KV-Operation") {
        Some(operation) => operation == "PUT",
        None => last("Nats-Marker-Reason").is_none(),
    }
}

/// What a replica answers.
fn message(u: &mut Unstructured<'_>, sequence: u64) -> Result<Message> {
    let link = *u.choose(&LINKS)?;
    let key = match u.int_in_range(0..=7)? {
        0 => u.arbitrary::<String>()?,
        1 => "a.default.b.c.d".into(),
        _ => serde_json::from_str::<Entry>(link)
            .expect("it is one")
            .key()
            .to_string(),
    };
    let subject = match u.int_in_range(0..=15)? {
        0 => key,
        _ => format!("$KV.links.{key}"),
    };
    let payload = match u.int_in_range(0..=5)? {
        0 => Bytes::copy_from_slice(u.arbitrary()?),
        1 => {
            let mut changed = link.as_bytes().to_vec();
            let at = u.choose_index(changed.len())?;
            changed.splice(at..=at, u.arbitrary::<&[u8]>()?.iter().copied());
            changed.into()
        }
        _ => link.into(),
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::NATS_SEQUENCE, HeaderValue::from(sequence));
    headers.insert(header::NATS_TIME_STAMP, "2026-01-02T03:04:05Z");
    let mut append = |name: &'static str, value: &str| {
        if let Ok(value) = value.parse::<HeaderValue>() {
            headers.append(HeaderName::from_static(name), value);
        }
    };
    append("Nats-Stream", "KV_links");
    append("Nats-Subject", &subject);
    for _ in 0..u.int_in_range(0..=1)? {
        let name = *u.choose(&["KV-Operation", "Nats-Marker-Reason", "Other"])?;
        let value = if u.arbitrary()? {
            *u.choose(&["PUT", "DEL", "PURGE", "MaxAge"])?
        } else {
            u.arbitrary()?
        };
        append(name, value);
    }
    Ok(Message {
        subject: "_INBOX.a.b".into(),
        reply: None,
        payload,
        headers: Some(headers),
        status: None,
        description: None,
        length: 0,
    })
}

fn state(u: &mut Unstructured<'_>) -> Result<StreamState> {
    Ok(StreamState {
        created: u.arbitrary()?,
        last: u.arbitrary()?,
        counts: Counts {
            messages: u.arbitrary()?,
            first: u.arbitrary()?,
            deleted: u.arbitrary()?,
            keys: u.arbitrary()?,
        },
    })
}
