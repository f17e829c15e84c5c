//! A testbed with the kit's own target and caller on it.

use anyhow::{Result, bail, ensure};
use tokio::runtime::Handle;
use wrpc_middleware_transport::{Progress, Stage};

use crate::call::{Caller, Running};
use crate::case::{Case, Reach};
use crate::clock::{guard, until};
use crate::expectation::is_acceptance_proven;
use crate::function::Function;
use crate::observed::Observed;
use crate::target::Target;
use crate::{Fault, Layering, Testbed};

/// As many looks in a row that see the same mean that nothing is going on.
const STEADY: usize = 20;

/// What a cell runs on.
pub(crate) struct Rig<T> {
    pub(crate) leaf: Observed,
    pub(crate) caller: Caller,
    target: Option<Target>,
    bed: T,
}

/// What there is on either side of a testbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    tasks: usize,
    held: usize,
}

impl Census {
    /// Whether there is nothing here that was not there `before`.
    pub(crate) const fn is_back_to(self, before: Self) -> bool {
        self.tasks <= before.tasks && self.held <= before.held
    }
}

impl<T: Testbed> Rig<T> {
    /// A caller, and a target that serves every function.
    pub(crate) async fn start(case: Case, layering: Layering) -> Result<Self> {
        let Some(bed) = guard(T::start(case.max_running)).await else {
            bail!("the testbed does not start");
        };
        let leaf = Observed::new::<T>(bed.leaf());
        Ok(Self {
            caller: layering.caller(&leaf, case.settings),
            leaf,
            target: None,
            bed,
        })
    }

    /// Serves every function.
    pub(crate) async fn serve(&mut self) -> Result<()> {
        self.target = Some(Target::start(self.bed.server()).await?);
        self.settled().await
    }

    /// Serves nothing any more.
    pub(crate) async fn unserve(&mut self) -> Result<()> {
        if let Some(target) = self.target.take() {
            target.stop().await;
        }
        self.settled().await
    }

    /// Waits until the caller reaches what is served, and what was sent has arrived.
    pub(crate) async fn settled(&self) -> Result<()> {
        ensure!(
            guard(self.bed.settled()).await.is_some(),
            "the testbed does not settle"
        );
        Ok(())
    }

    pub(crate) async fn inject(&mut self, fault: Fault) -> Result<()> {
        ensure!(
            guard(self.bed.inject(fault)).await.is_some(),
            "the testbed does not inject {fault:?}"
        );
        Ok(())
    }

    /// The kit's target, where nothing else is in its place.
    pub(crate) fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    pub(crate) fn confidential(&self) -> Vec<String> {
        self.bed.confidential()
    }

    /// Waits until all `calls` of `function`, which make it `reached` in all that have reached the
    /// transport, have come as far as `reach`, or one has ended.
    pub(crate) async fn come(
        &self,
        calls: &[Running],
        reached: usize,
        function: Function,
        reach: Reach,
    ) -> Result<()> {
        let came = until(async || {
            calls.iter().any(Running::is_over)
                || self.leaf.reached() >= reached && self.came(calls.len(), function, reach)
        });
        ensure!(
            came.await,
            "the call of `{}` does not come as far as {reach:?}: {:?}, {} of {} runs",
            function.name(),
            self.leaf.last(),
            self.runs(function),
            calls.len(),
        );
        Ok(())
    }

    fn came(&self, calls: usize, function: Function, reach: Reach) -> bool {
        let all_have = |stage: Stage| self.leaf.all(|call: &Progress| call.stage() >= stage);
        match reach {
            Reach::End => false,
            Reach::Sent => all_have(Stage::Queued),
            Reach::Taken => {
                self.runs(function) >= calls
                    && (all_have(Stage::Accepted) || !is_acceptance_proven::<T>())
            }
            Reach::FirstByte => self.runs(function) >= calls && all_have(Stage::FirstByte),
        }
    }

    pub(crate) fn runs(&self, function: Function) -> usize {
        self.target().map_or(0, |target| target.runs(function))
    }

    pub(crate) async fn census(&self) -> Census {
        Census {
            held: self.bed.held().await,
            tasks: Handle::current().metrics().num_alive_tasks(),
        }
    }

    /// What there is once nothing is going on.
    pub(crate) async fn steady(&self) -> Result<Census> {
        let mut census = self.census().await;
        let mut looks = 0;
        let steady = until(async || {
            let now = self.census().await;
            looks = if now == census { looks + 1 } else { 0 };
            census = now;
            looks >= STEADY
        });
        ensure!(steady.await, "the testbed does not come to rest");
        Ok(census)
    }
}
