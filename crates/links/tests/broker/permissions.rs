//! A server that permits exactly what follows from the links.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::{Event, jetstream};
use futures::StreamExt as _;
use wrpc_middleware_links::bucket::CreateOptions;
use wrpc_middleware_links::permissions::{PermissionOptions, Permissions};
use wrpc_middleware_links::{Bucket, BucketError, Links, LiveLinks};
use wrpc_middleware_nats::Client;
use wrpc_middleware_transport::link::LinkRequest;
use wrpc_middleware_transport::{Delivery, RpcErrorKind};

use crate::support::links::{INTERFACE, becomes, bucket, watch};
use crate::support::peers::{
    Caller, DENIED, SOON, Target, call, call_at, caller, client, ending, login,
};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::proxy::Proxy;
use wrpc_middleware_testing::wait::{guard, until};

const LINKS: &str = r#"
[[link]]
source = "client"
target = "target"
interface = "test:app/echo"
functions = ["echo", "hold"]

[[link]]
source = "client"
target = "target"
interface = "test:app/whole"

[[link]]
source = "else"
target = "other"
interface = "test:app/echo"
"#;

const WHOLE: &str = "test:app/whole";
const SECRET: &str = "secret";

/// One who may follow the bucket as `nats kv watch` does.
const CONSUMER: &str = r#"
{ user: consumer, password: secret, permissions: {
    publish: { allow: ["_INBOX.>", "$JS.API.STREAM.INFO.KV_links", "$JS.API.CONSUMER.CREATE.KV_links", "$JS.API.CONSUMER.CREATE.KV_links.>"] }
    subscribe: { allow: ["_INBOX.>"] }
} }
"#;

fn links() -> Links {
    Links::parse(Path::new("links.toml"), LINKS).unwrap()
}

fn permissions(id: &str) -> Permissions {
    let options = PermissionOptions::new()
        .lattice("default".parse().unwrap())
        .bucket("links".parse().unwrap());
    Permissions::of(&links(), &id.parse().unwrap(), &options)
}

/// A server with a user for each component, who may do what follows from the links, and one who may
/// do everything; and a bucket with the links.
async fn server() -> (NatsServer, Bucket) {
    let user = |id: &str| {
        let permissions = permissions(id).to_config();
        format!("{{ user: {id}, password: {SECRET}\n{permissions} }}\n")
    };
    let users: String = ["client", "target", "other"].map(user).concat();
    let config = format!(
        "authorization: {{ users: [\n{{ user: admin, password: {SECRET} }}\n{CONSUMER}{users}] }}"
    );
    let server = NatsServer::start_with_jetstream(&config).await;
    let bucket = bucket(admin_of(&server).await);
    guard("a bucket", bucket.create(&CreateOptions::new()))
        .await
        .unwrap();
    let plan = bucket.plan(&links()).await.unwrap();
    for change in plan.changes() {
        guard("a link", bucket.apply(change)).await.unwrap();
    }
    (server, bucket)
}

/// One who may do everything.
async fn admin_of(server: &NatsServer) -> async_nats::Client {
    let options = async_nats::ConnectOptions::with_user_and_password("admin".into(), SECRET.into());
    options.connect(server.url()).await.unwrap()
}

/// What the server has refused.
#[derive(Clone, Default)]
struct Refused(Arc<Mutex<Vec<String>>>);

impl Refused {
    fn note(&self) -> impl Fn(&Event) + Send + Sync + 'static {
        let refused = self.clone();
        move |event| {
            if let Event::ServerError(_) = event {
                refused.0.lock().unwrap().push(event.to_string());
            }
        }
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

async fn component(url: &str, id: &str, refused: &Refused) -> Client {
    let client = login(url, id, Some(SECRET), refused.note()).await;
    client.expect("a client")
}

/// The links as the component itself sees them.
async fn follow(client: &Client) -> LiveLinks {
    let links = watch(&bucket(client.nats().clone()));
    guard("the first table", links.ready()).await;
    links
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_linked_works_and_nothing_of_it_is_refused() {
    let (server, _) = server().await;
    let refused = Refused::default();
    let proxy = Proxy::start(server.port()).await;
    let target = component(&proxy.url(), "target", &refused).await;
    let mut serving = Vec::new();
    for instance in [
        INTERFACE,
        "test:app/echo@0.2.1",
        WHOLE,
        "test:app/whole@1.0.0-rc.1",
    ] {
        serving.push(Target::start_at(&target, instance).await);
    }
    let client = component(&server.url(), "client", &refused).await;
    let links = follow(&client).await;
    assert_eq!(links.table().len(), 3);
    let stack = caller(&client, "client", links.clone());

    // Parameters and results of several messages, with versions and without.
    let bytes = vec![7; 3 << 20];
    for instance in [
        INTERFACE,
        "test:app/echo@0.2.1",
        WHOLE,
        "test:app/whole@1.0.0-rc.1",
    ] {
        let echoed = call_at(&stack, instance, "echo", bytes.clone()).await;
        assert!(echoed.unwrap() == bytes, "{instance}");
    }
    // Giving up.
    let given_up = {
        let stack = stack.clone();
        tokio::spawn(async move { call(&stack, "hold", Vec::new()).await })
    };
    until("the call to be taken", async || serving[0].held() == 1).await;
    given_up.abort();
    until("the call to be given up", async || {
        serving[0].given_up() == 1
    })
    .await;
    // Keepalive.
    let lost = {
        let stack = stack.clone();
        tokio::spawn(async move { call(&stack, "hold", Vec::new()).await })
    };
    until("the call to be taken", async || serving[0].held() == 2).await;
    // The handshake has left, and both ask for each other.
    guard("a round trip", target.round_trip()).await.unwrap();
    let admin = admin_of(&server).await;
    for of in ["client", "target"] {
        let mut asked = admin
            .subscribe(format!("_INBOX.{of}.*.*.alive"))
            .await
            .unwrap();
        assert!(guard("keepalive", asked.next()).await.is_some());
        guard("the end of it", asked.unsubscribe()).await.unwrap();
    }
    guard("a flush", admin.flush()).await.unwrap();
    proxy.cut();
    let lost = guard("the loss of the target", lost).await.unwrap();
    assert_eq!(
        ending(&lost),
        Err((RpcErrorKind::TargetFailed, Delivery::Accepted))
    );
    // Absence.
    let absent = call(&stack, "echo", Vec::new()).await;
    assert_eq!(
        ending(&absent),
        Err((RpcErrorKind::TargetUnavailable, Delivery::NotSent))
    );
    // Everything that was published is judged.
    client.round_trip().await.unwrap();
    assert_eq!(refused.all(), [""; 0]);
}

/// A host that was taken over: it lets everything through.
fn compromised(
    client: &Client,
    to: &'static str,
) -> Caller<impl Fn(&LinkRequest<'_>) -> Option<wrpc_middleware_transport::Target> + Clone + use<>>
{
    let to = wrpc_middleware_transport::Target::new(to).unwrap();
    caller(client, "client", move |_: &LinkRequest<'_>| {
        Some(to.clone())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_taken_over_can_not_call_what_it_is_not_linked_to() {
    let (server, admin) = server().await;
    let refused = Refused::default();
    let target = component(&server.url(), "target", &refused).await;
    let mut serving = Vec::new();
    for instance in [INTERFACE, WHOLE, "test:app/secret"] {
        serving.push(Target::start_at(&target, instance).await);
    }
    let _named = crate::support::peers::Named::start(&target, "target").await;
    let other = component(&server.url(), "other", &refused).await;
    serving.push(Target::start(&other).await);
    let client = component(&server.url(), "client", &refused).await;
    let links = follow(&client).await;

    let honest = caller(&client, "client", links.clone());
    assert!(call(&honest, "echo", b"x".to_vec()).await.is_ok());
    let denied = call_at(&honest, "test:app/secret", "echo", Vec::new()).await;
    assert_eq!(ending(&denied), DENIED);
    // Another function, another interface, another target.
    for (to, instance, func) in [
        ("target", INTERFACE, "name"),
        ("target", "test:app/secret", "echo"),
        ("other", INTERFACE, "echo"),
    ] {
        let start = Instant::now();
        let refused = call_at(&compromised(&client, to), instance, func, b"x".to_vec()).await;
        assert_eq!(
            ending(&refused),
            Err((RpcErrorKind::Transport, Delivery::NotSent)),
            "{to} {instance} {func}"
        );
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }
    // The control: what is linked, by the same way.
    let linked = call(&compromised(&client, "target"), "echo", b"x".to_vec()).await;
    assert_eq!(linked.unwrap(), b"x");

    // Nor does a link that is removed live on in a permission for longer than until it is derived
    // anew: it is the host that knows first.
    let gone = links.links().entries()[0].clone();
    admin
        .remove(&gone.source, &gone.name, &gone.interface)
        .await
        .unwrap();
    becomes(&links, "client", None).await;
    assert_eq!(ending(&call(&honest, "echo", Vec::new()).await), DENIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_taken_over_can_neither_write_links_nor_listen_to_others() {
    let (server, admin) = server().await;
    let refused = Refused::default();
    let client = component(&server.url(), "client", &refused).await;
    let nats = client.nats();
    let before = admin.read().await.unwrap().links;
    let own = bucket(nats.clone());
    let mut bad = before.entries()[0].clone();
    bad.target = "other".parse().unwrap();
    // It asks for nothing first, as an attacker would.
    let json = serde_json::to_vec(&bad).unwrap();
    let subject = format!("$KV.links.{}", bad.key());
    nats.publish(subject, json.into()).await.unwrap();
    let error = guard("a refusal", own.put(&bad)).await.unwrap_err();
    assert!(matches!(error, BucketError::NoAnswer(_)), "{error:?}");
    // A consumer would have the server publish where this user may not.
    let context = jetstream::new(nats.clone());
    let stream = context.get_stream("KV_links").await.unwrap();
    let consumer = stream.create_consumer(jetstream::consumer::push::Config {
        deliver_subject: "default.other.wrpc.0.0.1.test:app/echo.echo".into(),
        ..Default::default()
    });
    let within = Duration::from_secs(2);
    let made = tokio::time::timeout(within, consumer).await;
    assert!(!matches!(made, Ok(Ok(_))));
    // Others' inboxes, functions and calls.
    let mut silent = Vec::new();
    for subject in [
        "_INBOX.target.>",
        "_INBOX.>",
        "default.target.wrpc.0.0.1.>",
        "default.>",
        ">",
        // Its own functions, but outside of its queue group: it would see each call.
        "default.client.wrpc.0.0.1.>",
    ] {
        silent.push(nats.subscribe(subject).await.unwrap());
    }
    client.round_trip().await.unwrap();
    until("the refusals", async || {
        let all = refused.all();
        let subscriptions = all.iter().filter(|text| text.contains("Subscription"));
        subscriptions.count() == silent.len()
    })
    .await;
    let all = refused.all();
    for what in ["$KV.links.", "$JS.API.CONSUMER"] {
        assert!(
            all.iter().any(|text| text.contains(what)),
            "{what}: {all:?}"
        );
    }
    assert_eq!(admin.read().await.unwrap().links, before);
    let context = jetstream::new(admin_of(&server).await);
    let stream = context.get_stream("KV_links").await.unwrap();
    assert_eq!(stream.consumer_names().count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_who_may_make_consumers_may_have_the_server_call_anybody() {
    let (server, _) = server().await;
    let login = async |user: &str| {
        let options =
            async_nats::ConnectOptions::with_user_and_password(user.into(), SECRET.into());
        options.connect(server.url()).await.unwrap()
    };
    let admin = login("admin").await;
    let subject = "default.target.wrpc.0.0.1.test:app/secret.echo";
    let mut calls = admin.subscribe(subject).await.unwrap();
    admin.flush().await.unwrap();
    let context = jetstream::new(login("consumer").await);
    let stream = context.get_stream("KV_links").await.unwrap();
    let consumer = stream.create_consumer(jetstream::consumer::push::Config {
        deliver_subject: subject.into(),
        ..Default::default()
    });
    guard("a consumer", consumer).await.unwrap();
    assert!(guard("a message", calls.next()).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_permissions_the_same_host_calls_what_it_likes() {
    let server = NatsServer::start_with_jetstream("").await;
    let target = client(&server.url(), "target").await;
    let _serving = Target::start_at(&target, "test:app/secret").await;
    let client = client(&server.url(), "client").await;
    let stack = compromised(&client, "target");
    let answer = call_at(&stack, "test:app/secret", "echo", b"x".to_vec()).await;
    assert_eq!(answer.unwrap(), b"x");
}
