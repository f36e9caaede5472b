//! A linter for plans, written apart from the planner: a plan that breaks an invariant of HAZARDS.md is refused.
//!
//! It reads raw records and never asks the planner's own functions whether something is ours, in sync or in budget.

mod apply;
mod delete;
mod order;

use std::collections::BTreeSet;
use std::fmt;

use muster_model::effect::Effect;
use muster_model::{ApplicationKey, ObjectId};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::desired::{DesiredObject, DesiredSet};
use crate::plan::{Plan, Removal};

/// An invariant of HAZARDS.md section 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Invariant {
    /// P1: nothing is deleted while anything is in doubt.
    NoPruneOnDoubt,
    /// P2: deletions beyond the budget need an approval.
    MassDeleteBrake,
    /// P5: what is written can be found from the parent.
    InventoryCovers,
    /// P7: nothing is written that was not rendered or is not owned.
    NoForeignTouch,
    /// P8: a delete is bound to what was seen.
    DeleteBound,
    /// P9: what others need comes first, and goes last.
    Order,
}

/// One breach.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// Of what.
    pub invariant: Invariant,
    /// By which object.
    pub object: Option<ObjectId>,
    /// How.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: ", self.invariant)?;
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// What a plan was made for.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// An Application at a release.
    Release(&'a DesiredSet),
    /// One that is gone.
    Removal(&'a Removal),
}

impl<'a> Subject<'a> {
    fn application(&self) -> &'a ApplicationKey {
        match self {
            Self::Release(desired) => &desired.application,
            Self::Removal(removal) => &removal.application,
        }
    }

    /// The rendered objects; none for an Application that is gone.
    fn objects(&self) -> &'a [DesiredObject] {
        match self {
            Self::Release(desired) => &desired.objects,
            Self::Removal(_) => &[],
        }
    }

    fn object(&self, id: &ObjectId) -> Option<&'a DesiredObject> {
        match self {
            Self::Release(desired) => desired.find(id),
            Self::Removal(_) => None,
        }
    }
}

/// Checks a plan. An empty answer means that it may be carried out.
#[must_use]
pub fn check(plan: &Plan, subject: Subject<'_>, context: &Context<'_>) -> Vec<Violation> {
    let mut linter = Linter {
        subject,
        context,
        found: Vec::new(),
    };
    linter.application(plan);
    linter.once(plan);
    for effect in plan.effects() {
        match effect {
            Effect::Probe { .. } | Effect::Audit { .. } => {}
            Effect::Apply { .. } => linter.apply(plan, effect),
            Effect::Adopt { object, .. } => linter.adopt(plan, object, effect),
            Effect::Delete { .. } => linter.delete(plan, effect),
            Effect::Release { .. } => linter.release(effect),
        }
    }
    linter.brake(plan);
    linter.order(plan);
    linter.found
}

struct Linter<'a> {
    subject: Subject<'a>,
    context: &'a Context<'a>,
    found: Vec<Violation>,
}

impl Linter<'_> {
    fn breach(&mut self, invariant: Invariant, object: &ObjectId, what: impl Into<String>) {
        self.found.push(Violation {
            invariant,
            object: Some(object.clone()),
            what: what.into(),
        });
    }

    fn require(&mut self, holds: bool, invariant: Invariant, object: &ObjectId, what: &str) {
        if !holds {
            self.breach(invariant, object, what);
        }
    }

    fn application(&mut self, plan: &Plan) {
        if plan.application != *self.subject.application() {
            self.found.push(Violation {
                invariant: Invariant::NoForeignTouch,
                object: None,
                what: format!("the plan is of another Application: {}", plan.application),
            });
        }
    }

    /// No object is applied or deleted twice in a plan.
    fn once(&mut self, plan: &Plan) {
        let mut seen = BTreeSet::new();
        for effect in plan.effects() {
            let object = match effect {
                Effect::Apply { object, .. }
                | Effect::Delete { object, .. }
                | Effect::Release { object, .. } => object,
                Effect::Probe { .. } | Effect::Audit { .. } | Effect::Adopt { .. } => continue,
            };
            if !seen.insert(object) {
                self.breach(Invariant::Order, object, "has two effects in one plan");
            }
        }
    }
}
