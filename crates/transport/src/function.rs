//! What a function is called.

use core::error::Error;
use core::fmt;

use arrayvec::ArrayString;
use wrpc_middleware_errors::{Detail, RpcError};

/// `instance#function`, as messages have it, or the function alone where it sits at the root of a
/// world.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Function {
    text: Text,
    instance_len: usize,
}

/// As long as may be with the tag and the length in 64 bytes.
const SHORT: usize = 56;

/// One text for both names: every call has one, and most have room for it in their own place.
#[derive(Clone, PartialEq, Eq)]
enum Text {
    Short(ArrayString<SHORT>),
    Long(Box<str>),
}

impl Function {
    pub(crate) fn new(instance: &str, func: &str) -> Self {
        let separator = if instance.is_empty() { "" } else { "#" };
        let parts = [instance, separator, func];
        let mut short = ArrayString::new();
        let fits = parts.iter().all(|part| short.try_push_str(part).is_ok());
        Self {
            text: if fits {
                Text::Short(short)
            } else {
                Text::Long(parts.concat().into())
            },
            instance_len: instance.len(),
        }
    }

    fn text(&self) -> &str {
        match &self.text {
            Text::Short(text) => text,
            Text::Long(text) => text,
        }
    }

    /// Empty for a function at the root of a world.
    pub(crate) fn instance(&self) -> &str {
        self.text().get(..self.instance_len).unwrap_or_default()
    }

    pub(crate) fn func(&self) -> &str {
        let separator = usize::from(self.instance_len > 0);
        let start = self.instance_len + separator;
        self.text().get(start..).unwrap_or_default()
    }

    /// Whether `message` starts with the function already.
    pub(crate) fn starts(&self, message: &str) -> bool {
        // Another function's name may begin with this one's.
        message
            .strip_prefix(self.text())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text(), f)
    }
}

/// The detail of an error that names the function and the reason.
pub(crate) struct Failed<R> {
    pub(crate) function: Function,
    pub(crate) reason: R,
}

impl<R: fmt::Display + Send + Sync + 'static> Detail for Failed<R> {
    fn message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.function, self.reason)
    }
}

/// The detail of an error that did not name the function yet.
pub(crate) struct Named {
    pub(crate) function: Function,
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

    const INSTANCES: [&str; 4] = [
        "",
        "a:b/c@1.0.0",
        "ä#b",
        "a-namespace:of-a-package/and-an-interface@of-a-version.with-a-long-name",
    ];

    #[test]
    fn a_message_starts_with_the_function_as_it_is_shown() {
        for instance in INSTANCES {
            let function = Function::new(instance, "f");
            assert!(function.starts(&function.to_string()));
            assert!(function.starts(&format!("{function}: no")));
            assert!(!function.starts(&format!("{function}g: no")));
            assert!(!function.starts("g: no"));
            assert!(!function.starts("a:b/c@1.0.0: f"));
        }
    }

    #[test]
    fn both_names_are_what_they_were() {
        for instance in INSTANCES {
            for func in ["", "f", "[method]a.b", "ö#"] {
                let function = Function::new(instance, func);
                assert_eq!((function.instance(), function.func()), (instance, func));
            }
        }
    }

    #[test]
    fn names_lie_in_place_unless_they_are_long() {
        assert_eq!(size_of::<Text>(), 64);
        let allocates = |instance: &str, func_len| {
            let func = "f".repeat(func_len);
            let made = allocation_counter::measure(|| drop(Function::new(instance, &func)));
            made.count_total > 0
        };
        for instance in ["", "a:b/c"] {
            let rest = SHORT - instance.len() - usize::from(!instance.is_empty());
            assert!(!allocates(instance, rest));
            assert!(allocates(instance, rest + 1));
        }
    }
}
