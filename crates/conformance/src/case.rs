//! What a scenario does, step by step.

use core::num::NonZeroUsize;

use wrpc_middleware_errors::Delivery;

use crate::function::Function;
use crate::layering::Settings;
use crate::{Fault, Scenario};

/// How far a call is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// As far as it gets by itself: to its end.
    End,
    /// The transport has it, and nobody takes it.
    Sent,
    /// The target has taken it, and the caller's side knows if it can.
    Taken,
    /// The first byte of the results is there.
    FirstByte,
}

impl Reach {
    /// What is known then of whether the target has the call.
    pub(crate) const fn delivery(self, acceptance_is_proven: bool) -> Delivery {
        match self {
            Self::FirstByte => Delivery::Accepted,
            Self::Taken if acceptance_is_proven => Delivery::Accepted,
            _ => Delivery::Unknown,
        }
    }
}

/// What happens, in this order: the kit's target serves, or a fault takes its place; calls come as
/// far as they are to come; something breaks; the last call ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) settings: Settings,
    /// The limit of the server.
    pub(crate) max_running: Option<NonZeroUsize>,
    /// What is there in the place of the kit's target.
    pub(crate) in_place: Option<Fault>,
    /// A call that runs already, and has been taken.
    pub(crate) before: Option<Function>,
    /// What breaks before the call is made.
    pub(crate) broken: Option<Fault>,
    /// The call.
    pub(crate) function: Function,
    pub(crate) reach: Reach,
    /// What breaks once it has come that far.
    pub(crate) breaks: Option<Fault>,
}

impl Case {
    const fn calling(function: Function) -> Self {
        Self {
            settings: Settings::OPEN,
            max_running: None,
            in_place: None,
            before: None,
            broken: None,
            function,
            reach: Reach::End,
            breaks: None,
        }
    }

    const fn up_to(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }

    const fn then(self, fault: Fault) -> Self {
        Self {
            breaks: Some(fault),
            ..self
        }
    }

    const fn against(fault: Fault) -> Self {
        Self {
            in_place: Some(fault),
            ..Self::calling(Function::Echo)
        }
    }

    const fn while_one_runs() -> Self {
        Self {
            before: Some(Function::Hold),
            ..Self::calling(Function::Echo)
        }
    }

    /// What happens in `scenario`.
    pub(crate) const fn of(scenario: Scenario) -> Self {
        use Function as Call;
        match scenario {
            Scenario::Value => Self::calling(Call::Echo),
            Scenario::LargeValue => Self::calling(Call::EchoLarge),
            Scenario::NoResult => Self::calling(Call::Notify),
            Scenario::Streams => Self::calling(Call::Relay),
            Scenario::ErrorValue => Self::calling(Call::Fail),
            Scenario::LinkDenied => Self {
                settings: Settings {
                    permitted: false,
                    ..Settings::OPEN
                },
                ..Self::calling(Call::Echo)
            },
            Scenario::SilentTarget | Scenario::DroppedBeforeHandshake => {
                Self::against(Fault::Silent).up_to(Reach::Sent)
            }
            Scenario::FailFast => Self {
                settings: Settings {
                    silences: 1,
                    ..Settings::OPEN
                },
                ..Self::against(Fault::Silent).up_to(Reach::Sent)
            },
            Scenario::Acceptance | Scenario::UnansweredCall | Scenario::DroppedAfterHandshake => {
                Self::calling(Call::Hold).up_to(Reach::Taken)
            }
            Scenario::DrippingResult | Scenario::DroppedInResult => {
                Self::calling(Call::Drip).up_to(Reach::FirstByte)
            }
            Scenario::SilentStream | Scenario::DroppedInStream => {
                Self::calling(Call::Stall).up_to(Reach::FirstByte)
            }
            Scenario::AbsentTarget => Self::against(Fault::Absent),
            Scenario::UnservedFunction => Self::calling(Call::Unserved),
            Scenario::EmptyResult => Self::calling(Call::Finish),
            Scenario::AbandonedCall => Self::calling(Call::Abandon),
            Scenario::AbandonedResult => Self::calling(Call::AbandonMidway),
            Scenario::TargetGone => Self::calling(Call::Hold)
                .up_to(Reach::Taken)
                .then(Fault::TargetGone),
            Scenario::ConcurrencyLimit => Self {
                settings: Settings {
                    limit: 1,
                    ..Settings::OPEN
                },
                ..Self::while_one_runs()
            },
            Scenario::ServerLimit => Self {
                max_running: NonZeroUsize::new(1),
                ..Self::while_one_runs()
            },
            Scenario::ConnectionDown => Self {
                broken: Some(Fault::ConnectionLost),
                ..Self::calling(Call::Echo)
            },
            Scenario::ConnectionLostBeforeHandshake => Self::against(Fault::Silent)
                .up_to(Reach::Sent)
                .then(Fault::ConnectionLost),
            Scenario::ConnectionLost => Self::calling(Call::Hold)
                .up_to(Reach::Taken)
                .then(Fault::ConnectionLost),
            Scenario::GarbageResult => Self::calling(Call::Garbage),
            Scenario::TruncatedResult => Self::calling(Call::Truncate),
            Scenario::MalformedAnswer => Self::against(Fault::Malformed),
            Scenario::InvalidName => Self::calling(Call::Invalid),
        }
    }
}
