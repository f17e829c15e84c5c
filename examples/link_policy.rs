//! A policy of one's own, in the place of a table of links.
//!
//! ```console
//! $ cargo run --example link_policy
//! ```
//!
//! Components are named `<tenant>.<name>`. One may call what is of its own tenant, and nobody calls
//! what administers.

use wrpc_middleware::Target;
use wrpc_middleware::link::{LinkPolicy, LinkRequest};

/// Calls stay within a tenant.
#[derive(Clone, Copy, Debug)]
struct WithinTenant;

impl LinkPolicy for WithinTenant {
    fn authorize(&self, request: &LinkRequest<'_>) -> Option<Target> {
        // A caller without an identity has no tenant. Only the host states who calls: a guest can't.
        let (tenant, _) = request.source?.split_once('.')?;
        if request.func.starts_with("admin-") {
            return None;
        }
        // The target of the call: `acme.web` is served by `acme.<interface>`.
        let (_, interface) = request.interface.split_once('/')?;
        Target::new(format!("{tenant}.{interface}")).ok()
    }
}

fn main() {
    // In a host it is `Stack::new(WithinTenant)`, and everything below routes to what it returns.
    for (source, func) in [
        (Some("acme.web"), "greet"),
        (Some("acme.web"), "admin-reset"),
        (Some("nobody"), "greet"),
        (None, "greet"),
    ] {
        let request = LinkRequest::new(source, "test:app/greeter@0.1.0", func);
        match WithinTenant.authorize(&request) {
            Some(target) => println!("{request}: {target}"),
            None => println!("{request}: denied"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(source: Option<&str>, func: &str) -> Option<Target> {
        WithinTenant.authorize(&LinkRequest::new(source, "test:app/greeter@0.1.0", func))
    }

    #[test]
    fn calls_stay_within_a_tenant() {
        let greeter = |tenant: &str| Target::new(format!("{tenant}.greeter")).ok();
        assert_eq!(target(Some("acme.web"), "greet"), greeter("acme"));
        assert_eq!(target(Some("other.web"), "greet"), greeter("other"));
        for (source, func) in [
            (Some("acme.web"), "admin-reset"),
            (Some("acme"), "greet"),
            (Some("*.web"), "greet"),
            (None, "greet"),
        ] {
            assert_eq!(target(source, func), None, "{source:?} {func}");
        }
    }
}
