//! What the broker permits.

use std::fmt::Write as _;

use super::target_id;
use crate::audit::PASSWORD;

/// The configuration of a broker that notices soon who is gone, and does not permit callers to
/// call a target.
pub(super) fn config(forbidden: Option<usize>) -> String {
    let mut caller = format!("user: caller, password: {PASSWORD}");
    if let Some(target) = forbidden {
        let subject = format!("{}.wrpc.>", target_id(target));
        // Writing to a string does not fail.
        let _ = write!(
            caller,
            ", permissions: {{ publish: {{ deny: [\"{subject}\"] }} }}"
        );
    }
    format!(
        "max_payload: 32KB\n\
         ping_interval: \"2s\"\n\
         ping_max: 2\n\
         authorization: {{ users: [\n\
           {{ {caller} }},\n\
           {{ user: target, password: {PASSWORD} }}\n\
         ] }}\n"
    )
}
