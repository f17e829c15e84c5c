//! What operators do to a bucket.

use std::path::Path;

use wrpc_middleware_links::bucket::{Change, CreateOptions};
use wrpc_middleware_links::{BucketError, Links};

use crate::support::links::{bucket, created, entry, put, remove, store};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

fn links(text: &str) -> Links {
    Links::parse(Path::new("links.toml"), text).unwrap()
}

const FILE: &str = r#"
[[link]]
source = "a"
target = "x"
interface = "test:app/echo"

[[link]]
source = "b"
target = "y"
interface = "test:app/echo"
functions = ["echo"]
bare = true
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_import_makes_the_bucket_as_the_file_is() {
    let server = NatsServer::start_with_jetstream("").await;
    let nats = server.connect().await;
    let bucket = created(nats.clone()).await;
    let made = bucket.create(&CreateOptions::new()).await;
    assert!(!made.unwrap(), "there is one already");
    for source in ["a", "b", "c"] {
        put(&bucket, source, "x").await;
    }
    put(&bucket, "gone", "x").await;
    remove(&bucket, "gone").await;
    let store = store(&nats).await;
    store.put("nonsense", "nonsense".into()).await.unwrap();
    let read = guard("a read", bucket.read()).await.unwrap();
    assert_eq!((read.links.entries().len(), read.malformed.len()), (3, 1));

    let wanted = links(FILE);
    let plan = guard("a plan", bucket.plan(&wanted)).await.unwrap();
    assert_eq!(plan.unchanged(), 1);
    let [
        Change::Remove { key: c, .. },
        Change::Remove { key: nonsense, .. },
        Change::Replace { entry, .. },
    ] = plan.changes()
    else {
        panic!("{plan:?}");
    };
    assert_eq!(
        (c.as_str(), nonsense.as_str()),
        ("c.default.test.app.echo", "nonsense")
    );
    assert_eq!(entry.source.as_str(), "b");
    for change in plan.changes() {
        guard("a change", bucket.apply(change)).await.unwrap();
    }
    let read = guard("a read", bucket.read()).await.unwrap();
    assert_eq!(read.links, wanted);
    assert!(read.malformed.is_empty());
    let plan = guard("a plan", bucket.plan(&wanted)).await.unwrap();
    assert_eq!((plan.changes().len(), plan.unchanged()), (0, 2));
    // And back to a file.
    assert_eq!(links(&read.links.to_toml()), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_changes_meanwhile_is_not_overwritten() {
    let server = NatsServer::start_with_jetstream("").await;
    let bucket = created(server.connect().await).await;
    put(&bucket, "b", "x").await;
    put(&bucket, "c", "x").await;
    let plan = guard("a plan", bucket.plan(&links(FILE))).await.unwrap();
    for source in ["a", "b", "c"] {
        put(&bucket, source, "other").await;
    }
    assert_eq!(plan.changes().len(), 3);
    for change in plan.changes() {
        let refused = guard("a refusal", bucket.apply(change)).await.unwrap_err();
        assert!(
            matches!(&refused, BucketError::Conflict(key) if *key == change.key()),
            "{refused:?}"
        );
    }
    let read = guard("a read", bucket.read()).await.unwrap();
    let targets = read
        .links
        .entries()
        .iter()
        .map(|entry| entry.target.as_str());
    assert_eq!(targets.collect::<Vec<_>>(), ["other"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_have_names_of_their_own() {
    let plain = NatsServer::start().await;
    let none = bucket(plain.connect().await);
    let error = guard("a refusal", none.read()).await.unwrap_err();
    assert!(matches!(error, BucketError::NoJetStream), "{error:?}");
    let error = guard("a refusal", none.create(&CreateOptions::new()))
        .await
        .unwrap_err();
    assert!(matches!(error, BucketError::NoJetStream), "{error:?}");

    let server = NatsServer::start_with_jetstream("").await;
    let bucket = bucket(server.connect().await);
    let link = entry("a", "x");
    for error in [
        guard("a read", bucket.read()).await.err(),
        guard("a put", bucket.put(&link)).await.err(),
        guard(
            "a removal",
            bucket.remove(&link.source, "default", &link.interface),
        )
        .await
        .err(),
        guard("a plan", bucket.plan(&links(FILE))).await.err(),
    ] {
        assert!(matches!(error, Some(BucketError::Missing(_))), "{error:?}");
    }
    // This server is not three.
    let options = CreateOptions::new().replicas(3);
    let error = guard("a refusal", bucket.create(&options))
        .await
        .unwrap_err();
    assert!(matches!(error, BucketError::Refused { .. }), "{error:?}");

    bucket.create(&CreateOptions::new()).await.unwrap();
    let mut nonsense = link.clone();
    nonsense.name = String::new();
    let error = guard("a refusal", bucket.put(&nonsense)).await.unwrap_err();
    assert!(matches!(error, BucketError::Entry(_)), "{error:?}");
    let removed = bucket.remove(&link.source, "default", &link.interface);
    assert!(!guard("a removal", removed).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_ask_gets_no_answer_and_is_told_so() {
    let config = r#"authorization { users = [
        { user: mute, password: p, permissions: { publish: { deny: ["$JS.>"] } } }
    ] }"#;
    let server = NatsServer::start_with_jetstream(config).await;
    let nats = async_nats::ConnectOptions::with_user_and_password("mute".into(), "p".into());
    let bucket = bucket(nats.connect(server.url()).await.unwrap());
    let error = guard("a failure", bucket.read()).await.unwrap_err();
    assert!(matches!(error, BucketError::NoAnswer(_)), "{error:?}");
}
