//! Where the asynchronous parts of values are.
//!
//! A transport has to subscribe to a stream before its peer sends on it, so both sides compute
//! the paths from the types.

use wasmtime::component::{ResourceType, Type};

/// One step of a path: an index, or any index of a list.
type Path = Vec<Option<usize>>;

/// The paths of the asynchronous parts of `types`, each type at its index.
///
/// `io_streams` are the resource types that travel as byte streams. Sorted, without duplicates.
pub(crate) fn async_paths(
    types: &[Type],
    io_streams: &[ResourceType],
) -> Vec<Box<[Option<usize>]>> {
    let mut walk = Walk {
        io_streams,
        found: Vec::new(),
    };
    let mut path = Vec::new();
    for (i, ty) in types.iter().enumerate() {
        walk.step(Some(i), ty, &mut path);
    }
    let mut found = walk.found;
    found.sort();
    found.dedup();
    found.into_iter().map(Vec::into_boxed_slice).collect()
}

struct Walk<'a> {
    io_streams: &'a [ResourceType],
    found: Vec<Path>,
}

impl Walk<'_> {
    fn step(&mut self, index: Option<usize>, ty: &Type, path: &mut Path) {
        path.push(index);
        self.visit(ty, path);
        path.pop();
    }

    fn visit(&mut self, ty: &Type, path: &mut Path) {
        match ty {
            Type::List(ty) => self.step(None, &ty.ty(), path),
            // What a case carries is where the whole value is.
            Type::Option(ty) => self.visit(&ty.ty(), path),
            Type::Result(ty) => {
                for ty in [ty.ok(), ty.err()].into_iter().flatten() {
                    self.visit(&ty, path);
                }
            }
            Type::Variant(ty) => {
                for ty in ty.cases().filter_map(|case| case.ty) {
                    self.visit(&ty, path);
                }
            }
            Type::Tuple(ty) => {
                for (i, ty) in ty.types().enumerate() {
                    self.step(Some(i), &ty, path);
                }
            }
            Type::Record(ty) => {
                for (i, field) in ty.fields().enumerate() {
                    self.step(Some(i), &field.ty, path);
                }
            }
            Type::Own(ty) | Type::Borrow(ty) if self.io_streams.contains(ty) => {
                self.found.push(path.clone());
            }
            _ => {}
        }
    }
}
