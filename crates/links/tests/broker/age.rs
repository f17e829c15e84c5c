//! Links that can't be checked any more are denied in the end.

use core::time::Duration;

use wrpc_middleware_links::live::WatchOptions;

use crate::support::links::{becomes, created, put, target};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::until;

const MAX_AGE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_makes_links_old_until_every_call_is_denied() {
    let server = NatsServer::start_with_jetstream("").await;
    let bucket = created(server.connect().await).await;
    put(&bucket, "a", "x").await;
    let options = WatchOptions::new().max_age(MAX_AGE);
    let links = bucket.watch(options.clone());
    // The control goes on with what it has.
    let control = bucket.watch(options.max_age(None));
    for links in [&links, &control] {
        becomes(links, "a", Some("x")).await;
    }
    server.freeze().await;
    until("the links to be too old", async || links.is_stale()).await;
    assert!(links.age().unwrap() >= MAX_AGE);
    assert_eq!(target(&links, "a"), None);
    assert_eq!(target(&control, "a").as_deref(), Some("x"));
    server.thaw();
    becomes(&links, "a", Some("x")).await;
    assert!(links.age().unwrap() < MAX_AGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_are_checked_do_not_grow_old() {
    let server = NatsServer::start_with_jetstream("").await;
    let bucket = created(server.connect().await).await;
    put(&bucket, "a", "x").await;
    let links = bucket.watch(WatchOptions::new().max_age(MAX_AGE));
    becomes(&links, "a", Some("x")).await;
    // As long as it takes for the age to be renewed some times.
    let mut renewed = 0;
    let mut last = links.age().unwrap();
    until("the age to be renewed", async || {
        let age = links.age().unwrap();
        renewed += usize::from(age < last);
        last = age;
        renewed == 3
    })
    .await;
}
