//! What a guest's `rpc-error` can lack.

use thiserror::Error;

/// Why a failure can't be made a value of a component's own `rpc-error`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LowerError {
    /// The type is not a variant.
    #[error("its `rpc-error` is not a variant: make it one, with a case `other` at least")]
    NotAVariant,
    /// There is no case for the kinds that the type does not know.
    #[error("its `rpc-error` has no case `other`: add `other(failure)` to the variant")]
    NoOther,
    /// A case carries something that is neither a record nor a `string`.
    #[error(
        "the payload of the case `{case}` of its `rpc-error` can't be filled: make it a record \
         with the fields `delivery` and `message`"
    )]
    Payload {
        /// The case.
        case: Box<str>,
    },
    /// A field of the payload is known by name, but has another type.
    #[error(
        "the field `{field}` of the case `{case}` of its `rpc-error` has another type than in \
         `wrpc:errors`: make it {expected}"
    )]
    FieldType {
        /// The case.
        case: Box<str>,
        /// The field.
        field: Box<str>,
        /// The type that it has to have.
        expected: &'static str,
    },
    /// A field of the payload is not known and can't be left out.
    #[error(
        "the field `{field}` of the case `{case}` of its `rpc-error` is not known to this host: \
         make it an `option`"
    )]
    UnknownField {
        /// The case.
        case: Box<str>,
        /// The field.
        field: Box<str>,
    },
    /// The enum `delivery` can't express a delivery.
    #[error(
        "the enum of the field `delivery` of the case `{case}` of its `rpc-error` has neither \
         `{missing}` nor `unknown`: add `unknown`"
    )]
    Delivery {
        /// The case.
        case: Box<str>,
        /// The delivery that has no name.
        missing: &'static str,
    },
}
