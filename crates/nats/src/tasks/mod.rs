//! What runs for a connection as long as anybody has a client or a call of it. None is run for a
//! call.

mod dispatch;
mod keepalive;
mod refusals;
mod settle;
mod watch;

pub(crate) use self::dispatch::dispatch;
pub(crate) use self::keepalive::keep_alive;
pub(crate) use self::refusals::judge_refusals;
pub(crate) use self::settle::{ENOUGH_TIME, Owing, Settling, settling};
pub(crate) use self::watch::watch;
