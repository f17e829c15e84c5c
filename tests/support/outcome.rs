//! How a call that a host made of a component ended.

use wasmtime::component::Val;
use wrpc_middleware::{Delivery, RpcError, RpcErrorKind};

/// How a call ended.
#[derive(Debug)]
pub enum Outcome {
    /// It returned; `None` is a function without a result.
    Returned(Option<Val>),
    /// The component trapped.
    Trapped(wasmtime::Error),
}

/// A failure as a component sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub case: String,
    pub delivery: Option<String>,
    pub message: String,
}

impl Outcome {
    /// The value, as WAVE.
    ///
    /// # Panics
    ///
    /// When the component trapped, or the function has no result.
    pub fn wave(&self) -> String {
        match self {
            Self::Returned(Some(val)) => val.to_wave().expect("a value that WAVE can write"),
            other => panic!("expected a value, not {other:?}"),
        }
    }

    /// The `rpc-error` in `err(…)`, directly or in a case of the interface's own error.
    pub fn failure(&self) -> Option<Failure> {
        let Self::Returned(Some(Val::Result(Err(Some(error))))) = self else {
            return None;
        };
        failure(error)
    }

    /// Asserts that the component got exactly this failure, with nothing in its message that is
    /// the operator's business, and returns the message.
    pub fn assert_failure(&self, kind: RpcErrorKind, delivery: Delivery) -> String {
        let failure = self
            .failure()
            .unwrap_or_else(|| panic!("expected {kind}, {delivery}, not {self:?}"));
        assert_eq!(
            (failure.case.as_str(), failure.delivery.as_deref()),
            (kind.as_str(), Some(delivery.as_str())),
            "{failure:?}"
        );
        assert_discreet(&failure.message);
        failure.message
    }

    /// Asserts that the component trapped, with this failure as the cause.
    pub fn assert_trapped_by(&self, kind: RpcErrorKind, delivery: Delivery) {
        let Self::Trapped(error) = self else {
            panic!("expected a trap by {kind}, not {self:?}");
        };
        let error = RpcError::find(AsRef::<dyn std::error::Error + Send + Sync>::as_ref(error))
            .unwrap_or_else(|| panic!("expected a trap by {kind}, not {error:?}"));
        assert_eq!(
            (error.kind(), error.delivery()),
            (kind, delivery),
            "{error:?}"
        );
        assert_discreet(error.message());
    }

    /// Asserts that the component trapped and nothing typed says why: what happens upstream.
    pub fn assert_trapped_untyped(&self) {
        let Self::Trapped(error) = self else {
            panic!("expected a trap, not {self:?}");
        };
        assert!(
            RpcError::find(AsRef::<dyn std::error::Error + Send + Sync>::as_ref(error)).is_none()
        );
    }
}

/// Asserts that a text for guests names no subject, no inbox and no address.
fn assert_discreet(message: &str) {
    assert!(!message.is_empty());
    for secret in ["wrpc.0.0.1", "_INBOX", "127.0.0.1", "nats://", "default."] {
        assert!(!message.contains(secret), "`{message}` tells `{secret}`");
    }
}

fn failure(error: &Val) -> Option<Failure> {
    let Val::Variant(case, Some(payload)) = error else {
        return None;
    };
    let fields = match &**payload {
        Val::Record(fields) => fields,
        // The case of an error that carries the `rpc-error`.
        nested => return failure(nested),
    };
    let field = |name: &str| {
        fields
            .iter()
            .find_map(|(field, val)| (field == name).then_some(val))
    };
    let delivery = match field("delivery") {
        Some(Val::Enum(delivery)) => Some(delivery.clone()),
        _ => None,
    };
    match field("message") {
        Some(Val::String(message)) => Some(Failure {
            case: case.clone(),
            delivery,
            message: message.clone(),
        }),
        _ => None,
    }
}
