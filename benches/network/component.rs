//! What a component's call can go through.

use anyhow::ensure;
use tower::Layer as _;
use wasmtime::component::{Component, InstancePre, Linker, TypedFunc};
use wasmtime::{Engine, Store};
use wrpc_middleware::Invoker;
use wrpc_middleware::runtime::ImportLinker;
use wrpc_middleware_bench::interleave::{BoxFuture, Caller, Contender};
use wrpc_transport::Invoke;

use crate::guests;
use crate::peers::{OWN_TARGET, UPSTREAM_TARGET, cx, leaf, own, stack, upstream};
use crate::support::host::{State, link_upstream};

/// What the rows are compared under.
pub(crate) const TITLE: &str = "Component calls";

/// The row that the others are divided by.
pub(crate) const BASELINE: &str = "upstream polyfill";

const OURS: &str = "adapter and full stack";
const OWN: &str = "adapter and full stack, own transport";
const COMPOSED: &str = "composed, no network";

/// All rows, in their order.
pub(crate) const ROWS: [&str; 4] = [BASELINE, OURS, OWN, COMPOSED];

/// As much as all running calls may carry: on its way through Wasmtime's dynamic values, a byte of
/// a list takes forty.
const MAX_BYTES: usize = 64 << 20;

/// The rows for `concurrency` calls at a time that carry `payload` bytes each way.
pub(crate) async fn rows(
    url: &str,
    concurrency: usize,
    payload: usize,
) -> anyhow::Result<Vec<Contender>> {
    let composed = composed(payload)?;
    if concurrency * payload > MAX_BYTES {
        let skipped = |name| Contender::skipped(name, "needs too much memory");
        return Ok(vec![
            skipped(BASELINE),
            skipped(OURS),
            skipped(OWN),
            composed,
        ]);
    }
    let caller = guests::caller()?;

    let polyfill = linked(&caller, link_upstream)?;
    let wrpc = upstream(url, UPSTREAM_TARGET).await?;
    let state = move || State::new(wrpc.clone(), None, None);

    let adapter = linked(&caller, |component, linker| {
        ImportLinker::new(component).link(linker).map(drop)
    })?;
    let over_upstream = Invoker::new(stack(UPSTREAM_TARGET)?.layer(leaf(url).await?));
    let our_state = move || State::new(over_upstream.clone(), cx(), None);

    let adapter_of_own = linked(&caller, |component, linker| {
        ImportLinker::new(component).link(linker).map(drop)
    })?;
    let over_own = Invoker::new(stack(OWN_TARGET)?.layer(own(url, OWN_TARGET).await?));
    let own_state = move || State::new(over_own.clone(), cx(), None);

    Ok(vec![
        row(BASELINE, polyfill, state, payload)?,
        row(OURS, adapter, our_state, payload)?,
        row(OWN, adapter_of_own, own_state, payload)?,
        composed,
    ])
}

/// The caller composed with a target: no network, no host function.
fn composed(payload: usize) -> anyhow::Result<Contender> {
    let engine = Engine::default();
    let component = Component::new(&engine, guests::composed()?)?;
    let pre = Linker::new(&engine).instantiate_pre(&component)?;
    row(COMPOSED, pre, || (), payload)
}

fn linked<I: Invoke + 'static>(
    component: &[u8],
    link: impl FnOnce(&Component, &mut Linker<State<I>>) -> wasmtime::Result<()>,
) -> anyhow::Result<InstancePre<State<I>>> {
    let engine = Engine::default();
    let component = Component::new(&engine, component)?;
    let mut linker = Linker::new(&engine);
    link(&component, &mut linker)?;
    Ok(linker.instantiate_pre(&component)?)
}

/// Every caller has an instance of its own, and keeps it.
fn row<T: Send + 'static>(
    name: &str,
    pre: InstancePre<T>,
    state: impl Fn() -> T + Clone + Send + Sync + 'static,
    payload: usize,
) -> anyhow::Result<Contender> {
    let size = u32::try_from(payload)?;
    Ok(Contender::new(name, move || {
        let (pre, state) = (pre.clone(), state.clone());
        async move {
            let mut store = Store::new(pre.engine(), state());
            let instance = pre.instantiate_async(&mut store).await?;
            let call = instance.get_typed_func(&mut store, "call")?;
            Ok(Guest { store, call, size })
        }
    }))
}

/// An instance that makes a call when it is told to.
struct Guest<T: 'static> {
    store: Store<T>,
    call: TypedFunc<(u32,), (u32,)>,
    size: u32,
}

impl<T: Send + 'static> Caller for Guest<T> {
    fn call(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async {
            let (received,) = self.call.call_async(&mut self.store, (self.size,)).await?;
            ensure!(received == self.size, "{received} bytes came back");
            Ok(())
        })
    }
}
