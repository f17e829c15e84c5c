//! A policy follows its bucket.

use async_nats::jetstream;
use wrpc_middleware_links::BucketError;
use wrpc_middleware_links::bucket::CreateOptions;

use crate::support::links::{
    becomes, bucket, created, entry, put, remove, status, store, target, watch,
};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{guard, until};

#[tokio::test(flavor = "multi_thread")]
async fn links_come_and_go_as_they_are_put_and_removed() {
    let server = NatsServer::start_with_jetstream("").await;
    let nats = server.connect().await;
    let bucket = created(nats.clone()).await;
    put(&bucket, "before", "x").await;
    let links = watch(&bucket);
    assert_eq!(target(&links, "before"), None, "nothing was read yet");
    guard("the first table", links.ready()).await;
    assert_eq!(target(&links, "before").as_deref(), Some("x"));
    put(&bucket, "a", "x").await;
    becomes(&links, "a", Some("x")).await;
    put(&bucket, "a", "y").await;
    becomes(&links, "a", Some("y")).await;
    remove(&bucket, "a").await;
    becomes(&links, "a", None).await;
    assert_eq!(target(&links, "before").as_deref(), Some("x"));
    // As NATS' own tools remove them.
    let store = store(&nats).await;
    store.purge("before.default.test.app.echo").await.unwrap();
    becomes(&links, "before", None).await;
    let json = serde_json::to_vec(&entry("raw", "z")).unwrap();
    store
        .put("raw.default.test.app.echo", json.into())
        .await
        .unwrap();
    becomes(&links, "raw", Some("z")).await;
    let status = links.status();
    assert_eq!((status.links, status.malformed.len()), (1, 0));
    assert!(status.failure.is_none());
    assert_eq!(links.links().entries(), [entry("raw", "z")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_links_come_at_once() {
    const MANY: usize = 1500;
    let server = NatsServer::start_with_jetstream("").await;
    let bucket = created(server.connect().await).await;
    let sources: Vec<_> = (0..MANY).map(|n| format!("source-{n}")).collect();
    let puts = sources.iter().map(|source| put(&bucket, source, "x"));
    guard("many puts", futures::future::join_all(puts)).await;
    // Replaced ones leave gaps among the revisions.
    for source in sources.iter().take(20) {
        put(&bucket, source, "y").await;
        put(&bucket, source, "z").await;
    }
    let links = watch(&bucket);
    guard("the first table", links.ready()).await;
    assert_eq!(links.table().len(), MANY);
    assert_eq!(target(&links, "source-0").as_deref(), Some("z"));
    assert_eq!(target(&links, "source-1499").as_deref(), Some("x"));
    // The second table is put together of parts, too.
    let puts = sources.iter().map(|source| put(&bucket, source, "w"));
    guard("many puts", futures::future::join_all(puts)).await;
    until("the table to change", async || {
        let all = sources.iter();
        all.map(|source| target(&links, source))
            .all(|target| target.as_deref() == Some("w"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_only_its_leader_reads_is_followed_too() {
    const SOME: usize = 30;
    let server = NatsServer::start_with_jetstream("").await;
    let nats = server.connect().await;
    let stream = jetstream::stream::Config {
        name: "KV_links".to_owned(),
        subjects: vec!["$KV.links.>".to_owned()],
        max_messages_per_subject: 1,
        allow_direct: false,
        ..jetstream::stream::Config::default()
    };
    let context = jetstream::new(nats.clone());
    context.create_stream(stream).await.unwrap();
    let bucket = bucket(nats);
    let sources: Vec<_> = (0..SOME).map(|n| format!("source-{n}")).collect();
    for source in &sources {
        put(&bucket, source, "x").await;
    }
    let links = watch(&bucket);
    guard("the first table", links.ready()).await;
    assert_eq!(links.table().len(), SOME);
    remove(&bucket, "source-7").await;
    becomes(&links, "source-7", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_entry_is_told_and_permits_nothing_more() {
    let server = NatsServer::start_with_jetstream("").await;
    let nats = server.connect().await;
    let bucket = created(nats.clone()).await;
    put(&bucket, "good", "x").await;
    let links = watch(&bucket);
    becomes(&links, "good", Some("x")).await;
    let store = store(&nats).await;
    let key = "good.default.test.app.echo";
    // A link that was good stays, and one that never was does not come.
    store.put(key, "{\"source\": ".into()).await.unwrap();
    store
        .put("bad.default.test.app.echo", "nonsense".into())
        .await
        .unwrap();
    // It says that it is the link of somebody else.
    let json = serde_json::to_vec(&entry("victim", "x")).unwrap();
    store
        .put("thief.default.test.app.echo", json.into())
        .await
        .unwrap();
    let told = status(&links, "the reports", |status| status.malformed.len() == 3).await;
    let keys: Vec<_> = told.malformed.iter().map(|bad| bad.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "bad.default.test.app.echo",
            key,
            "thief.default.test.app.echo"
        ]
    );
    assert!(told.failure.is_none());
    for (source, expected) in [
        ("good", Some("x")),
        ("bad", None),
        ("victim", None),
        ("thief", None),
    ] {
        assert_eq!(target(&links, source).as_deref(), expected, "{source}");
    }
    // Others are still followed.
    put(&bucket, "other", "x").await;
    becomes(&links, "other", Some("x")).await;
    // Who comes later finds the good one among the revisions that the bucket keeps.
    let late = watch(&bucket);
    becomes(&late, "other", Some("x")).await;
    assert_eq!(target(&late, "good").as_deref(), Some("x"));
    // A removal counts whatever there was.
    remove(&bucket, "good").await;
    becomes(&links, "good", None).await;
    put(&bucket, "bad", "y").await;
    becomes(&links, "bad", Some("y")).await;
    status(&links, "the reports to go", |status| {
        status.malformed.len() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_saw_a_good_entry_has_nothing_to_fall_back_to() {
    let server = NatsServer::start_with_jetstream("").await;
    let nats = server.connect().await;
    let bucket = bucket(nats.clone());
    let options = CreateOptions::new().history(1);
    bucket.create(&options).await.unwrap();
    put(&bucket, "good", "x").await;
    let links = watch(&bucket);
    becomes(&links, "good", Some("x")).await;
    let store = store(&nats).await;
    let key = "good.default.test.app.echo";
    store.put(key, "nonsense".into()).await.unwrap();
    let late = watch(&bucket);
    for links in [&links, &late] {
        status(links, "the report", |status| status.malformed.len() == 1).await;
    }
    assert_eq!(target(&links, "good").as_deref(), Some("x"));
    assert_eq!(target(&late, "good"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_vanishes_from_the_stream_without_a_word_goes() {
    let server = NatsServer::start_with_jetstream("").await;
    let nats = server.connect().await;
    let bucket = created(nats.clone()).await;
    for source in ["a", "b", "c"] {
        put(&bucket, source, "x").await;
    }
    let links = watch(&bucket);
    becomes(&links, "c", Some("x")).await;
    let context = jetstream::new(nats.clone());
    let stream = context.get_stream("KV_links").await.unwrap();
    stream.purge().filter("$KV.links.a.>").await.unwrap();
    becomes(&links, "a", None).await;
    assert_eq!(target(&links, "b").as_deref(), Some("x"));
    stream.purge().await.unwrap();
    becomes(&links, "b", None).await;
    assert_eq!(target(&links, "c"), None);
    put(&bucket, "a", "y").await;
    becomes(&links, "a", Some("y")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_leaves_nothing_behind() {
    let server = NatsServer::start_with_jetstream("").await;
    let nats = server.connect().await;
    let bucket = created(nats.clone()).await;
    let before = server.subscriptions().await;
    let links = watch(&bucket);
    guard("the first table", links.ready()).await;
    let clone = links.clone();
    drop(links);
    put(&bucket, "a", "x").await;
    becomes(&clone, "a", Some("x")).await;
    let status = clone.subscribe();
    drop(clone);
    // All but the one for answers to questions, which the connection keeps.
    until("the subscription to go", async || {
        server.subscriptions().await <= before + 1
    })
    .await;
    until("the task to end", async || status.has_changed().is_err()).await;
    let context = jetstream::new(nats);
    let mut stream = context.get_stream("KV_links").await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.consumer_count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_jetstream_and_without_a_bucket_everything_is_denied_and_said() {
    let plain = wrpc_middleware_testing::nats::NatsServer::start().await;
    let links = watch(&bucket(plain.connect().await));
    let told = status(&links, "the failure", |status| status.failure.is_some()).await;
    assert!(
        matches!(told.failure.as_deref(), Some(BucketError::NoJetStream)),
        "{told:?}"
    );
    assert!(!told.seen && target(&links, "a").is_none());

    let server = NatsServer::start_with_jetstream("").await;
    let bucket = bucket(server.connect().await);
    let links = watch(&bucket);
    let told = status(&links, "the failure", |status| status.failure.is_some()).await;
    assert!(
        matches!(told.failure.as_deref(), Some(BucketError::Missing(_))),
        "{told:?}"
    );
    assert_eq!((links.age(), links.is_stale()), (None, true));
    bucket.create(&CreateOptions::new()).await.unwrap();
    put(&bucket, "a", "x").await;
    becomes(&links, "a", Some("x")).await;
    assert!(links.status().failure.is_none() && !links.is_stale());
}
