//! What left Git with a release, and how much of it was deleted: what the brake counts (DESIGN.md section 7).

use std::collections::BTreeSet;

use muster_model::agent_state::Enforced;
use muster_model::release::Release;
use muster_model::{ApplicationKey, ObjectId};
use muster_sync::{ClusterDeletions, Context, Deletions, Ledger};

use super::Owner;
use super::goal::Goal;
use crate::ports::Cluster;

impl<C: Cluster> Owner<C> {
    /// Records that a release is enforced from now on; what was there before and is not wanted now is what leaves.
    /// False while the cluster is not fully seen: then nothing may be deleted yet.
    pub(super) fn enforce(&mut self, key: &ApplicationKey, goal: &Goal, release: Release) -> bool {
        let name = key.to_string();
        if let Some(enforced) = self
            .state
            .enforced
            .get_mut(&name)
            .filter(|e| e.release.inputs == release.inputs)
        {
            enforced.release = release;
            self.essential += u64::from(enforced.taken.take().is_some());
            if let Some(ending) = goal.ending() {
                enforced.ending = ending;
            }
            return true;
        }
        let old = self.state.enforced.get(&name).cloned();
        if !self.sees_everything() {
            // What leaves with it cannot be told yet, but a next life has to go on with this one, not with that before.
            if let Some(enforced) = self.state.enforced.get_mut(&name)
                && enforced.taken.as_ref() != Some(&release)
            {
                enforced.taken = Some(release);
                self.essential += 1;
            }
            return old.is_none();
        }
        let ledger = {
            let deletions = Deletions::default();
            let context = self.context(&deletions);
            // When nothing is remembered (a first release, a lost state) deletions are counted from here: an approval
            // then names this commit, and none that was given before it counts.
            let before = old.as_ref().map_or(&release, |e| &e.release);
            let before = Some(before.hub.commit_id.clone());
            Ledger::open(key, before, &goal.objects(), &context)
        };
        // A deletion that still waits stays measured from the release it was first wanted at.
        let unfinished = old
            .as_ref()
            .filter(|e| e.leaving.iter().any(|id| ledger.leaving.contains(id)));
        let next = Enforced {
            release,
            applied: old.as_ref().and_then(|e| e.applied.clone()),
            before: unfinished.map_or(ledger.before, |e| e.before.clone()),
            deleted: unfinished.map_or(0, |e| e.deleted),
            total: unfinished.map_or(ledger.total, |e| e.total),
            size: u32::try_from(goal.objects().len()).unwrap_or(u32::MAX),
            size_before: unfinished.or(old.as_ref()).map_or(0, |e| {
                if unfinished.is_some() {
                    e.size_before
                } else {
                    e.size
                }
            }),
            leaving: ledger.leaving,
            taken: None,
            ending: goal
                .ending()
                .or_else(|| old.as_ref().map(|e| e.ending.clone()))
                .unwrap_or_default(),
        };
        self.state.enforced.insert(name, next);
        self.essential += 1;
        true
    }

    /// What a plan is decided with, beside the goal.
    pub(super) fn context<'a>(&'a self, deletions: &'a Deletions) -> Context<'a> {
        Context {
            observed: &self.observed,
            claims: &self.claims,
            memory: &self.memory,
            deletions,
            now: self.clock.now(),
        }
    }

    /// Every kind that the parent declares is listed: what we own is all in view.
    pub(super) fn sees_everything(&self) -> bool {
        let observed = &self.observed;
        let mut kinds = observed.parent.kinds.iter();
        observed.discovery.is_some() && kinds.all(|kind| observed.is_in_view(kind))
    }

    /// What an Application holds in the cluster, by the marks the objects carry.
    pub(super) fn held_by(&self, application: &ApplicationKey) -> BTreeSet<ObjectId> {
        let holds = |(id, record): &(&ObjectId, &muster_model::observed::Record)| {
            record.part_of.as_deref() == Some(&self.memory.applyset)
                && record
                    .applied
                    .as_ref()
                    .is_some_and(|mark| mark.object == **id)
        };
        self.observed
            .objects
            .marked(application)
            .filter(holds)
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// True when no object in view is ours; copies of our marks do not count.
    pub(super) fn holds_nothing(&self) -> bool {
        let ours = |(id, record): (&ObjectId, &muster_model::observed::Record)| {
            record.part_of.as_deref() == Some(&self.memory.applyset)
                && record
                    .applied
                    .as_ref()
                    .is_some_and(|mark| mark.object == *id)
        };
        !self.observed.objects.iter().any(ours)
    }

    /// Applications that Git no longer names but that hold objects, or are still remembered.
    pub(super) fn departed(&self) -> BTreeSet<ApplicationKey> {
        let Some(desired) = &self.desired else {
            return BTreeSet::new();
        };
        let unnamed = |key: &ApplicationKey| !desired.applications.contains_key(key);
        let objects = &self.observed.objects;
        let is_part = |record: &muster_model::observed::Record| {
            record.part_of.as_deref() == Some(&self.memory.applyset)
        };
        let held = objects
            .applications()
            .filter(|key| unnamed(key) && objects.marked(key).any(|(_, record)| is_part(record)))
            .cloned();
        let remembered = self.state.enforced_keys().into_iter().filter(unnamed);
        held.chain(remembered).collect()
    }

    pub(super) fn count_deletion(&mut self, application: &ApplicationKey) {
        if let Some(enforced) = self.state.enforced.get_mut(&application.to_string()) {
            enforced.deleted += 1;
            self.essential += 1;
        }
    }

    /// What may be deleted of one Application.
    pub(super) fn deletions(
        &self,
        application: &ApplicationKey,
        cluster: ClusterDeletions,
    ) -> Deletions {
        let enforced = self.state.enforced.get(&application.to_string());
        Deletions {
            ledger: enforced.map_or_else(Ledger::default, |e| Ledger {
                before: e.before.clone(),
                total: e.total,
                size: e.size_before,
                deleted: e.deleted,
                leaving: e.leaving.clone(),
            }),
            cluster,
            approved: self.approved.get(application).cloned().unwrap_or_default(),
            protected: self
                .desired
                .iter()
                .flat_map(|d| d.protected.iter().cloned())
                .collect(),
        }
    }

    /// The deletions of all Applications, under the releases in force.
    pub(super) fn cluster_deletions(&self) -> ClusterDeletions {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let deleted = self.state.enforced.values().map(|e| e.deleted).sum();
        let live = |id: &&ObjectId| self.observed.objects.get(id).is_some_and(|r| !r.deleting);
        let wanted = self
            .state
            .enforced
            .values()
            .map(|e| e.leaving.iter().filter(live).count())
            .sum();
        let owned = self.observed.objects.count_part_of(&self.memory.applyset);
        ClusterDeletions {
            owned: number(owned).saturating_add(deleted),
            deleted,
            wanted: number(wanted),
        }
    }
}
