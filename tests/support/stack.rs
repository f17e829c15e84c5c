//! The project's stack over a real connection.

use core::time::Duration;

use async_nats::{Client, HeaderMap};
use tower::Layer;
use wrpc_middleware::link::{Link, LinkTable};
use wrpc_middleware::runtime::ImportLinker;
use wrpc_middleware::{Context, Invoker, Stack, Target};

use wrpc_transport::Invoke;

use crate::support::host::Host;
use crate::support::transports::NatsWire;

/// The context of every call of the tests' hosts.
pub type Cx = Context<Option<HeaderMap>>;

/// A transport with all of the project's layers.
pub type Ours<N> = Invoker<<Stack<LinkTable> as Layer<<N as NatsWire>::Leaf>>::Service, Cx>;

/// The subject prefix of the target `greeter`.
pub const GREETER_PREFIX: &str = "default.greeter";

/// A time that no healthy call of these tests ever needs.
pub const LONG: Duration = Duration::from_mins(1);

/// "In a small fraction of" [`LONG`].
pub const SOON: Duration = Duration::from_secs(3);

/// Long enough for a healthy call on a loaded machine, as short as a test can wait for.
pub const TIMEOUT: Duration = Duration::from_secs(3);

/// The links of the component `client` to all interfaces of the target `greeter`.
pub fn links() -> LinkTable {
    let interfaces = ["greeter", "plain", "texts", "nested", "opaque", "streams"];
    let links = interfaces
        .into_iter()
        .map(|interface| link(&format!("test:app/{interface}")))
        .chain([link("$root")]);
    LinkTable::new(links).expect("distinct links")
}

/// The link of the component `client` to one interface of the target `greeter`.
pub fn link(interface: &str) -> Link {
    let target = Target::new("greeter").expect("a target");
    Link::new("client", target, interface.parse().expect("an interface"))
}

/// The context of the component `client`.
pub fn context() -> Cx {
    Context::new(None).with_source("client")
}

/// The stack over `client`.
pub async fn ours<N: NatsWire>(
    client: &Client,
    links: &LinkTable,
    timeout: Duration,
    handshake: Duration,
) -> Ours<N> {
    let stack = Stack::new(links.clone())
        .timeout(timeout)
        .handshake_timeout(handshake);
    Invoker::new(stack.layer(N::leaf(client).await))
}

/// The component `client`, its imports linked over a stack.
pub fn host<I>(component: &[u8], stack: I) -> Host<I>
where
    I: Invoke<Context = Cx> + Clone + 'static,
{
    Host::new(component, stack, context(), |component, linker| {
        ImportLinker::new(component).link_with_rpc(linker).map(drop)
    })
    .expect("a component that links")
}
