//! What runs for a connection as long as anybody has a client or a call of it. None is run for a
//! call.

mod closing;
mod dispatch;
mod keepalive;
mod watch;

pub(crate) use self::closing::end_params;
pub(crate) use self::dispatch::dispatch;
pub(crate) use self::keepalive::keep_alive;
pub(crate) use self::watch::watch;
