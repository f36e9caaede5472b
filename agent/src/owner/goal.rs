//! What is wanted of one Application: a release, or its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use muster_fleet::fleet::OnLeave;
use muster_model::agent_state::Ending;
use muster_model::release::Release;
use muster_model::status::ClusterState;
use muster_model::{ApplicationKey, Digest, ObjectId, Revision};
use muster_sync::{
    Context, DesiredSet, Evidence, Fate, Plan, Removal, Subject, Violation, check, plan,
    plan_removal,
};

use super::Owner;
use crate::ports::Cluster;

/// What is wanted of one Application.
#[derive(Debug, Clone)]
pub(super) enum Goal {
    /// The objects of a release.
    Release(Arc<DesiredSet>),
    /// Nothing any more.
    Removal(Removal),
}

impl Goal {
    /// The plan that leads there.
    pub(super) fn plan(&self, context: &Context<'_>) -> Plan {
        match self {
            Self::Release(set) => plan(set, context),
            Self::Removal(removal) => plan_removal(removal, context),
        }
    }

    /// What a plan for it breaks.
    pub(super) fn check(&self, plan: &Plan, context: &Context<'_>) -> Vec<Violation> {
        let subject = match self {
            Self::Release(set) => Subject::Release(set),
            Self::Removal(removal) => Subject::Removal(removal),
        };
        check(plan, subject, context)
    }

    /// The objects wanted.
    pub(super) fn objects(&self) -> BTreeSet<ObjectId> {
        match self {
            Self::Release(set) => set.objects.iter().map(|o| o.id.clone()).collect(),
            Self::Removal(_) => BTreeSet::new(),
        }
    }

    /// How the objects end once Git no longer names the Application; `None` when that is already so.
    pub(super) fn ending(&self) -> Option<Ending> {
        match self {
            Self::Release(set) => Some(ending_of(set)),
            Self::Removal(_) => None,
        }
    }

    /// The same, with other evidence.
    pub(super) fn with_evidence(self, evidence: Evidence) -> Self {
        match self {
            Self::Release(set) if set.evidence == evidence => Self::Release(set),
            Self::Release(set) => Self::Release(Arc::new(DesiredSet {
                evidence,
                ..(*set).clone()
            })),
            Self::Removal(removal) => Self::Removal(Removal {
                evidence,
                ..removal
            }),
        }
    }
}

/// What stands for the end of an Application in the ledger.
fn departed(hub: Revision) -> Release {
    Release {
        hub,
        sources: Vec::new(),
        inputs: Digest::of(b"departed"),
    }
}

/// True of what stands for the end of an Application: no release that could ever be applied.
pub(super) fn is_departed(release: &Release) -> bool {
    release.sources.is_empty() && release.inputs == Digest::of(b"departed")
}

/// How the objects of a release end once Git no longer names them.
fn ending_of(set: &DesiredSet) -> Ending {
    let policy = &set.policy;
    Ending {
        preserve: policy.preserve_on_deletion,
        confirm: policy.confirm_delete,
        propagation: policy.propagation,
        account: policy.account.clone(),
    }
}

impl<C: Cluster> Owner<C> {
    /// What is wanted of an Application, and the release that stands for it in the ledger; `None` when nothing is known.
    pub(super) fn goal_of(&self, key: &ApplicationKey) -> Option<(Goal, Release)> {
        let desired = self.desired.as_ref()?;
        let evidence = self.evidence();
        let application = desired.applications.get(key);
        if desired.state == ClusterState::Leaving {
            let fate = match desired.on_leave {
                OnLeave::Preserve => Fate::Preserve,
                OnLeave::Prune => Fate::PruneLeaving,
            };
            return self.removal(key, fate);
        }
        let Some(application) = application else {
            if !self.is_gone(key) {
                return None;
            }
            let enforced = self.state.enforced.get(&key.to_string());
            let fate = if enforced.is_some_and(|e| e.ending.preserve) {
                Fate::Preserve
            } else {
                Fate::Prune
            };
            return self.removal(key, fate);
        };
        let set = application.content.as_ref()?;
        let inputs = &set.release.inputs;
        let enforced = self.state.enforced.get(&key.to_string());
        let applied_before = enforced
            .and_then(|e| e.applied.as_ref())
            .is_some_and(|r| r.inputs == *inputs);
        let release = set.release.clone();
        if set.evidence == evidence && set.applied_before == applied_before {
            return Some((Goal::Release(Arc::clone(set)), release));
        }
        let set = DesiredSet {
            evidence,
            applied_before,
            ..(**set).clone()
        };
        Some((Goal::Release(Arc::new(set)), release))
    }

    /// True when Git no longer names the Application, and everything that could name it was evaluated.
    fn is_gone(&self, key: &ApplicationKey) -> bool {
        let sets = self.desired.as_ref().map(|d| &d.incomplete);
        sets.is_some_and(|incomplete| {
            !incomplete.hides_any() && !incomplete.covers(None, None, &key.name)
        })
    }

    fn removal(&self, key: &ApplicationKey, fate: Fate) -> Option<(Goal, Release)> {
        let desired = self.desired.as_ref()?;
        let remembered = self.state.enforced.get(&key.to_string());
        if remembered.is_none() && self.held_by(key).is_empty() {
            return None;
        }
        let release = departed(desired.hub.clone());
        // What Git says now, on a cluster that leaves; else what it said last.
        let application = desired.applications.get(key);
        let content = application.and_then(|app| app.content.as_ref());
        let ending = content
            .map(|set| ending_of(set))
            .or_else(|| remembered.map(|e| e.ending.clone()))
            .unwrap_or_default();
        let removal = Removal {
            application: key.clone(),
            fate,
            evidence: self.evidence(),
            confirm: ending.confirm,
            propagation: ending.propagation,
            account: ending.account,
        };
        Some((Goal::Removal(removal), release))
    }

    /// What this pass can be sure of. While Git is away, or the fleet file does not name this cluster, nothing may go.
    pub(super) fn evidence(&self) -> Evidence {
        let sure = |d: &muster_engine::Desired| {
            matches!(d.state, ClusterState::Active | ClusterState::Leaving)
        };
        let here = self.away.is_none();
        Evidence {
            trusted: here,
            fleet_parsed: here && self.desired.as_ref().is_some_and(sure),
            rendered: true,
        }
    }
}
