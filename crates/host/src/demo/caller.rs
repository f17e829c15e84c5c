//! The component that calls, and what it gets.

use core::time::Duration;
use std::path::Path;

use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::component::{Instance, Val};
use wrpc_middleware::link::LinkTable;
use wrpc_middleware::nats::Client;

use super::DemoError;
use super::guests::Guest;
use crate::call::{instantiate, invoke};
use crate::component::compile;
use crate::engine;
use crate::error::{Error, report};
use crate::host::{CallOptions, Host, State, link};
use crate::links::Links;
use crate::metrics::Telemetry;
use crate::wave::{Export, Expression, ExpressionError, print};

/// The call, as the component's user writes it.
pub(super) const CALL: &str = "greet(\"bob\")";

/// One instance of the client for the whole demonstration: no failure may end it.
pub(super) struct Caller {
    store: Store<State>,
    instance: Instance,
    export: Export,
    arguments: Vec<Val>,
}

/// What the component got from a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// `ok`, with the value as WAVE.
    Ok(String),
    /// `err`, with the case and what it carries.
    Err {
        /// The case of `rpc-error`.
        case: String,
        /// Whether the target may have run the call.
        delivery: String,
        /// The line for a log.
        message: String,
    },
    /// Nothing: it trapped, or got what it should not.
    Failed(String),
}

impl Caller {
    /// Instantiates the client, which calls over `client` what `links` permits.
    pub(super) async fn new(
        client: Client,
        links: LinkTable,
        options: &CallOptions,
    ) -> Result<Self, Error> {
        let bytes = Guest::Client
            .component()
            .map_err(|source| DemoError::Guest {
                name: Guest::Client.world(),
                source,
            })?;
        let engine = engine::new().map_err(Error::Engine)?;
        let component = compile(&engine, Path::new("client.wasm"), &bytes)?;
        let expression: Expression = CALL.parse().map_err(ExpressionError::from)?;
        let export = Export::find(&component, &expression)?;
        let arguments = export.arguments(&expression)?;
        let instance_pre = link(&component, options, &Links::default())?;
        let mut store = Host::new(&engine, client, links, options, &Telemetry::off()).store();
        let instance = instantiate(&mut store, &instance_pre).await?;
        Ok(Self {
            store,
            instance,
            export,
            arguments,
        })
    }

    /// One call: what the component got, and how long it took.
    pub(super) async fn call(&mut self) -> (Got, Duration) {
        let start = Instant::now();
        let result = invoke(
            &mut self.store,
            &self.instance,
            &self.export,
            &self.arguments,
        )
        .await;
        let took = start.elapsed();
        let got = match result {
            Ok(results) => understand(&results),
            Err(error) => Got::Failed(report(&error)),
        };
        (got, took)
    }
}

fn understand(results: &[Val]) -> Got {
    match results {
        [Val::Result(Ok(_))] => Some(Got::Ok(print(results))),
        [Val::Result(Err(Some(error)))] => failure(error),
        _ => None,
    }
    .unwrap_or_else(|| Got::Failed(print(results)))
}

/// Takes an `rpc-error` apart.
fn failure(error: &Val) -> Option<Got> {
    let Val::Variant(case, Some(payload)) = error else {
        return None;
    };
    let Val::Record(fields) = &**payload else {
        return None;
    };
    let field = |wanted: &str| {
        fields
            .iter()
            .find_map(|(name, value)| (name == wanted).then_some(value))
    };
    let (Some(Val::Enum(delivery)), Some(Val::String(message))) =
        (field("delivery"), field("message"))
    else {
        return None;
    };
    Some(Got::Err {
        case: case.clone(),
        delivery: delivery.clone(),
        message: message.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_understood_and_anything_else_is_not() {
        let text = || Val::String("hello".into());
        let ok = Val::Result(Ok(Some(Box::new(text()))));
        assert_eq!(understand(&[ok]), Got::Ok("ok(\"hello\")".into()));
        let failure = Val::Record(vec![
            ("delivery".into(), Val::Enum("not-sent".into())),
            ("message".into(), text()),
        ]);
        let error = Val::Variant("timeout".into(), Some(Box::new(failure)));
        assert_eq!(
            understand(&[Val::Result(Err(Some(Box::new(error))))]),
            Got::Err {
                case: "timeout".into(),
                delivery: "not-sent".into(),
                message: "hello".into(),
            }
        );
        let other = Val::Result(Err(Some(Box::new(text()))));
        assert_eq!(understand(&[other]), Got::Failed("err(\"hello\")".into()));
    }
}
