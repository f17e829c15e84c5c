//! A function that is served without a broker.

use core::time::Duration;
use std::sync::Arc;

use async_nats::Message;
use wrpc_middleware_transport::Paths;

use super::Request;
use super::functions::Served;
use super::request::Offer;
use crate::connection::Connection;
use crate::function::Function;

/// What serves `test:app/echo@0.1.0#echo`.
pub(crate) struct Server {
    pub(super) offer: Arc<Offer>,
}

impl Server {
    pub(crate) fn over(connection: Arc<Connection>, paths: Paths) -> Self {
        let function = Function {
            instance: "test:app/echo@0.1.0".into(),
            func: "echo".into(),
        };
        Self {
            offer: Arc::new(Offer {
                connection,
                served: Arc::new(Served::new("test".into(), function)),
                paths,
                params_timeout: None,
                clock_skew: Duration::ZERO,
                inbox_prefix: "_INBOX".into(),
                running: None,
            }),
        }
    }

    /// The call that a message is, if it is one that can be taken.
    pub(crate) fn offered(&self, message: Message) -> Option<Request> {
        Request::new(&self.offer, message)
    }
}
