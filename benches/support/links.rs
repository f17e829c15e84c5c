//! Tables of many links, and who calls by them.

use arrayvec::ArrayString;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use wrpc_middleware::Target;
use wrpc_middleware::link::{Link, LinkTable};

use super::path::INSTANCE;

/// How many links the measured tables have.
pub const SIZES: [usize; 3] = [1, 1_000, 100_000];

/// How many requests are made before they start over: enough for every link of the largest table.
const REQUESTS: usize = 100_000;

/// The name of a component. In its own place, so that reading the names of those who call takes no
/// more of the caches than it has to: they are the table's.
pub type Source = ArrayString<16>;

/// The component of the link with this index. Each has one link, to the interface of [`INSTANCE`].
pub fn source(index: usize) -> Source {
    Source::from(&format!("component-{index:06}")).expect("a name of 16 characters")
}

/// The first `count` links; a hundred components share a target.
pub fn links(count: usize) -> impl Iterator<Item = Link> {
    (0..count).map(|index| {
        let target = Target::new(format!("target-{:04}", index / 100)).expect("a target");
        let interface = INSTANCE.parse().expect("an interface");
        Link::new(source(index).as_str(), target, interface)
    })
}

/// A table of the first `count` links.
pub fn table(count: usize) -> LinkTable {
    LinkTable::new(links(count)).expect("distinct links")
}

/// Who calls, call by call, over a table of `count` links: all of them, in an order that no cache
/// can guess.
pub fn random_sources(count: usize) -> Vec<Source> {
    let mut indices: Vec<_> = (0..REQUESTS).map(|request| request % count).collect();
    indices.shuffle(&mut StdRng::seed_from_u64(0));
    indices.into_iter().map(source).collect()
}

/// The same one, call by call. As long a list as the other, so that reading it costs the same.
pub fn same_source(count: usize) -> Vec<Source> {
    vec![source(count / 2); REQUESTS]
}
