//! How messages name a function.

use core::fmt;

/// `instance#function`, or the function alone where it sits at the root of a world.
pub(crate) struct Function<'a> {
    pub(crate) instance: &'a str,
    pub(crate) func: &'a str,
}

impl fmt::Display for Function<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.instance.is_empty() {
            f.write_str(self.func)
        } else {
            write!(f, "{}#{}", self.instance, self.func)
        }
    }
}
