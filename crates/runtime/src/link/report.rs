//! What was linked, for a log.

use core::fmt;

/// How a function that is linked over wRPC returns a failure of the call.
///
/// The rows of [the table](crate#how-a-failure-reaches-the-component), the first that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFailure {
    /// As the component's own `rpc-error`.
    RpcError,
    /// As `wrpc:rpc/error.error`.
    Resource,
    /// As this case, which carries the component's own `rpc-error`.
    Case(Box<str>),
    /// As a text, in this case if the error is a variant.
    Message(Option<Box<str>>),
    /// It traps.
    Trap,
}

impl fmt::Display for OnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RpcError => f.write_str("rpc-error"),
            Self::Resource => f.write_str("wrpc:rpc/error.error"),
            Self::Case(case) => write!(f, "{case}(rpc-error)"),
            Self::Message(None) => f.write_str("string"),
            Self::Message(Some(case)) => write!(f, "{case}(string)"),
            Self::Trap => f.write_str("trap"),
        }
    }
}

/// A function that was linked over wRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkedFunction {
    /// The instance, empty for a function at the root of the world.
    pub instance: Box<str>,
    /// The function, as the component imports it: `[method]thing.get`.
    pub name: Box<str>,
    /// Whether the target serves the function without its `result`.
    pub bare: bool,
    /// What a failure of the call becomes.
    pub on_failure: OnFailure,
}

/// `instance#function -> what a failure becomes`.
impl fmt::Display for LinkedFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.instance.is_empty() {
            write!(f, "{}#", self.instance)?;
        }
        write!(f, "{} -> {}", self.name, self.on_failure)?;
        if self.bare {
            f.write_str(" (bare)")?;
        }
        Ok(())
    }
}

/// What an [`ImportLinker`](crate::ImportLinker) linked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Linked {
    /// The functions that are called over wRPC, in the order of the component's imports.
    pub functions: Vec<LinkedFunction>,
    /// The instances that answer from this host: `wrpc:errors/inspect`, `wrpc:rpc/error` and the
    /// like.
    pub host: Vec<Box<str>>,
    /// The `bare` marks that fit no linked function, as `instance#function` or `instance`.
    pub unused_bare: Vec<Box<str>>,
}
