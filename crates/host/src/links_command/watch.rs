//! `links watch`.

use std::collections::BTreeMap;

use serde::Serialize;
use wrpc_middleware::links::live::{Status, WatchOptions};
use wrpc_middleware::links::{Key, Links};

use super::print::{json, line, print};
use crate::cli::{Output, WatchArgs};
use crate::error::{Error, Exit};
use crate::links::Entry;
use crate::signals::StopSignals;

/// A line for programs.
#[derive(Serialize)]
#[serde(tag = "event", content = "link", rename_all = "kebab-case")]
enum Event<'a> {
    Put(&'a Entry),
    Removed(&'a Entry),
}

type Known = BTreeMap<Key, Entry>;

pub(super) async fn run(args: &WatchArgs) -> Result<Exit, Error> {
    let mut signals = StopSignals::new()?;
    let connected = args.place.connect("links watch").await?;
    // A bucket that is not there now is a mistake; later it is something to wait out.
    let read = connected.bucket.read().await;
    read.map_err(|error| connected.explain(error))?;
    let live = connected.bucket.watch(WatchOptions::new());
    let mut status = live.subscribe();
    let mut known = Known::new();
    loop {
        if is_new(&status.borrow_and_update()) {
            let Some(told) = tell(&known, &live.links(), args.output)? else {
                // Whoever read it has seen enough.
                return Ok(Exit::Success);
            };
            known = told;
        }
        tokio::select! {
            _ = signals.next() => return Ok(Exit::Success),
            // Its sender lives as long as `live`.
            _ = status.changed() => {}
        }
    }
}

/// Failures are logged by the watch.
fn is_new(status: &Status) -> bool {
    status.seen && status.failure.is_none()
}

/// Prints how `links` differ from what was known, and returns them; nothing if nobody reads it.
fn tell(known: &Known, links: &Links, output: Output) -> Result<Option<Known>, Error> {
    let entries = links.entries().iter().cloned();
    let now: Known = entries.map(|entry| (entry.key(), entry)).collect();
    let gone = known.iter().filter(|(key, _)| !now.contains_key(key));
    let events = gone.map(|(_, entry)| Event::Removed(entry));
    let new = now
        .iter()
        .filter(|(key, entry)| known.get(key) != Some(entry));
    for event in events.chain(new.map(|(_, entry)| Event::Put(entry))) {
        let is_read = match (output, &event) {
            (Output::Json, event) => json(event, false)?,
            (Output::Text, Event::Put(entry)) => print(&format!("+ {}\n", line(entry)))?,
            (Output::Text, Event::Removed(entry)) => print(&format!("- {}\n", line(entry)))?,
        };
        if !is_read {
            return Ok(None);
        }
    }
    Ok(Some(now))
}
