//! Connecting as hosts are told to connect, and saying when the connection is lost.

use core::time::Duration;

use async_nats::{Event, ServerAddr};
use wrpc_middleware_nats::{Client, ConnectOptions, Options};

use crate::speech::Said;

/// After how long a silence a peer asks whether the other is still there.
pub const KEEPALIVE: Duration = Duration::from_millis(400);

/// How far the clocks of peers may be apart, which are on one machine here.
pub const CLOCK_SKEW: Duration = Duration::from_millis(200);

/// How often our transport asks its server for a sign of life, and so upstream's here.
const PING_INTERVAL: Duration = Duration::from_millis(900);

/// Connects a client of our transport, to the first of these servers that it reaches.
///
/// # Errors
///
/// The servers can't be reached.
pub async fn own(servers: &[String], options: Options) -> anyhow::Result<Client> {
    let servers = addresses(servers)?;
    let options = ConnectOptions::new(servers.as_slice())
        .client(options.keepalive(Some(KEEPALIVE)).clock_skew(CLOCK_SKEW))
        .nats(async_nats::ConnectOptions::retain_servers_order)
        .on_event(say_disconnected);
    Ok(wrpc_middleware_nats::connect(options).await?)
}

/// The same for upstream's client.
///
/// # Errors
///
/// The servers can't be reached.
pub async fn upstream(servers: &[String]) -> anyhow::Result<async_nats::Client> {
    let options = async_nats::ConnectOptions::new()
        .ping_interval(PING_INTERVAL)
        .retain_servers_order()
        .event_callback(async |event| say_disconnected(&event));
    Ok(options.connect(addresses(servers)?.as_slice()).await?)
}

fn addresses(servers: &[String]) -> anyhow::Result<Vec<ServerAddr>> {
    let addresses = servers.iter().map(|server| server.parse());
    Ok(addresses.collect::<Result<_, _>>()?)
}

fn say_disconnected(event: &Event) {
    if matches!(event, Event::Disconnected) {
        Said::Disconnected.say();
    }
}
