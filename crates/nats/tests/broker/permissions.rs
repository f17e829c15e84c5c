//! What the broker does not permit.

use core::time::Duration;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use async_nats::Event;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{Client, ConnectError, ConnectOptions, EventSink, Options, connect};
use wrpc_middleware_transport::{Paths, Target as Name};

use crate::support::calls::{
    LONG, SHORT, SOON, accepted, call, ending, finish, open, typed, within,
};
use crate::support::peers::{INSTANCE, TARGET};
use crate::support::raw::{call_subject, next};
use crate::support::target::Target;
use wrpc_middleware_testing::nats::{NatsServer, round_trip};
use wrpc_middleware_testing::proxy::Proxy;
use wrpc_middleware_testing::wait::{guard, until};

const CALLER: &str = "caller";

/// What a caller has to be permitted: to call the target, to answer it, and to use its own inbox.
const LEAST_OF_CALLER: &str = r#"
    publish: { allow: ["target.wrpc.0.0.1.>", "_INBOX.target.>", "_INBOX.caller.>"] }
    subscribe: { allow: ["_INBOX.caller.>"] }
"#;

/// What a target has to be permitted: to serve in its queue group, to answer the caller, and to use
/// its own inbox.
const LEAST_OF_TARGET: &str = r#"
    publish: { allow: ["_INBOX.caller.>", "_INBOX.target.>"] }
    subscribe: { allow: ["target.wrpc.0.0.1.> target", "_INBOX.target.>"] }
"#;

const EVERYTHING: &str = r#"publish: ">", subscribe: ">""#;

/// A server with a user for the caller and one for the target.
async fn server(caller: &str, target: &str) -> NatsServer {
    NatsServer::start_with(&config(caller, target)).await
}

fn config(caller: &str, target: &str) -> String {
    format!(
        r"authorization {{
            users = [
                {{ user: caller, password: secret, permissions: {{ {caller} }} }}
                {{ user: target, password: secret, permissions: {{ {target} }} }}
            ]
        }}"
    )
}

fn options(user: &str) -> Options {
    let target = Name::new(TARGET).unwrap();
    Options::new().id(user).default_target(target)
}

/// Connects as a host does that leaves it to this crate.
async fn login(url: &str, user: &str, options: Options) -> Result<Client, ConnectError> {
    login_with(url, user, options, |_| ()).await
}

async fn login_with(
    url: &str,
    user: &str,
    options: Options,
    on_event: impl Fn(&Event) + Send + Sync + 'static,
) -> Result<Client, ConnectError> {
    let options = ConnectOptions::new(url)
        .client(options)
        .nats(|nats| nats.user_and_password(user.into(), "secret".into()))
        .on_event(on_event);
    guard("a client", connect(options)).await
}

/// Connects as a host does that has a connection of its own.
async fn bare(server: &NatsServer, user: &str, events: Option<&EventSink>) -> async_nats::Client {
    let options = async_nats::ConnectOptions::with_user_and_password(user.into(), "secret".into());
    let options = match events {
        Some(events) => options.event_callback(events.callback()),
        None => options,
    };
    options.connect(server.url()).await.expect("log in")
}

/// A target that may do everything.
async fn target(server: &NatsServer) -> (Client, Target) {
    let client = login(&server.url(), TARGET, options(TARGET)).await;
    let client = client.expect("the target's client");
    let target = Target::start(&client).await;
    (client, target)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_permissions_are_enough_for_everything() {
    let server = server(LEAST_OF_CALLER, LEAST_OF_TARGET).await;
    let refused = Arc::<Mutex<Vec<String>>>::default();
    let note = |refused: &Arc<Mutex<Vec<String>>>| {
        let refused = Arc::clone(refused);
        move |event: &Event| {
            if let Event::ServerError(_) = event {
                refused.lock().unwrap().push(event.to_string());
            }
        }
    };
    let proxy = Proxy::start(server.port()).await;
    let target = login_with(&proxy.url(), TARGET, options(TARGET), note(&refused)).await;
    let target = target.expect("the target's client");
    let work = Target::start(&target).await;
    let options = options(CALLER).keepalive(Some(Duration::from_millis(200)));
    let client = login_with(&server.url(), CALLER, options, note(&refused)).await;
    let client = client.expect("the caller's client");

    // Parameters and results of several messages.
    let bytes = vec![7; 3 << 20];
    let echoed = guard("an echo", call(&client, "echo", bytes.clone())).await;
    assert!(echoed.unwrap() == bytes);
    // Cancellation.
    drop(accepted(&client, "hold", "dropped").await);
    work.has_stopped(1).await;
    // Keepalive.
    let lost = accepted(&client, "hold", "lost").await;
    proxy.cut();
    let lost = guard("the loss of the target", finish(lost)).await;
    assert_eq!(
        ending(&lost),
        Err((RpcErrorKind::TargetFailed, Delivery::Accepted))
    );
    // Absence.
    let absent = guard("the absence of the target", call(&client, "echo", "x")).await;
    assert_eq!(
        ending(&absent),
        Err((RpcErrorKind::TargetUnavailable, Delivery::NotSent))
    );
    // Everything that was published is judged.
    client.round_trip().await.unwrap();
    assert_eq!(*refused.lock().unwrap(), [""; 0]);
}

const NO_CALLS: &str = r#"publish: { deny: ["target.>"] }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_not_be_published_fails_at_once() {
    let server = server(NO_CALLS, EVERYTHING).await;
    let (_client, work) = target(&server).await;
    let events = EventSink::new();
    let nats = bare(&server, CALLER, Some(&events)).await;
    let with_sink = Client::new(nats, options(CALLER).events(events)).await;
    let connected = login(&server.url(), CALLER, options(CALLER)).await;
    // Over a connection of the host's it may have been another's message that was refused.
    for (client, delivery) in [
        (connected.unwrap(), Delivery::NotSent),
        (with_sink.unwrap(), Delivery::Unknown),
    ] {
        for params in [vec![1], vec![1; 3 << 20]] {
            let start = Instant::now();
            let refused = call(&within(&client, LONG), "echo", params).await;
            assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
            assert_eq!(ending(&refused), Err((RpcErrorKind::Transport, delivery)));
            let refused = refused.unwrap_err();
            // The subject is for the operator.
            assert!(!refused.message().contains("target"), "{refused}");
            let source = std::error::Error::source(&refused).expect("what the broker said");
            assert!(source.to_string().contains("target.wrpc"), "{source}");
        }
        until("the calls to be forgotten", async || client.calls() == 0).await;
    }
    assert_eq!(work.begun(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_calls_at_a_time_that_may_not_be_published_none_was_sent() {
    let server = server(NO_CALLS, EVERYTHING).await;
    let (_client, work) = target(&server).await;
    let client = login(&server.url(), CALLER, options(CALLER)).await.unwrap();
    for _ in 0..3 {
        let service = within(&client, LONG);
        let start = Instant::now();
        let calls = (0..64).map(|_| call(&service, "echo", "x"));
        let endings = guard("the refusals", futures::future::join_all(calls)).await;
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        for refused in &endings {
            let expected = (RpcErrorKind::Transport, Delivery::NotSent);
            assert_eq!(ending(refused), Err(expected));
        }
    }
    assert_eq!(work.begun(), 0);
}

/// The NATS client passes on some of so many refusals.
#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_calls_that_may_not_be_published_each_ends_soon() {
    let server = server(NO_CALLS, EVERYTHING).await;
    let (_client, work) = target(&server).await;
    let client = login(&server.url(), CALLER, options(CALLER)).await.unwrap();
    let service = within(&client, LONG);
    for _ in 0..2 {
        let start = Instant::now();
        let calls = (0..1000).map(|_| call(&service, "echo", "x"));
        let endings = guard("the refusals", futures::future::join_all(calls)).await;
        assert!(start.elapsed() < LONG / 2, "{:?}", start.elapsed());
        for refused in &endings {
            let (kind, delivery) = ending(refused).unwrap_err();
            assert_eq!(kind, RpcErrorKind::Transport);
            assert_ne!(delivery, Delivery::Accepted);
        }
    }
    until("the calls to be forgotten", async || client.calls() == 0).await;
    assert_eq!(work.begun(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_were_answered_leave_no_doubt_of_later_ones() {
    let server = server(EVERYTHING, EVERYTHING).await;
    let _target = target(&server).await;
    let client = login(&server.url(), CALLER, options(CALLER)).await.unwrap();
    let service = within(&client, LONG);
    for _ in 0..2 {
        until("calls to be answered", async || {
            call(&service, "echo", "x").await.is_ok()
        })
        .await;
        // Nobody serves it, which is an answer as well.
        call(&service, "absent", "x").await.unwrap_err();
        server.reconfigure(&config(NO_CALLS, EVERYTHING)).await;
        for function in ["echo", "absent"] {
            let mut refused = Ok(());
            until("the permission to be withdrawn", async || {
                refused = ending(&call(&service, function, "x").await);
                matches!(refused, Err((RpcErrorKind::Transport, _)))
            })
            .await;
            let expected = (RpcErrorKind::Transport, Delivery::NotSent);
            assert_eq!(refused, Err(expected), "{function}");
        }
        server.reconfigure(&config(EVERYTHING, EVERYTHING)).await;
    }
}

/// The broker says to which subject it refused to publish, and not which message.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_from_before_the_permission_was_withdrawn_may_have_arrived() {
    let server = server(EVERYTHING, EVERYTHING).await;
    // A target that is slow to look at its calls.
    let nats = bare(&server, TARGET, None).await;
    let mut arrived = nats.subscribe(call_subject("echo")).await.unwrap();
    round_trip(&nats).await;
    let client = login(&server.url(), CALLER, options(CALLER)).await.unwrap();
    let service = within(&client, LONG);
    let first = tokio::spawn(async move { call(&service, "echo", "first").await });
    assert_eq!(next(&mut arrived).await.payload, "first");

    server.reconfigure(&config(NO_CALLS, EVERYTHING)).await;
    until("the permission to be withdrawn", async || {
        let later = call(&within(&client, SHORT), "echo", "later").await;
        let ending = ending(&later);
        ending.is_err_and(|(kind, _)| kind == RpcErrorKind::Transport)
    })
    .await;
    let first = guard("the first call", first).await.unwrap();
    assert_eq!(
        ending(&first),
        Err((RpcErrorKind::Transport, Delivery::Unknown))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_events_such_a_call_ends_at_its_deadline() {
    let server = server(NO_CALLS, EVERYTHING).await;
    let _target = target(&server).await;
    let nats = bare(&server, CALLER, None).await;
    let client = Client::new(nats, options(CALLER)).await.unwrap();
    let start = Instant::now();
    let silent = guard("the deadline", call(&within(&client, SHORT), "echo", "x")).await;
    assert!(start.elapsed() >= SHORT);
    assert_eq!(
        ending(&silent),
        Err((RpcErrorKind::Timeout, Delivery::Unknown))
    );
}

const NO_INBOX: &str = r#"subscribe: { deny: ["_INBOX.>"] }"#;
const NO_WAY_TO_THE_INBOX: &str = r#"publish: { deny: ["_INBOX.caller.>"] }"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_that_is_not_permitted_fails_the_client_at_once() {
    for denied in [NO_INBOX, NO_WAY_TO_THE_INBOX] {
        let server = server(denied, EVERYTHING).await;
        let options = options(CALLER).connect_timeout(LONG);
        let start = Instant::now();
        let error = login(&server.url(), CALLER, options).await.unwrap_err();
        assert!(start.elapsed() < SOON, "{denied}: {:?}", start.elapsed());
        let ConnectError::Inbox { inbox, source } = error else {
            panic!("{denied}: {error}");
        };
        assert!(inbox.starts_with("_INBOX.caller."), "{inbox}");
        let source = source.expect("what the broker said").to_string();
        assert!(source.contains("_INBOX.caller."), "{source}");
        until("the client to be gone", async || {
            server.subscriptions().await == 0
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_events_such_an_inbox_fails_the_client_in_time() {
    for denied in [NO_INBOX, NO_WAY_TO_THE_INBOX] {
        let server = server(denied, EVERYTHING).await;
        let nats = bare(&server, CALLER, None).await;
        let options = options(CALLER).connect_timeout(SHORT);
        let start = Instant::now();
        let client = guard("the timeout", Client::new(nats, options)).await;
        assert!(start.elapsed() >= SHORT);
        let error = client.unwrap_err();
        assert!(
            matches!(error, ConnectError::Inbox { source: None, .. }),
            "{denied}: {error}"
        );
    }
}

const NO_REPLIES: &str = r#"publish: { deny: ["_INBOX.caller.>"] }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_may_not_answer_knows_it() {
    let server = server(EVERYTHING, NO_REPLIES).await;
    let client = login(&server.url(), TARGET, options(TARGET)).await.unwrap();
    let work = Target::start(&client).await;
    let mut requests = client
        .requests(INSTANCE, "by-hand", Paths::default())
        .await
        .unwrap();
    let caller = login(&server.url(), CALLER, options(CALLER)).await.unwrap();

    // What works on it is stopped, and the caller hears nothing.
    let silent = guard("the deadline", call(&within(&caller, SHORT), "hold", "x")).await;
    assert_eq!(
        ending(&silent),
        Err((RpcErrorKind::Timeout, Delivery::Unknown))
    );
    work.has_stopped(1).await;
    let stopped = work.work(|work| work.stopped[0].clone());
    assert_eq!(
        (stopped.kind(), stopped.delivery()),
        (RpcErrorKind::Transport, Delivery::Accepted)
    );
    // Both streams of the call fail.
    let _unheard = open(&caller, "by-hand", "x").await.unwrap();
    let request = guard("a call", requests.next()).await.unwrap().unwrap();
    let (context, mut results, mut params) = request.accept();
    let given_up = guard("the refusal", context.given_up()).await;
    assert_eq!(given_up.kind(), RpcErrorKind::Transport);
    let mut bytes = Vec::new();
    let read = params.read_to_end(&mut bytes).await;
    assert_eq!(typed(&read.unwrap_err()).kind(), RpcErrorKind::Transport);
    let written = results.write_all(b"x").await;
    assert_eq!(typed(&written.unwrap_err()).kind(), RpcErrorKind::Transport);
}

const NO_PARAMS: &str = r#"publish: { deny: ["_INBOX.target.>"] }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_may_not_send_its_parameters_knows_it() {
    let server = server(NO_PARAMS, EVERYTHING).await;
    let (client, work) = target(&server).await;
    let caller = login(&server.url(), CALLER, options(CALLER)).await.unwrap();

    let start = Instant::now();
    let refused = call(&within(&caller, LONG), "echo", "x").await;

    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!(
        ending(&refused),
        Err((RpcErrorKind::Transport, Delivery::Accepted))
    );
    // Nor may it say that it has given up.
    assert_eq!((work.begun(), client.calls()), (1, 1));
}

const NO_SERVING: &str = r#"subscribe: { deny: ["target.>"] }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_may_not_be_served_fails_who_serves_it() {
    let server = server(EVERYTHING, NO_SERVING).await;
    let client = login(&server.url(), TARGET, options(TARGET)).await.unwrap();
    let refused = match client.requests(INSTANCE, "echo", Paths::default()).await {
        Err(error) => error,
        Ok(mut requests) => {
            let first = guard("the refusal", requests.next()).await;
            let error = first.expect("a refusal").unwrap_err();
            assert!(requests.next().await.is_none());
            error
        }
    };
    assert_eq!(
        (refused.kind(), refused.delivery()),
        (RpcErrorKind::Transport, Delivery::NotSent)
    );
    server.subscriptions_return_to(1).await;
    // Nobody serves it.
    let caller = login(&server.url(), CALLER, options(CALLER)).await.unwrap();
    let absent = guard("a refusal", call(&caller, "echo", "x")).await;
    assert_eq!(
        ending(&absent),
        Err((RpcErrorKind::TargetUnavailable, Delivery::NotSent))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_events_such_a_function_gets_no_calls() {
    let server = server(EVERYTHING, NO_SERVING).await;
    let nats = bare(&server, TARGET, None).await;
    let client = Client::new(nats, options(TARGET)).await.unwrap();
    let requests = client.requests(INSTANCE, "echo", Paths::default()).await;
    let mut requests = requests.unwrap();
    client.round_trip().await.unwrap();
    assert!(futures::poll!(requests.next()).is_pending());
}

/// It only can't know whether the caller is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_may_not_ask_for_its_caller_may_answer_it() {
    let no_probes = r#"
        publish: {
            allow: ["_INBOX.caller.>", "_INBOX.target.>"]
            deny: ["_INBOX.caller.*.*.alive"]
        }
        subscribe: { allow: ["target.wrpc.0.0.1.> target", "_INBOX.target.>"] }
    "#;
    let server = server(LEAST_OF_CALLER, no_probes).await;
    let (refused, mut refusals) = tokio::sync::mpsc::unbounded_channel();
    let often = options("target").keepalive(Some(Duration::from_millis(100)));
    let url = server.url();
    let target = login_with(&url, "target", often, move |event| {
        if matches!(event, Event::ServerError(_)) {
            let _ = refused.send(());
        }
    });
    let target = target.await.unwrap();
    let mut requests = target
        .requests(INSTANCE, "slow", Paths::default())
        .await
        .unwrap();
    let caller = login(&server.url(), CALLER, options(CALLER)).await.unwrap();
    let call = open(&caller, "slow", "x").await.unwrap();
    let request = guard("a call", requests.next()).await.unwrap().unwrap();
    let (_context, mut results, _params) = request.accept();
    guard("a refusal", refusals.recv()).await.unwrap();
    guard("a refusal", refusals.recv()).await.unwrap();
    results.write_all(b"at last").await.unwrap();
    results.shutdown().await.unwrap();
    assert_eq!(guard("the answer", finish(call)).await.unwrap(), b"at last");
}
