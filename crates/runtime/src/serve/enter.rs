//! What a store is told about the call that its guest runs for.

use std::sync::Arc;

/// Sets what the data of a store holds of one call.
pub(super) type Enter<T> = Box<dyn FnOnce(&mut T) + Send>;

/// Makes these of what a transport says about a call; of `None` for the time between calls.
pub(super) struct Entrance<T, C>(Arc<Make<T, C>>);

type Make<T, C> = dyn Fn(Option<&C>) -> Enter<T> + Send + Sync;

impl<T, C> Entrance<T, C> {
    pub(super) fn new<V: Send + 'static>(
        of_call: impl Fn(Option<&C>) -> V + Send + Sync + 'static,
        set: impl Fn(&mut T, V) + Send + Sync + 'static,
    ) -> Self {
        let set = Arc::new(set);
        Self(Arc::new(move |context| {
            let (set, value) = (Arc::clone(&set), of_call(context));
            Box::new(move |data: &mut T| set(data, value))
        }))
    }

    /// For a call of this context.
    pub(super) fn of(&self, context: &C) -> Enter<T> {
        self.0(Some(context))
    }
}

impl<T: 'static, C: 'static> Entrance<T, C> {
    /// For a store that lives on, after a call.
    pub(super) fn exit(&self) -> Exit<T> {
        let Self(make) = self.clone();
        Arc::new(move || make(None))
    }
}

/// Makes what takes the last call out of a store.
pub(super) type Exit<T> = Arc<dyn Fn() -> Enter<T> + Send + Sync>;

impl<T, C> Clone for Entrance<T, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
