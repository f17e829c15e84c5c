//! How messages name a function.

use core::error::Error;
use core::fmt;
use std::sync::Arc;

use wrpc_middleware_errors::{Detail, RpcError};

/// `instance#function`, or the function alone where it sits at the root of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function<T> {
    pub(crate) instance: T,
    pub(crate) func: T,
}

impl<T: AsRef<str>> Function<T> {
    /// Whether `message` starts with the function already.
    pub(crate) fn starts(&self, message: &str) -> bool {
        let (instance, func) = (self.instance.as_ref(), self.func.as_ref());
        let rest = if instance.is_empty() {
            Some(message)
        } else {
            message
                .strip_prefix(instance)
                .and_then(|rest| rest.strip_prefix('#'))
        };
        // Another function's name may begin with this one's.
        rest.and_then(|rest| rest.strip_prefix(func))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }
}

impl<T: AsRef<str>> fmt::Display for Function<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (instance, func) = (self.instance.as_ref(), self.func.as_ref());
        if instance.is_empty() {
            f.write_str(func)
        } else {
            write!(f, "{instance}#{func}")
        }
    }
}

/// The detail of an error that names the function and the reason.
pub(crate) struct Failed<R> {
    pub(crate) function: Function<Arc<str>>,
    pub(crate) reason: R,
}

impl<R: fmt::Display + Send + Sync + 'static> Detail for Failed<R> {
    fn message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.function, self.reason)
    }
}

/// The detail of an error that did not name the function yet.
pub(crate) struct Named {
    pub(crate) function: Function<Arc<str>>,
    pub(crate) error: RpcError,
}

impl Detail for Named {
    fn message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.function, self.error.message())
    }

    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_starts_with_the_function_as_it_is_shown() {
        for instance in ["", "a:b/c@1.0.0"] {
            let function = Function {
                instance,
                func: "f",
            };
            assert!(function.starts(&format!("{function}: no")));
            assert!(!function.starts("g: no"));
            assert!(!function.starts("a:b/c@1.0.0: f"));
        }
    }
}
