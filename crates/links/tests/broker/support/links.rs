//! Buckets of links, and those who follow them.

use core::time::Duration;

use async_nats::jetstream::kv::Store;
use wrpc_middleware_links::bucket::CreateOptions;
use wrpc_middleware_links::live::{Status, WatchOptions};
use wrpc_middleware_links::{Bucket, Entry, LiveLinks};
use wrpc_middleware_transport::link::{LinkPolicy, LinkRequest};

use wrpc_middleware_testing::wait::guard;

pub const INTERFACE: &str = "test:app/echo";

/// The bucket of a test.
pub fn bucket(nats: async_nats::Client) -> Bucket {
    Bucket::new(nats, "links".parse().unwrap())
}

/// The same, made.
pub async fn created(nats: async_nats::Client) -> Bucket {
    let bucket = bucket(nats);
    let made = guard("a bucket", bucket.create(&CreateOptions::new())).await;
    assert!(made.unwrap());
    bucket
}

/// The bucket as NATS has it.
pub async fn store(nats: &async_nats::Client) -> Store {
    let context = async_nats::jetstream::new(nats.clone());
    guard("the bucket", context.get_key_value("links"))
        .await
        .unwrap()
}

/// A link from `source` to `target`.
pub fn entry(source: &str, target: &str) -> Entry {
    let (source, target) = (source.parse().unwrap(), target.parse().unwrap());
    Entry::new(source, target, INTERFACE.parse().unwrap())
}

pub async fn put(bucket: &Bucket, source: &str, target: &str) {
    let entry = entry(source, target);
    guard("a put", bucket.put(&entry)).await.unwrap();
}

/// Removes the link that starts from `source`.
pub async fn remove(bucket: &Bucket, source: &str) {
    let gone = entry(source, "any");
    let removed = bucket.remove(&gone.source, &gone.name, &gone.interface);
    assert!(guard("a removal", removed).await.unwrap());
}

/// Follows a bucket, asking often.
pub fn watch(bucket: &Bucket) -> LiveLinks {
    bucket.watch(WatchOptions::new().check_interval(Duration::from_millis(200)))
}

/// Where calls of `source` go; `None` if they are denied.
pub fn target(links: &impl LinkPolicy, source: &str) -> Option<String> {
    let request = LinkRequest::new(Some(source), INTERFACE, "echo");
    let target = links.authorize(&request);
    target.map(|target| target.to_string())
}

/// Waits until calls of `source` go to `expected`, or are denied.
pub async fn becomes(links: &LiveLinks, source: &str, expected: Option<&str>) {
    wrpc_middleware_testing::wait::until("the links to change", async || {
        target(links, source).as_deref() == expected
    })
    .await;
}

/// Waits until the status is so.
pub async fn status(links: &LiveLinks, what: &str, is_so: impl FnMut(&Status) -> bool) -> Status {
    let mut status = links.subscribe();
    let found = guard(what, status.wait_for(is_so)).await;
    found.unwrap().clone()
}
