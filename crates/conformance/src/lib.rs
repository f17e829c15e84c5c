//! A conformance kit for wRPC transports.

mod call;
mod case;
mod clock;
mod declaration;
mod erased;
mod expectation;
mod function;
mod layering;
mod macros;
mod nonconformance;
mod observed;
mod outcome;
mod rig;
mod run;
mod scenario;
mod target;
mod testbed;
mod value;

pub use declaration::{CannotTell, Verdict};
pub use layering::Layering;
pub use nonconformance::Nonconformance;
pub use outcome::Outcome;
pub use run::{check, run};
pub use scenario::Scenario;
pub use testbed::{Fault, TARGET, Testbed};
pub use wrpc_middleware_errors::{Delivery, RpcErrorKind};
