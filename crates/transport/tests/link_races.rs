//! A table that changes while many threads ask it.
//!
//! `arc-swap` can't be put under a model checker from outside, so this is a stress test: an oracle
//! says what may be seen, and a control shows that it would notice.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use wrpc_middleware_transport::Target;
use wrpc_middleware_transport::link::{Interface, Link, LinkPolicy as _, LinkRequest, LinkTable};

const LINKS: usize = 40;
const VERSIONS: usize = 500;
const READERS: usize = 3;

fn interface() -> Interface {
    "test:app/greeter".parse().unwrap()
}

fn source(n: usize) -> String {
    format!("source-{n}")
}

/// Links whose targets name the version of the table.
fn links(version: usize) -> impl Iterator<Item = Link> {
    let target = Target::new(format!("v{version}")).unwrap();
    (0..LINKS).map(move |n| Link::new(source(n), target.clone(), interface()))
}

/// The version that a link is of.
fn seen(table: &LinkTable, n: usize) -> Option<usize> {
    let source = source(n);
    let request = LinkRequest::new(Some(&source), "test:app/greeter", "greet");
    let target = table.authorize(&request)?;
    target.as_str().strip_prefix('v')?.parse().ok()
}

/// How often readers saw something else than a whole table, no older than one they knew of, while
/// `write` made each version of it.
fn mistakes(write: impl Fn(&LinkTable, usize) + Sync) -> usize {
    let table: LinkTable = links(0).collect();
    let written = AtomicUsize::new(0);
    let is_done = AtomicBool::new(false);
    let mistakes = AtomicUsize::new(0);
    thread::scope(|scope| {
        for reader in 0..READERS {
            let (table, written, is_done, mistakes) = (&table, &written, &is_done, &mistakes);
            scope.spawn(move || {
                let (mut known, mut n) = (0, reader);
                while !is_done.load(Ordering::Acquire) {
                    known = known.max(written.load(Ordering::Acquire));
                    n = (n + 1) % LINKS;
                    match seen(table, n) {
                        Some(version) if version >= known => known = version,
                        _ => drop(mistakes.fetch_add(1, Ordering::Relaxed)),
                    }
                }
            });
        }
        for version in 1..=VERSIONS {
            if mistakes.load(Ordering::Relaxed) > 0 {
                break;
            }
            write(&table, version);
            written.store(version, Ordering::Release);
        }
        is_done.store(true, Ordering::Release);
    });
    mistakes.into_inner()
}

#[test]
fn a_table_is_replaced_as_a_whole_and_at_once() {
    let replace = |table: &LinkTable, version| table.replace(links(version)).unwrap();
    assert_eq!(mistakes(replace), 0);
}

/// The control: tables that change link by link are seen to.
#[test]
fn a_table_that_is_not_is_noticed() {
    let one_by_one = |table: &LinkTable, version| {
        links(version).for_each(|link| table.insert(&link));
    };
    assert_ne!(mistakes(one_by_one), 0);
}

#[test]
fn no_change_of_many_at_once_is_lost() {
    const EACH: usize = 300;
    let table = LinkTable::default();
    let link = |n| Link::new(source(n), Target::new("t").unwrap(), interface());
    thread::scope(|scope| {
        for writer in 0..READERS {
            let table = &table;
            scope.spawn(move || {
                for n in (writer * EACH)..((writer + 1) * EACH) {
                    table.insert(&link(n));
                    if n % 2 == 0 {
                        assert!(table.remove(&source(n), "default", &interface()));
                    }
                }
            });
        }
    });
    let links = table.links();
    let left: BTreeSet<_> = links.iter().map(|link| link.source().to_owned()).collect();
    let odd = (0..READERS * EACH).filter(|n| n % 2 == 1);
    assert_eq!(left, odd.map(source).collect());
}
