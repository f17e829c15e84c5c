//! The payload of a case.

use wasmtime::component::types::Enum;
use wasmtime::component::{Type, Val};
use wrpc_middleware_errors::Delivery;

use super::LowerError;

/// How the payload of a case is filled.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Payload {
    Record(Vec<(Box<str>, Field)>),
    Message,
    Absent,
}

/// How a field of the record is filled.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field {
    /// By the guest's name for each delivery, in the order of [`Delivery::ALL`].
    Delivery([Box<str>; 3]),
    Message,
    /// A field that the guest may also be given without.
    Present(Box<Field>),
    Absent,
}

impl Payload {
    pub(super) fn new(ty: &Type, case: &str) -> Result<Self, LowerError> {
        match ty {
            Type::Record(record) => record
                .fields()
                .map(|field| Ok((field.name.into(), Field::new(&field.ty, case, field.name)?)))
                .collect::<Result<_, _>>()
                .map(Self::Record),
            Type::String => Ok(Self::Message),
            Type::Option(_) => Ok(Self::Absent),
            _ => Err(LowerError::Payload { case: case.into() }),
        }
    }

    pub(super) fn fill(&self, delivery: Delivery, message: String) -> Val {
        match self {
            Self::Record(fields) => Val::Record(
                fields
                    .iter()
                    .map(|(name, field)| (name.to_string(), field.fill(delivery, &message)))
                    .collect(),
            ),
            Self::Message => Val::String(message),
            Self::Absent => Val::Option(None),
        }
    }
}

impl Field {
    fn new(ty: &Type, case: &str, name: &str) -> Result<Self, LowerError> {
        let mismatch = |expected| LowerError::FieldType {
            case: case.into(),
            field: name.into(),
            expected,
        };
        match (name, ty) {
            ("delivery", Type::Enum(ty)) => deliveries(ty, case).map(Self::Delivery),
            ("message", Type::String) => Ok(Self::Message),
            ("delivery" | "message", Type::Option(ty)) => {
                let field = Self::new(&ty.ty(), case, name)?;
                Ok(Self::Present(Box::new(field)))
            }
            ("delivery", _) => Err(mismatch("an enum")),
            ("message", _) => Err(mismatch("a `string`")),
            (_, Type::Option(_)) => Ok(Self::Absent),
            _ => Err(LowerError::UnknownField {
                case: case.into(),
                field: name.into(),
            }),
        }
    }

    fn fill(&self, delivery: Delivery, message: &str) -> Val {
        match self {
            Self::Delivery([not_sent, unknown, accepted]) => {
                let name = match delivery {
                    Delivery::NotSent => not_sent,
                    Delivery::Unknown => unknown,
                    Delivery::Accepted => accepted,
                };
                Val::Enum(name.to_string())
            }
            Self::Message => Val::String(message.to_string()),
            Self::Present(field) => Val::Option(Some(Box::new(field.fill(delivery, message)))),
            Self::Absent => Val::Option(None),
        }
    }
}

/// The guest's name of each delivery; `unknown` stands for those that it lacks.
fn deliveries(ty: &Enum, case: &str) -> Result<[Box<str>; 3], LowerError> {
    let name = |delivery: Delivery| {
        [delivery.as_str(), Delivery::Unknown.as_str()]
            .into_iter()
            .find(|name| ty.names().any(|known| known == *name))
            .map(Box::from)
            .ok_or_else(|| LowerError::Delivery {
                case: case.into(),
                missing: delivery.as_str(),
            })
    };
    let [not_sent, unknown, accepted] = Delivery::ALL;
    Ok([name(not_sent)?, name(unknown)?, name(accepted)?])
}
