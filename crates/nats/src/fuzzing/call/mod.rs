//! One call, and a peer and a broker that send anything.

mod events;
mod setup;

use arbitrary::{Result, Unstructured};

use self::setup::Side;
pub(super) use self::setup::{made, with_connection};

/// Whatever a target and a broker send, in any order, a call that was made goes on or ends in a
/// typed error, which is final; what is said of its delivery is never taken back; nobody who waits
/// is forgotten; what is held is bounded, and nothing is left of it.
pub fn caller(data: &[u8]) {
    let _ = run(Side::Caller, data);
}

/// The same for a call that is served, and what a caller sends.
pub fn target(data: &[u8]) {
    let _ = run(Side::Target, data);
}

/// As many things happen to one call.
const MOST: usize = 200;

fn run(side: Side, data: &[u8]) -> Result<()> {
    let u = &mut Unstructured::new(data);
    setup::with_call(side, u, |call, u| {
        for _ in 0..MOST {
            if u.is_empty() {
                break;
            }
            events::happen(call, u)?;
            call.holds();
        }
        Ok(())
    })
}
