//! Who calls, who is called, and by which transport: upstream's client, or the project's own.

use core::time::Duration;

use async_nats::HeaderMap;
use wrpc_middleware::link::{Link, LinkTable};
use wrpc_middleware::nats::{ConnectOptions, Options};
use wrpc_middleware::upstream_nats::NatsTransport;
use wrpc_middleware::{Context, Stack, Target, nats};

use wrpc_middleware_testing::nats::connect;

/// The target that serves over upstream's client: its name, and its subject prefix.
pub(crate) const UPSTREAM_TARGET: &str = "bench-target";

/// The target that serves over the own transport.
pub(crate) const OWN_TARGET: &str = "bench-target-own";

/// The component that calls, as the links know it.
pub(crate) const SOURCE: &str = "bench-caller";

/// Longer than any call takes here: what is measured is what a deadline costs that does not pass.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(1);

/// The context of the project's stacks, and of its own transport.
pub(crate) type Cx = Context<Option<HeaderMap>>;

/// The context of the component [`SOURCE`].
pub(crate) fn cx() -> Cx {
    Context::new(None).with_source(SOURCE)
}

/// Upstream's client over a connection of its own.
pub(crate) async fn upstream(
    url: &str,
    target: &str,
) -> anyhow::Result<wrpc_transport_nats::Client> {
    wrpc_transport_nats::Client::new(connect(url).await, target, None).await
}

/// The leaf over upstream's client, over a connection of its own.
pub(crate) async fn leaf(url: &str) -> anyhow::Result<NatsTransport> {
    let leaf = NatsTransport::builder(connect(url).await);
    Ok(leaf.default_target(Target::new(UPSTREAM_TARGET)?).build())
}

/// The own transport, connected as its users do.
pub(crate) async fn own(url: &str, target: &str) -> anyhow::Result<nats::Client> {
    own_with(url, target, Options::new()).await
}

/// The same with options of its own.
pub(crate) async fn own_with(
    url: &str,
    target: &str,
    options: Options,
) -> anyhow::Result<nats::Client> {
    let options = options.default_target(Target::new(target)?);
    let connection = ConnectOptions::new(url).client(options);
    Ok(nats::connect(connection).await?)
}

/// The stack with all layers, for calls to `target`.
pub(crate) fn stack(target: &str) -> anyhow::Result<Stack<LinkTable>> {
    Ok(Stack::new(links(target)?)
        .timeout(TIMEOUT)
        .handshake_timeout(TIMEOUT))
}

/// The one link that [`SOURCE`] has.
pub(crate) fn links(target: &str) -> anyhow::Result<LinkTable> {
    let link = Link::new(SOURCE, Target::new(target)?, "bench:app/echo".parse()?);
    Ok(LinkTable::new([link])?)
}
