//! The captured examples of `docs/WIRE.md` are what is on the wire.
//!
//! With `UPDATE_WIRE=1` in the environment they are written anew instead.

use core::time::Duration;

use async_nats::Message;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_nats::{Client, Incoming, Options, Outgoing};
use wrpc_middleware_transport::Target as Name;
use wrpc_transport::{Index as _, Invoke as _};

use crate::support::both::{Peer, new_with};
use crate::support::capture::capture;
use crate::support::errors::{read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, TARGET, context};
use crate::support::raw::call_subject;
use crate::support::record::Record;
use crate::support::serving::{Serving, paths, requests, serve};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{guard, until};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/WIRE.md");

/// A caller, a target and a tap on everything.
struct Scene {
    record: Record,
    caller: Peer<Client>,
    target: Peer<Client>,
    _server: NatsServer,
}

impl Scene {
    async fn new() -> Self {
        Self::with(Options::new().keepalive(None)).await
    }

    async fn with(options: Options) -> Self {
        let server = NatsServer::start().await;
        let target = new_with(&server, Options::new().keepalive(None)).await;
        let name = Name::new(TARGET).unwrap();
        let caller = options.id("caller").default_target(name);
        let caller = wrpc_middleware_nats::connect(
            wrpc_middleware_nats::ConnectOptions::new(server.url()).client(caller),
        );
        let wrpc = caller.await.unwrap();
        let nats = wrpc.nats().clone();
        Self {
            record: Record::start(&server).await,
            caller: Peer { wrpc, nats },
            target,
            _server: server,
        }
    }

    /// Calls with the parameter `"bob"`.
    async fn call(&self, func: &str, deadline: Option<Instant>) -> (Outgoing, Incoming) {
        self.call_with(func, "\x03bob", deadline).await
    }

    async fn call_with(
        &self,
        func: &str,
        params: &'static str,
        deadline: Option<Instant>,
    ) -> (Outgoing, Incoming) {
        let mut context = context();
        if let Some(deadline) = deadline {
            context = context.with_deadline(deadline);
        }
        let client = &self.caller.wrpc;
        let stream: &[[Option<usize>; 1]] = &[[Some(0)]];
        // The others have no asynchronous results.
        let paths = if func == "count" { stream } else { &[] };
        let call = client.invoke(context, INSTANCE, func, params.into(), paths);
        guard("a call", call).await.unwrap()
    }

    /// What the call put on the wire, once it is over at both ends.
    async fn over(mut self, func: &str) -> String {
        until("the call to be over", async || {
            self.caller.wrpc.calls() + self.target.wrpc.calls() == 0
        })
        .await;
        let nats = [&self.caller.nats, &self.target.nats];
        let messages = self.record.up_to_now(&nats).await;
        capture(&messages, &call_subject(func))
    }
}

/// Serves a function that answers once its parameters have ended.
async fn greet(target: &Peer<Client>) -> Serving {
    serve(
        &target.wrpc,
        "greet",
        paths(&[]),
        |_, mut results, mut params| async move {
            assert_eq!(read_to_end(&mut params).await, b"\x03bob");
            results.write_all(b"\x0ahello, bob").await.unwrap();
            results.shutdown().await.unwrap();
        },
    )
    .await
}

/// Makes a call of that function.
async fn greeted(scene: &Scene, deadline: Option<Instant>) {
    let (mut params, mut results) = scene.call("greet", deadline).await;
    params.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut results).await, b"\x0ahello, bob");
}

async fn a_call() -> String {
    let scene = Scene::new().await;
    let _serving = greet(&scene.target).await;
    greeted(&scene, None).await;
    scene.over("greet").await
}

async fn a_call_without_parameters() -> String {
    let scene = Scene::new().await;
    let answer = |_, mut results: Outgoing, mut params| async move {
        assert_eq!(read_to_end(&mut params).await, b"");
        results.write_all(b"\x2a").await.unwrap();
        results.shutdown().await.unwrap();
    };
    let _serving = serve(&scene.target.wrpc, "next", paths(&[]), answer).await;
    let (mut params, mut results) = scene.call_with("next", "", None).await;
    params.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut results).await, b"\x2a");
    drop((params, results));
    scene.over("next").await
}

async fn an_answer_in_one_message() -> String {
    let scene = Scene::new().await;
    let answer = |_, mut results: Outgoing, params| async move {
        results.write_all(b"\x0ahello, bob").await.unwrap();
        results.shutdown().await.unwrap();
        drop((results, params));
    };
    let _serving = serve(&scene.target.wrpc, "greet", paths(&[]), answer).await;
    greeted(&scene, None).await;
    scene.over("greet").await
}

async fn a_call_with_a_deadline() -> String {
    let scene = Scene::new().await;
    let _serving = greet(&scene.target).await;
    greeted(&scene, Some(Instant::now() + Duration::from_hours(1))).await;
    scene.over("greet").await
}

async fn a_call_that_is_too_late() -> String {
    let scene = Scene::new().await;
    let _serving = greet(&scene.target).await;
    let (params, mut results) = scene.call("greet", Some(Instant::now())).await;
    read_to_failure(&mut results, RpcErrorKind::Timeout, Delivery::NotSent).await;
    drop((params, results));
    scene.over("greet").await
}

async fn a_refusal() -> String {
    let scene = Scene::new().await;
    let _serving = requests(&scene.target.wrpc, "greet", |request| async move {
        let reason = "test:app/echo@0.1.0#greet: 100 % busy";
        let error = RpcError::new(RpcErrorKind::Overloaded, Delivery::NotSent, reason);
        request.refuse(&error);
    })
    .await;
    let (params, mut results) = scene.call("greet", None).await;
    read_to_failure(&mut results, RpcErrorKind::Overloaded, Delivery::NotSent).await;
    drop((params, results));
    scene.over("greet").await
}

async fn a_trap() -> String {
    let scene = Scene::new().await;
    let _serving = serve(
        &scene.target.wrpc,
        "greet",
        paths(&[]),
        |_, mut results, mut params| async move {
            read_to_end(&mut params).await;
            results.write_all(b"\x0ahello").await.unwrap();
        },
    )
    .await;
    let (mut params, mut results) = scene.call("greet", None).await;
    params.shutdown().await.unwrap();
    let kind = RpcErrorKind::TargetFailed;
    let (read, _) = read_to_failure(&mut results, kind, Delivery::Accepted).await;
    assert_eq!(read, b"\x0ahello");
    drop((params, results));
    scene.over("greet").await
}

async fn a_stream() -> String {
    let scene = Scene::new().await;
    let _serving = serve(
        &scene.target.wrpc,
        "count",
        paths(&[]),
        |_, mut results, mut params| async move {
            read_to_end(&mut params).await;
            let mut stream = results.index(&[0]).unwrap();
            results.write_all(b"\0").await.unwrap();
            results.shutdown().await.unwrap();
            for chunk in [b"\x03one", b"\x03two", b"\x03six"] {
                stream.write_all(chunk).await.unwrap();
            }
            stream.shutdown().await.unwrap();
        },
    )
    .await;
    let (mut params, mut results) = scene.call("count", None).await;
    params.shutdown().await.unwrap();
    let mut stream = results.index(&[0]).unwrap();
    assert_eq!(read_to_end(&mut results).await, b"\0");
    assert_eq!(read_to_end(&mut stream).await, b"\x03one\x03two\x03six");
    drop((params, results, stream));
    scene.over("count").await
}

/// Serves a function that never answers.
async fn wait(target: &Peer<Client>) -> Serving {
    serve(
        &target.wrpc,
        "wait",
        paths(&[]),
        |context, results, params| async move {
            let _streams = (results, params);
            context.given_up().await;
        },
    )
    .await
}

async fn a_cancellation() -> String {
    let scene = Scene::new().await;
    let _serving = wait(&scene.target).await;
    let (mut params, results) = scene.call("wait", None).await;
    params.flush().await.unwrap();
    drop((params, results));
    scene.over("wait").await
}

async fn a_probe() -> String {
    let keepalive = Some(Duration::from_millis(100));
    let mut scene = Scene::with(Options::new().keepalive(keepalive)).await;
    let _serving = wait(&scene.target).await;
    let (mut params, _results) = scene.call("wait", None).await;
    params.shutdown().await.unwrap();
    let mut messages: Vec<Message> = Vec::new();
    loop {
        messages.push(scene.record.next().await);
        let text = capture(&messages, &call_subject("wait"));
        if text.contains(".alive") {
            return text;
        }
    }
}

/// Where the example of this name is in the document, without its fences.
fn block(document: &str, name: &str) -> core::ops::Range<usize> {
    let marker = format!("<!-- captured: {name} -->\n```text\n");
    let start = document.find(&marker);
    let start = start.unwrap_or_else(|| panic!("no `{marker}` in {DOCUMENT}")) + marker.len();
    let len = document[start..].find("```").expect("the end of a block");
    start..start + len
}

/// On one thread, so that a function which answers at once does so on a busy machine too.
#[tokio::test]
async fn the_examples_of_the_document_are_what_is_on_the_wire() {
    let captured = [
        ("call", a_call().await),
        ("no-parameters", a_call_without_parameters().await),
        ("unary", an_answer_in_one_message().await),
        ("stream", a_stream().await),
        ("deadline", a_call_with_a_deadline().await),
        ("late", a_call_that_is_too_late().await),
        ("refusal", a_refusal().await),
        ("trap", a_trap().await),
        ("cancel", a_cancellation().await),
        ("probe", a_probe().await),
    ];
    let mut document = std::fs::read_to_string(DOCUMENT).unwrap();
    if std::env::var_os("UPDATE_WIRE").is_some() {
        for (name, text) in captured {
            document.replace_range(block(&document, name), &text);
        }
        return std::fs::write(DOCUMENT, document).unwrap();
    }
    assert_eq!(document.matches("<!-- captured: ").count(), captured.len());
    let mut differences = String::new();
    for (name, text) in captured {
        let written = &document[block(&document, name)];
        if written != text {
            differences.extend([format!("## {name}\n"), difference(written, &text)]);
        }
    }
    assert!(
        differences.is_empty(),
        "docs/WIRE.md is not what is on the wire; UPDATE_WIRE=1 writes it anew\n{differences}"
    );
}

/// The lines of which one of the two has another, or none.
fn difference(written: &str, captured: &str) -> String {
    let (mut written, mut captured) = (written.lines(), captured.lines());
    let mut text = String::new();
    loop {
        match (written.next(), captured.next()) {
            (None, None) => return text,
            (old, new) if old == new => {}
            (old, new) => {
                for (sign, line) in [('-', old), ('+', new)] {
                    text.extend(line.map(|line| format!("{sign} {line}\n")));
                }
            }
        }
    }
}

/// The subjects that the two ends choose, as the document has them.
#[tokio::test(flavor = "multi_thread")]
async fn inboxes_are_made_as_documented() {
    let mut scene = Scene::new().await;
    let _serving = greet(&scene.target).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        greeted(&scene, None).await;
        let messages = scene.record.up_to_now(&[&scene.caller.nats]).await;
        let reply = |subject: &str| {
            let message = messages.iter().find(|message| &*message.subject == subject);
            message.and_then(|message| message.reply.clone()).unwrap()
        };
        let caller = reply(&call_subject("greet"));
        let target = reply(&caller);
        seen.push([(caller, "caller"), (target, "target")]);
    }
    let [first, second] = &seen[..] else {
        unreachable!("two calls")
    };
    for ((first, id), (second, _)) in first.iter().zip(second) {
        let [one, two] = [first, second].map(|inbox| inbox.split('.').collect::<Vec<_>>());
        // `_INBOX.<id>.<connection>.<call>`
        assert_eq!((one.len(), &one[..2]), (4, &["_INBOX", id][..]));
        assert_eq!(one[..3], two[..3]);
        assert_ne!(one[3], two[3]);
        let is_base64url = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        for random in one[2..].iter().chain(&two[2..]) {
            let random = random.strip_suffix('~').unwrap_or(random);
            assert!(
                random.len() == 16 && random.chars().all(is_base64url),
                "{random}"
            );
        }
    }
}
