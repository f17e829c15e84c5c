//! The bucket, or the way to it, is lost: the last table stays until there is another.

use wrpc_middleware_links::BucketError;
use wrpc_middleware_links::bucket::CreateOptions;

use crate::support::links::{becomes, created, put, remove, status, store, target, watch};
use wrpc_middleware_testing::nats::{NatsServer, connect, disconnected};
use wrpc_middleware_testing::proxy::Proxy;
use wrpc_middleware_testing::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_last_table_and_what_changed_meanwhile_counts_after_it() {
    let mut server = NatsServer::start_with_jetstream("").await;
    let bucket = created(server.connect().await).await;
    for source in ["stays", "goes"] {
        put(&bucket, source, "x").await;
    }
    // A connection that does not come back as long as the test wants it to be away.
    let proxy = Proxy::start(server.port()).await;
    let away = connect(&proxy.url()).await;
    let links = watch(&crate::support::links::bucket(away.clone()));
    becomes(&links, "goes", Some("x")).await;
    proxy.cut();
    disconnected(&away).await;
    status(&links, "the failure", |status| status.failure.is_some()).await;
    remove(&bucket, "goes").await;
    put(&bucket, "comes", "x").await;
    server.kill();
    server.restart().await;
    for (source, expected) in [("stays", Some("x")), ("goes", Some("x")), ("comes", None)] {
        assert_eq!(target(&links, source).as_deref(), expected, "{source}");
    }
    proxy.mend();
    becomes(&links, "comes", Some("x")).await;
    assert_eq!(target(&links, "goes"), None);
    assert_eq!(target(&links, "stays").as_deref(), Some("x"));
    assert!(links.status().failure.is_none());
    // It goes on to follow.
    remove(&bucket, "stays").await;
    becomes(&links, "stays", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_deleted_keeps_its_links_until_it_is_made_anew() {
    let server = NatsServer::start_with_jetstream("").await;
    let nats = server.connect().await;
    let bucket = created(nats.clone()).await;
    for source in ["a", "b", "c"] {
        put(&bucket, source, "x").await;
    }
    let links = watch(&bucket);
    becomes(&links, "c", Some("x")).await;
    let context = async_nats::jetstream::new(nats.clone());
    context.delete_key_value("links").await.unwrap();
    let told = status(&links, "the failure", |status| status.failure.is_some()).await;
    assert!(
        matches!(told.failure.as_deref(), Some(BucketError::Missing(_))),
        "{told:?}"
    );
    assert_eq!(target(&links, "a").as_deref(), Some("x"));
    // The new one has fewer revisions than were seen.
    bucket.create(&CreateOptions::new()).await.unwrap();
    let store = store(&nats).await;
    store
        .put("c.default.test.app.echo", "nonsense".into())
        .await
        .unwrap();
    put(&bucket, "b", "y").await;
    becomes(&links, "b", Some("y")).await;
    assert_eq!(target(&links, "c"), None, "nothing to fall back to");
    until("the old links to go", async || {
        target(&links, "a").is_none()
    })
    .await;
    assert!(links.status().failure.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_gets_no_hints_follows_all_the_same() {
    // This user does not hear of changes.
    let config = r#"authorization { users = [
        { user: deaf, password: p, permissions: { subscribe: { deny: ["$KV.>"] } } }
        { user: all, password: p }
    ] }"#;
    let server = NatsServer::start_with_jetstream(config).await;
    let login = |user: &str| {
        async_nats::ConnectOptions::with_user_and_password(user.into(), "p".into())
            .connect(server.url())
    };
    let bucket = created(login("all").await.unwrap()).await;
    let links = watch(&crate::support::links::bucket(login("deaf").await.unwrap()));
    put(&bucket, "a", "x").await;
    becomes(&links, "a", Some("x")).await;
    remove(&bucket, "a").await;
    becomes(&links, "a", None).await;
}
