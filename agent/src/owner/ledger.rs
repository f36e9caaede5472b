//! What left Git with a release, and how much of it was deleted: what the brake counts (DESIGN.md section 7).

use std::collections::BTreeSet;

use muster_model::agent_state::Enforced;
use muster_model::{ApplicationKey, ObjectId};
use muster_sync::{ClusterDeletions, Deletions, DesiredSet, Ledger};

use super::Owner;
use crate::ports::Cluster;

impl<C: Cluster> Owner<C> {
    /// Records that a set is enforced from now on; what the release before had and this one lacks is what leaves.
    /// False while the cluster is not fully seen: then nothing may be deleted yet.
    pub(super) fn enforce(&mut self, set: &DesiredSet) -> bool {
        let name = set.application.to_string();
        let old = self.state.enforced.get(&name);
        if old.is_some_and(|e| e.release.inputs == set.release.inputs) {
            if let Some(enforced) = self.state.enforced.get_mut(&name) {
                enforced.release = set.release.clone();
            }
            return true;
        }
        if !self.sees_everything() {
            return old.is_none();
        }
        let held = self.held_by(&set.application);
        let wanted: BTreeSet<&ObjectId> = set.objects.iter().map(|o| &o.id).collect();
        let leaving: BTreeSet<ObjectId> = held.iter().filter(|id| !wanted.contains(id)).cloned().collect();
        let unfinished = old.filter(|e| e.leaving.iter().any(|id| leaving.contains(id)));
        let total = u32::try_from(held.len()).unwrap_or(u32::MAX);
        let next = Enforced {
            release: set.release.clone(),
            applied: old.and_then(|e| e.applied.clone()),
            before: unfinished.map_or_else(|| old.map(|e| e.release.hub.commit_id.clone()), |e| e.before.clone()),
            before_inputs: unfinished.map_or_else(|| old.map(|e| e.release.inputs), |e| e.before_inputs),
            deleted: unfinished.map_or(0, |e| e.deleted),
            total: unfinished.map_or(total, |e| e.total),
            leaving,
        };
        self.state.enforced.insert(name, next);
        true
    }

    /// Every kind that the parent declares is listed: what we own is all in view.
    pub(super) fn sees_everything(&self) -> bool {
        let served = |kind| self.observed.discovery.as_ref().is_none_or(|d| d.kinds.contains_key(kind));
        self.observed.discovery.is_some() && self.observed.parent.kinds.iter().all(|kind| self.observed.synced_kinds.contains(kind) || !served(kind))
    }

    /// What an Application holds in the cluster, by the marks the objects carry.
    pub(super) fn held_by(&self, application: &ApplicationKey) -> BTreeSet<ObjectId> {
        let holds = |(id, record): &(&ObjectId, &muster_model::observed::Record)| {
            record.part_of.as_deref() == Some(&self.memory.applyset)
                && record.applied.as_ref().is_some_and(|mark| mark.application == *application && mark.object == **id)
        };
        self.observed.objects.iter().filter(holds).map(|(id, _)| id.clone()).collect()
    }

    /// Applications that Git no longer names but that hold objects, or are still remembered.
    pub(super) fn departed(&self) -> BTreeSet<ApplicationKey> {
        let Some(desired) = &self.desired else { return BTreeSet::new() };
        let marks = self.observed.objects.values().filter(|r| r.part_of.as_deref() == Some(&self.memory.applyset));
        let held = marks.filter_map(|r| r.applied.as_ref()).map(|mark| mark.application.clone());
        held.chain(self.state.enforced_keys()).filter(|key| !desired.applications.contains_key(key)).collect()
    }

    pub(super) fn count_deletion(&mut self, application: &ApplicationKey) {
        if let Some(enforced) = self.state.enforced.get_mut(&application.to_string()) {
            enforced.deleted += 1;
        }
    }

    /// What may be deleted of one Application.
    pub(super) fn deletions(&self, application: &ApplicationKey) -> Deletions {
        let enforced = self.state.enforced.get(&application.to_string());
        Deletions {
            ledger: enforced.map_or_else(Ledger::default, |e| Ledger {
                before: e.before.clone(),
                total: e.total,
                deleted: e.deleted,
                leaving: e.leaving.clone(),
            }),
            cluster: self.cluster_deletions(),
            approved: self.approved.get(application).cloned().unwrap_or_default(),
            protected: self.desired.iter().flat_map(|d| d.protected.iter().cloned()).collect(),
        }
    }

    fn cluster_deletions(&self) -> ClusterDeletions {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let deleted = self.state.enforced.values().map(|e| e.deleted).sum();
        let live = |id: &&ObjectId| self.observed.objects.get(id).is_some_and(|r| !r.deleting);
        let wanted = self.state.enforced.values().map(|e| e.leaving.iter().filter(live).count()).sum();
        let owned = self.observed.objects.values().filter(|r| r.part_of.as_deref() == Some(&self.memory.applyset)).count();
        ClusterDeletions { owned: number(owned).saturating_add(deleted), deleted, wanted: number(wanted) }
    }
}
