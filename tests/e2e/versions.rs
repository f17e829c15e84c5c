//! Components that were built against another set of cases or fields.

use wasmtime::component::Val;
use wrpc_middleware::RpcErrorKind;
use wrpc_middleware::runtime::ImportLinker;

use crate::support::guests;
use crate::support::host::Host;
use crate::support::outcome::{Failure, Outcome};
use crate::support::stack::{LONG, context, host, links, ours};
use crate::support::transports::Own;
use wrpc_middleware_testing::nats::NatsServer;

/// What a guest of a version gets of a call to a target that isn't there.
async fn absent(version: &str) -> Outcome {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let guest = guests::versioned_caller(version);
    let caller = host(&guest, ours::<Own>(&client, &links(), LONG, LONG).await);
    caller.greet("bob").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_with_fewer_cases_gets_other() {
    let absent = absent("fewer-cases").await.failure();

    let Some(Failure {
        case,
        delivery,
        message,
    }) = absent
    else {
        panic!("{absent:?}");
    };
    assert_eq!(
        (case.as_str(), delivery.as_deref()),
        ("other", Some("not-sent"))
    );
    // What the case can't say, the message does.
    let kind = RpcErrorKind::TargetUnavailable.as_str();
    assert!(message.starts_with(kind), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_with_fewer_fields_gets_those() {
    let absent = absent("fewer-fields").await.failure();

    let Some(Failure {
        case,
        delivery,
        message,
    }) = absent
    else {
        panic!("{absent:?}");
    };
    assert_eq!((case.as_str(), delivery), ("target-unavailable", None));
    assert!(!message.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_with_an_unknown_optional_field_gets_none() {
    let absent = absent("unknown-option").await;

    let failure = absent.failure().expect("a failure");
    assert_eq!(failure.delivery.as_deref(), Some("not-sent"));
    let Outcome::Returned(Some(Val::Result(Err(Some(error))))) = absent else {
        panic!("{absent:?}");
    };
    let Val::Variant(case, Some(payload)) = *error else {
        panic!("{error:?}");
    };
    let Val::Record(fields) = *payload else {
        panic!("{payload:?}");
    };
    assert_eq!(case, "target-unavailable");
    assert!(
        fields.contains(&("retry-after".to_owned(), Val::Option(None))),
        "{fields:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_without_other_is_refused_when_it_is_linked() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let guest = guests::versioned_caller("without-other");
    let ours = ours::<Own>(&client, &links(), LONG, LONG).await;

    let refused = Host::new(&guest, ours, context(), |component, linker| {
        ImportLinker::new(component).link(linker).map(drop)
    });

    let refused = anyhow::Error::from(refused.err().expect("a refusal"));
    let refused = format!("{refused:#}");
    assert!(refused.contains("test:app/greeter@0.1.0"), "{refused}");
    assert!(refused.contains("greet"), "{refused}");
    assert!(refused.contains("other"), "{refused}");
}
