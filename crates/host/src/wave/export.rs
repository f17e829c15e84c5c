//! The exported function that an expression names.

use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::{Component, ComponentExportIndex, Type, Val};

use super::expression::reason;
use super::signature::{Names, signature, structure};
use super::{Expression, InvalidExpression};

/// A function that a component exports, at its root or in an interface.
#[derive(Clone, Debug)]
pub struct Export {
    index: ComponentExportIndex,
    name: String,
    ty: ComponentFunc,
    names: Arc<Names>,
}

/// The expression does not fit the component.
#[derive(Debug, thiserror::Error)]
pub enum ExpressionError {
    /// It is no call at all.
    #[error(transparent)]
    Invalid(#[from] InvalidExpression),
    /// The component has no such export.
    #[error("the component exports no function `{function}`{}", listed(.candidates, "; it exports", "; it exports no functions at all"))]
    Unknown {
        /// The function as written.
        function: String,
        /// Every function that the component exports.
        candidates: Vec<String>,
    },
    /// Several interfaces, or versions of one, export it.
    #[error("`{function}` is exported more than once{}", listed(.candidates, "; write one of", ""))]
    Ambiguous {
        /// The function as written.
        function: String,
        /// Those that it could mean.
        candidates: Vec<String>,
    },
    /// It takes or returns something that has no text.
    #[error(
        "`{signature}` can't be called from the command line: WAVE has no text for resources, streams and futures"
    )]
    NoText {
        /// The function.
        signature: String,
    },
    /// Too many or too few arguments.
    #[error("{given} arguments for `{signature}`, which takes {expected}")]
    Count {
        /// How many were given.
        given: usize,
        /// How many parameters the function has.
        expected: usize,
        /// The function.
        signature: String,
    },
    /// An argument of another type.
    #[error("argument {nth} `{name}` takes {expected}: {reason}; the function is `{signature}`")]
    Type {
        /// Which argument, counted from 1.
        nth: usize,
        /// The name of the parameter.
        name: String,
        /// The type of the parameter.
        expected: String,
        /// What the parser says, and where.
        reason: String,
        /// The function.
        signature: String,
    },
}

fn listed(candidates: &[String], some: &str, none: &str) -> String {
    if candidates.is_empty() {
        return none.to_owned();
    }
    format!("{some}:\n  {}", candidates.join("\n  "))
}

impl Export {
    /// The function that `expression` names.
    ///
    /// A function at the root of the component goes before those of interfaces, an interface that
    /// is spelled out in full before those that only differ by a version.
    ///
    /// # Errors
    ///
    /// The component has no such function, has several, or it can't be called by text.
    pub fn find(component: &Component, expression: &Expression) -> Result<Self, ExpressionError> {
        let all = exports(component);
        let named = |export: &&(Option<String>, Self)| export.1.name == expression.function;
        let exact = all
            .iter()
            .filter(named)
            .find(|(interface, _)| *interface == expression.interface);
        let export = if let Some((_, export)) = exact {
            export
        } else {
            let mut fitting = all.iter().filter(named).filter(|(interface, _)| {
                match (&expression.interface, interface) {
                    (None, _) => true,
                    (Some(written), Some(exported)) => without_version(exported) == written,
                    (Some(_), None) => false,
                }
            });
            let Some((_, export)) = fitting.next() else {
                return Err(ExpressionError::Unknown {
                    function: written(expression),
                    candidates: all.iter().map(candidate).collect(),
                });
            };
            if fitting.next().is_some() {
                return Err(ExpressionError::Ambiguous {
                    function: written(expression),
                    candidates: all.iter().filter(named).map(candidate).collect(),
                });
            }
            export
        };
        let types = export
            .ty
            .params()
            .map(|(_, ty)| ty)
            .chain(export.ty.results());
        if types.into_iter().all(|ty| has_text(&ty)) {
            Ok(export.clone())
        } else {
            Err(ExpressionError::NoText {
                signature: export.signature(),
            })
        }
    }

    /// The values of the arguments. Trailing ones may be left out if they are options.
    ///
    /// # Errors
    ///
    /// Their number or one of their types does not fit.
    pub fn arguments(&self, expression: &Expression) -> Result<Vec<Val>, ExpressionError> {
        let syntax = |reason| InvalidExpression::Syntax {
            arguments: expression.call.trim_start_matches('f').to_owned(),
            reason,
        };
        let call = UntypedFuncCall::parse(&expression.call)
            .map_err(|error| syntax(reason(&error, &expression.call)))?;
        let nodes: Vec<_> = match call.params_node() {
            Some(tuple) => tuple
                .as_tuple()
                .map_err(|error| syntax(reason(&error, &expression.call)))?
                .collect(),
            None => Vec::new(),
        };
        let count = || ExpressionError::Count {
            given: nodes.len(),
            expected: self.ty.params().len(),
            signature: self.signature(),
        };
        if nodes.len() > self.ty.params().len() {
            return Err(count());
        }
        let mut nodes_left = nodes.iter();
        self.ty
            .params()
            .enumerate()
            .map(|(nth, (name, ty))| match (nodes_left.next(), &ty) {
                (Some(node), ty) => node.to_wasm_value(ty, &expression.call).map_err(|error| {
                    ExpressionError::Type {
                        nth: nth + 1,
                        name: name.to_owned(),
                        expected: structure(ty, &self.names),
                        reason: reason(&error, &expression.call),
                        signature: self.signature(),
                    }
                }),
                (None, Type::Option(_)) => Ok(Val::Option(None)),
                (None, _) => Err(count()),
            })
            .collect()
    }

    /// Where the function is in the component.
    #[must_use]
    pub fn index(&self) -> &ComponentExportIndex {
        &self.index
    }

    /// How many results it has.
    #[must_use]
    pub fn results(&self) -> usize {
        self.ty.results().len()
    }

    /// Its type, about as it stands in WIT.
    #[must_use]
    pub fn signature(&self) -> String {
        signature(&self.name, &self.ty, &self.names)
    }
}

/// Every function that the component exports, with its interface.
fn exports(component: &Component) -> Vec<(Option<String>, Export)> {
    let engine = component.engine();
    let names = Arc::new(Names::of(component));
    let mut found = Vec::new();
    let mut push = |instance: Option<(&str, &ComponentExportIndex)>, name: &str, ty| {
        let parent = instance.map(|(_, index)| index);
        if let Some(index) = component.get_export_index(parent, name) {
            let interface = instance.map(|(name, _)| name.to_owned());
            let name = name.to_owned();
            let names = Arc::clone(&names);
            let export = Export {
                index,
                name,
                ty,
                names,
            };
            found.push((interface, export));
        }
    };
    for (name, item) in component.component_type().exports(engine) {
        match item {
            ComponentItem::ComponentFunc(ty) => push(None, name, ty),
            ComponentItem::ComponentInstance(instance) => {
                let Some(index) = component.get_export_index(None, name) else {
                    continue;
                };
                for (function, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(ty) = item {
                        push(Some((name, &index)), function, ty);
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn candidate((interface, export): &(Option<String>, Export)) -> String {
    let signature = export.signature();
    match interface {
        Some(interface) => format!("{interface}#{signature}"),
        None => signature,
    }
}

fn written(expression: &Expression) -> String {
    match &expression.interface {
        Some(interface) => format!("{interface}#{}", expression.function),
        None => expression.function.clone(),
    }
}

fn without_version(interface: &str) -> &str {
    interface.split('@').next().unwrap_or(interface)
}

/// Whether WAVE can write every value of the type.
fn has_text(ty: &Type) -> bool {
    fn all(types: impl IntoIterator<Item = Option<Type>>) -> bool {
        types
            .into_iter()
            .all(|ty| ty.is_none_or(|ty| has_text(&ty)))
    }
    match ty {
        Type::Own(_)
        | Type::Borrow(_)
        | Type::Future(_)
        | Type::Stream(_)
        | Type::ErrorContext
        | Type::Map(_) => false,
        Type::List(ty) => has_text(&ty.ty()),
        Type::Option(ty) => has_text(&ty.ty()),
        Type::Tuple(ty) => all(ty.types().map(Some)),
        Type::Result(ty) => all([ty.ok(), ty.err()]),
        Type::Record(ty) => all(ty.fields().map(|field| Some(field.ty))),
        Type::Variant(ty) => all(ty.cases().map(|case| case.ty)),
        _ => true,
    }
}
