//! What a pass will do to one Application, as a value that prints, compares and serialises.

mod holders;
mod home;
mod judge;
mod place;
mod planner;
mod prune;
mod removal;
mod waves;

use std::collections::BTreeMap;

pub use planner::{copied_marks, narrow, plan};
pub use prune::leaving;
pub use removal::{Fate, Removal, plan_removal};

use jiff::Timestamp;
use muster_model::effect::{Declare, Effect};
use muster_model::observed::{HealthReport, Record};
use muster_model::release::Release;
use muster_model::status::PendingDeletions;
use muster_model::{
    ApplicationKey, Digest, Health, ObjectId, Problem, Reason, ServiceAccount, SyncState,
};
use serde::{Deserialize, Serialize};

use crate::context::Baseline;
use crate::order::Phase;
use crate::ownership::own_entry;

/// What a pass will do to one Application, and how the Application stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The Application.
    pub application: ApplicationKey,
    /// The release it is brought to; `None` when it is being removed.
    pub release: Option<Release>,
    /// Whom its effects are done as: the agent itself, or the service account that the project names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<ServiceAccount>,
    /// What the parent must declare before the first effect (HAZARDS.md P5).
    pub declare: Declare,
    /// Effects, group by group. A group starts when the one before has ended without a failure; after a failure the
    /// rest is dropped and planned anew.
    pub steps: Vec<Step>,
    /// Every object, desired or leaving, and how it stands.
    #[serde(with = "crate::by_id")]
    pub objects: BTreeMap<ObjectId, ObjectReport>,
    /// Objects of this Application that another one takes over, and which: no effect here.
    #[serde(with = "crate::by_id")]
    pub moves: BTreeMap<ObjectId, ApplicationKey>,
    /// What is wrong or waited for, sorted.
    pub problems: Vec<Problem>,
    /// Whether the cluster has what Git says.
    pub sync: SyncState,
    /// The worst health of its objects, as Argo CD aggregates it.
    pub health: Health,
    /// True when every object is applied at this release: the release may be recorded as applied (HAZARDS.md S2).
    pub applied: bool,
    /// Deletions that wait for an approval.
    pub pending_deletions: Option<PendingDeletions>,
    /// Jobs seen complete in this pass, and the content they ran: to be remembered while they are still seen.
    #[serde(with = "crate::by_id")]
    pub completed_jobs: BTreeMap<ObjectId, String>,
    /// When to plan again though nothing happens: a slower pace, a retry.
    pub wake: Option<Timestamp>,
}

/// Effects that may run at the same time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What the group is about.
    pub kind: StepKind,
    /// The effects, in order of their objects.
    pub effects: Vec<Effect>,
}

/// What a group of effects is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StepKind {
    /// Learns whether objects exist.
    Probe,
    /// Compares values.
    Audit,
    /// Takes former managers' fields over.
    Adopt,
    /// Applies one kind of one wave.
    Apply {
        /// The phase.
        phase: Phase,
        /// The wave.
        wave: i32,
    },
    /// Deletes what must be made anew.
    Recreate,
    /// Deletes what has left Git.
    Prune,
    /// Takes the marks off.
    Release,
}

/// How one object stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectReport {
    /// Its state.
    pub state: ObjectState,
    /// Its health, where the kind's is assessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthReport>,
    /// Fields left to another manager.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub yielded: Vec<String>,
}

/// How one object stands to what Git says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ObjectState {
    /// As Git says.
    InSync,
    /// A Job that ran to its end and is gone: done.
    Done,
    /// It is not there.
    Missing,
    /// Git changed.
    Changed,
    /// Somebody else changed it.
    Drifted,
    /// It is being deleted though Git wants it.
    Deleting,
    /// It has left Git.
    Extra,
    /// It is not known how it stands.
    Unknown,
    /// It waits.
    Waiting(Reason),
    /// It is refused.
    Refused(Reason),
}

impl ObjectState {
    /// Its name, without the reason: a metric's label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InSync => "InSync",
            Self::Done => "Done",
            Self::Missing => "Missing",
            Self::Changed => "Changed",
            Self::Drifted => "Drifted",
            Self::Deleting => "Deleting",
            Self::Extra => "Extra",
            Self::Unknown => "Unknown",
            Self::Waiting(_) => "Waiting",
            Self::Refused(_) => "Refused",
        }
    }

    /// True when nothing is left to do about it.
    #[must_use]
    pub fn is_settled(self) -> bool {
        match self {
            Self::InSync | Self::Done => true,
            Self::Missing
            | Self::Changed
            | Self::Drifted
            | Self::Deleting
            | Self::Extra
            | Self::Unknown
            | Self::Waiting(_)
            | Self::Refused(_) => false,
        }
    }
}

impl Plan {
    /// True when the plan does nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// All effects, in order.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.steps.iter().flat_map(|step| &step.effects)
    }

    /// How many objects the plan deletes, recreations included: what the ledger counts once they are issued.
    #[must_use]
    pub fn deletions(&self) -> usize {
        self.effects()
            .filter(|effect| matches!(effect, Effect::Delete { .. }))
            .count()
    }
}

/// What our fields look like on a live object: kept after each apply, from the answer to it, with what it left out.
#[must_use]
pub fn baseline(record: &Record, manager: &str, yielded: &[String]) -> Option<Baseline> {
    let fields = own_entry(record, manager)?.fields.as_deref()?;
    Some(Baseline {
        digest: record.applied.as_ref()?.digest.clone(),
        fields: Digest::of(fields.as_bytes()),
        mutated: record.mutated.clone(),
        yielded: yielded.to_vec(),
    })
}
