//! A new wish comes in force: what it changes is looked at again, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use muster_engine::{Desired, DesiredApplication};
use muster_model::release::Release;
use muster_model::status::ClusterState;
use muster_model::{ApplicationKey, Digest, ObjectId};
use muster_sync::{Claims, DesiredSet};

use super::Owner;
use super::gather::Trust;
use super::goal::is_departed;
use crate::ports::Cluster;

impl<C: Cluster> Owner<C> {
    pub(super) fn gathered(
        &mut self,
        desired: Desired,
        trust: Trust,
        approved: BTreeMap<ApplicationKey, BTreeSet<Digest>>,
    ) {
        self.polled();
        if self.desired.as_ref().is_none_or(|d| d.hub != desired.hub) {
            tracing::info!(hub = %desired.hub, applications = desired.applications.len(), state = ?desired.state, "new release");
        }
        for problem in desired.problems.iter().chain(&desired.warnings) {
            tracing::warn!(reason = %problem.reason, error = %problem.message, "fleet");
        }
        if self.state.accepted != trust.accepted || self.state.serial != trust.serial {
            self.essential += 1;
            self.state.accepted = trust.accepted;
            self.state.serial = trust.serial;
        }
        let quarantined = self.renders.quarantined();
        if self.state.quarantined != quarantined {
            self.essential += 1;
            self.state.quarantined = quarantined;
        }
        let approved_before = std::mem::replace(&mut self.approved, approved);
        let was_away = self.away.take().is_some();
        let before = self.take(desired);
        match before.filter(|before| !was_away && self.changes_applications_only(before)) {
            Some(before) => self.mark_changed(&before, &approved_before),
            None => self.mark_all(),
        }
    }

    /// Puts a new wish in force; gives the one before back.
    pub(super) fn take(&mut self, desired: Desired) -> Option<Desired> {
        self.memory.manager = format!("{}{}", muster_sync::MANAGER_PREFIX, desired.fleet);
        self.hands.cluster.manage_as(&self.memory.manager);
        self.claims = self.claims_of(&desired);
        let before = self.desired.replace(desired);
        self.shrunk = true;
        self.rewatch();
        before
    }

    /// True when nothing but single Applications differs between two wishes.
    fn changes_applications_only(&self, before: &Desired) -> bool {
        let is_known = |app: &DesiredApplication| app.content.is_some() && !app.is_emptied();
        self.desired.as_ref().is_some_and(|now| {
            now.fleet == before.fleet
                && now.state == before.state
                && now.on_leave == before.on_leave
                && now.protected == before.protected
                && now.incomplete == before.incomplete
                && now.applications.values().all(is_known)
                && before.applications.values().all(is_known)
        })
    }

    /// Marks the Applications that differ, those that have to do with their objects, and those whose approvals changed.
    /// All others are at the new release as they were at the old one.
    fn mark_changed(
        &mut self,
        before: &Desired,
        approved_before: &BTreeMap<ApplicationKey, BTreeSet<Digest>>,
    ) {
        let Some(now) = self.desired.take() else {
            return;
        };
        let mut changed = BTreeSet::new();
        let mut touched: BTreeSet<ObjectId> = BTreeSet::new();
        let mut namespaces = BTreeSet::new();
        let keys: BTreeSet<&ApplicationKey> = before
            .applications
            .keys()
            .chain(now.applications.keys())
            .collect();
        for key in keys {
            let (old, new) = (before.applications.get(key), now.applications.get(key));
            match (content(old), content(new)) {
                (Some(old), Some(new)) if is_same(old, new) => self.advance(key, &new.release),
                (old, new) => {
                    changed.insert(key.clone());
                    for set in [old, new].into_iter().flatten() {
                        touched.extend(set.objects.iter().map(|object| object.id.clone()));
                        namespaces.extend(set.policy.create_namespace.clone());
                    }
                }
            }
        }
        let approvals = self.approved.keys().chain(approved_before.keys());
        let asked: Vec<_> = approvals
            .filter(|key| self.approved.get(*key) != approved_before.get(*key))
            .cloned()
            .collect();
        changed.extend(asked);
        // Those who set the labels of one namespace are decided about together.
        let setters = namespaces
            .iter()
            .filter_map(|name| self.claims.namespaces.get(name));
        changed.extend(setters.flat_map(BTreeMap::keys).cloned());
        self.desired = Some(now);
        for id in &touched {
            let record = self.observed.objects.get(id).cloned();
            self.mark_owner(id, record.as_ref());
        }
        for key in changed {
            self.mark(key);
        }
        self.stir();
    }

    /// The same content at a newer commit: what is in force, and what was applied, is so at that.
    fn advance(&mut self, key: &ApplicationKey, release: &Release) {
        if let Some(enforced) = self.state.enforced.get_mut(&key.to_string()) {
            let applied = enforced.applied.iter_mut();
            let taken = enforced.taken.iter_mut();
            for known in applied.chain(taken).chain([&mut enforced.release]) {
                if known.inputs == release.inputs {
                    known.clone_from(release);
                }
            }
        }
        if let Some(plan) = self.plans.get_mut(key) {
            plan.release = Some(release.clone());
        }
    }

    /// Who renders what. A cluster that leaves wants nothing any more.
    fn claims_of(&self, desired: &Desired) -> Claims {
        let mut claims = Claims::default();
        if desired.state == ClusterState::Leaving {
            return claims;
        }
        for (key, application) in &desired.applications {
            // That it was taken for gone says nothing of what it renders now.
            let recorded = self.state.enforced.get(&key.to_string());
            let recorded = recorded.is_some_and(|enforced| !is_departed(enforced.newest()));
            if !recorded && (application.content.is_none() || application.is_emptied()) {
                claims.unrecorded.insert(key.clone());
            }
            if let Some(set) = &application.content {
                claims.add(key, set.objects.iter().map(|o| &o.id));
                let policy = &set.policy;
                let home = policy.create_namespace.as_ref();
                if let Some((name, metadata)) = home.zip(policy.namespace_metadata.as_ref()) {
                    let claims = claims.namespaces.entry(name.clone()).or_default();
                    claims.insert(key.clone(), metadata.clone());
                }
                continue;
            }
            claims.unknown.insert(key.clone());
        }
        claims
    }
}

fn content(application: Option<&DesiredApplication>) -> Option<&DesiredSet> {
    application.and_then(|application| application.content.as_deref())
}

/// The same objects, to be treated in the same way.
fn is_same(one: &DesiredSet, other: &DesiredSet) -> bool {
    one.release.inputs == other.release.inputs
        && one.policy == other.policy
        && (std::sync::Arc::ptr_eq(&one.objects, &other.objects) || one.objects == other.objects)
}
