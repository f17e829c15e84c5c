//! An engine whose instances are pooled, and a component for it.

use core::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;

use wasmtime::component::Component;
use wasmtime::{Engine, PoolingAllocationConfig};

use super::error::HttpError;
use crate::component::{compile, read};
use crate::engine;
use crate::error::{Error, report};

/// What one instance of a component takes of a pool.
#[derive(Clone, Copy, Debug)]
struct Shape {
    memories: u32,
    tables: u32,
    table_elements: u64,
}

impl Shape {
    /// Room for what a component made of one module, its adapters included, usually takes.
    const USUAL: Self = Self {
        memories: 1,
        tables: 4,
        table_elements: 20_000,
    };

    /// `None` if that can't be told before an instance is made.
    fn of(component: &Component) -> Option<Self> {
        let needs = component.resources_required()?;
        Some(Self {
            memories: needs.num_memories,
            tables: needs.num_tables,
            table_elements: needs.max_initial_table_size.unwrap_or(0),
        })
    }

    fn fits(self, room: Self) -> bool {
        self.memories <= room.memories
            && self.tables <= room.tables
            && self.table_elements <= room.table_elements
    }

    /// A pool for so many instances, or none if the numbers are out of any proportion.
    fn pool(self, instances: u32) -> Option<PoolingAllocationConfig> {
        /// Most components are made of a handful; they only have to be counted.
        const CORE_INSTANCES: u32 = 100;
        /// What Wasmtime keeps of one beside its memories and tables, mostly a reference to each
        /// function. Interpreters of languages have tens of thousands.
        const INSTANCE: usize = 16 * 1024 * 1024;

        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(instances)
            .total_stacks(instances)
            .total_core_instances(instances.checked_mul(CORE_INSTANCES)?)
            .total_memories(instances.checked_mul(self.memories)?)
            .total_tables(instances.checked_mul(self.tables)?)
            .max_core_instance_size(INSTANCE)
            .max_component_instance_size(INSTANCE)
            .max_memories_per_module(self.memories)
            .max_tables_per_module(self.tables)
            .table_elements(usize::try_from(self.table_elements).ok()?);
        Some(pool)
    }
}

/// Reads and compiles the component at `path` for an engine that has room for `instances` of it,
/// of which each memory may grow to `max_memory` bytes.
///
/// Where the address space has no such room (4 GiB for each memory), instances are made one by one;
/// that works too, at a higher price, and is logged.
///
/// # Errors
///
/// The file is no component, or starts with more memory than it may have.
pub(super) fn load(
    path: &Path,
    instances: NonZeroU32,
    max_memory: NonZeroUsize,
) -> Result<(Engine, Component), Error> {
    let bytes = read(path)?;
    let loaded = match pooled(path, &bytes, instances, Shape::USUAL) {
        Some(loaded) => loaded,
        None => unusual(path, &bytes, instances)?,
    };
    let needed = initial_memory(&loaded.1);
    let allowed = max_memory.get();
    if usize::try_from(needed).is_ok_and(|needed| needed <= allowed) {
        Ok(loaded)
    } else {
        let path = path.to_owned();
        Err(HttpError::Memory {
            path,
            needed,
            allowed,
        }
        .into())
    }
}

/// A component that does not have the usual shape, or is none.
fn unusual(path: &Path, bytes: &[u8], instances: NonZeroU32) -> Result<(Engine, Component), Error> {
    let engine = engine::new().map_err(Error::Engine)?;
    let component = compile(&engine, path, bytes)?;
    let shape = Shape::of(&component);
    if let Some(loaded) = shape.and_then(|shape| pooled(path, bytes, instances, shape)) {
        return Ok(loaded);
    }
    tracing::warn!(
        "no room for {instances} instances in advance: each is made when its request comes; a \
         smaller --max-requests may fit"
    );
    Ok((engine, component))
}

fn pooled(
    path: &Path,
    bytes: &[u8],
    instances: NonZeroU32,
    room: Shape,
) -> Option<(Engine, Component)> {
    let engine = match engine::pooled(room.pool(instances.get())?) {
        Ok(engine) => engine,
        Err(error) => {
            tracing::debug!("no pool of {instances} {room:?}: {}", report(&*error));
            return None;
        }
    };
    // What is wrong with it is found out without the pool's own limits.
    let component = compile(&engine, path, bytes).ok()?;
    Shape::of(&component)?
        .fits(room)
        .then_some((engine, component))
}

/// The bytes that the largest memory of an instance has from its start.
fn initial_memory(component: &Component) -> u64 {
    const PAGE: u64 = 65_536;

    let pages = component
        .resources_required()
        .and_then(|needs| needs.max_initial_memory_size);
    pages.unwrap_or(0).saturating_mul(PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component of an instance with so many memories and a table of so many elements.
    fn component(memories: usize, elements: usize) -> String {
        let memories = "(memory 2)".repeat(memories);
        format!(
            "(component (core module $m {memories} (table {elements} funcref))
                (core instance (instantiate $m)))"
        )
    }

    fn load(text: &str, max_memory: usize) -> Result<(Engine, Component), Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("component.wat");
        std::fs::write(&path, text).unwrap();
        let instances = NonZeroU32::new(10).unwrap();
        super::load(&path, instances, NonZeroUsize::new(max_memory).unwrap())
    }

    /// Whether the engine refuses an eleventh instance.
    fn is_pooled(engine: &Engine, component: &Component) -> bool {
        let linker = wasmtime::component::Linker::<()>::new(engine);
        let pre = linker.instantiate_pre(component).unwrap();
        let stores: Vec<_> = (0..11)
            .map(|_| {
                let mut store = engine::store(engine, ());
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                let instance = runtime.block_on(pre.instantiate_async(&mut store));
                (
                    store,
                    instance.map_err(|error| error.is::<wasmtime::PoolConcurrencyLimitError>()),
                )
            })
            .collect();
        let (last, others) = stores.split_last().unwrap();
        assert!(others.iter().all(|(_, instance)| instance.is_ok()));
        matches!(last.1, Err(true))
    }

    #[test]
    fn components_of_any_shape_are_pooled() {
        for (memories, elements) in [(1, 10), (3, 10), (1, 30_000), (0, 0)] {
            let (engine, component) = load(&component(memories, elements), 131_072).unwrap();
            assert!(is_pooled(&engine, &component), "{memories} {elements}");
        }
    }

    #[test]
    fn what_does_not_fit_is_made_one_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("component.wat");
        std::fs::write(&path, component(1, 10)).unwrap();
        // Sixteen exbibytes.
        let (engine, component) =
            super::load(&path, NonZeroU32::MAX, NonZeroUsize::new(131_072).unwrap()).unwrap();
        assert!(!is_pooled(&engine, &component));
    }

    #[test]
    fn a_memory_that_starts_too_large_is_refused() {
        let error = load(&component(1, 10), 131_071).err().unwrap();
        assert!(error.to_string().contains("131072 bytes"), "{error}");
    }
}
