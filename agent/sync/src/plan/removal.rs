//! An Application that is gone, and a cluster that leaves.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::effect::{Declare, Effect, Propagation};
use muster_model::observed::Record;
use muster_model::{ApplicationKey, Health, ObjectId, ServiceAccount, SyncState};
use serde::{Deserialize, Serialize};

use super::holders::unused;
use super::planner::finalizing;
use super::prune::{
    Extras, approval_needed, deletable, deletes, extras, owned, retried, suspended,
};
use super::waves::propagation;
use super::{ObjectReport, ObjectState, Plan, Step, StepKind};
use crate::brake::{self, Verdict, Wanted};
use crate::context::Context;
use crate::desired::Evidence;
use crate::options::{ObjectOptions, Permission};
use crate::order::{holders, holds_others};

/// An Application that no longer exists on this cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The Application.
    pub application: ApplicationKey,
    /// What becomes of its objects.
    pub fate: Fate,
    /// What is known of why it is gone.
    pub evidence: Evidence,
    /// `Delete=confirm` it had.
    pub confirm: bool,
    /// `PrunePropagationPolicy=` it had.
    pub propagation: Option<Propagation>,
    /// Whom its objects were applied as; the agent itself when not said.
    pub account: Option<ServiceAccount>,
}

/// What becomes of objects whose Application is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// They are deleted, under the brake.
    Prune,
    /// They are deleted: the cluster leaves with `onLeave: Prune`, which an earlier commit said.
    PruneLeaving,
    /// The marks are taken off, and they go on running.
    Preserve,
}

/// Plans the end of an Application that is gone, or of one on a cluster that leaves.
#[must_use]
pub fn plan_removal(removal: &Removal, context: &Context<'_>) -> Plan {
    let found = extras(&removal.application, &BTreeSet::new(), context);
    let kept = kept(removal, &found.left, context);
    let (released, deleted): (BTreeMap<_, _>, BTreeMap<_, _>) = found
        .left
        .iter()
        .map(|(id, record)| (id.clone(), *record))
        .partition(|(id, _)| kept.contains(id));
    let wanted = wanted(removal, &deleted, owned(&removal.application, context));
    let judged = judge(removal.fate, &wanted, context);
    let pending_deletions = brake::pending(&judged.pending, context);
    let needed = pending_deletions
        .as_ref()
        .map(|status| approval_needed(&judged.pending, status, &wanted));
    let mut problems = Vec::from_iter(needed);
    let mut steps = Vec::new();
    let mut wake = None;
    if is_certain(removal, context) {
        let allowed = deleted
            .into_iter()
            .filter(|(id, _)| judged.allowed.contains(id))
            .collect();
        let (deletable, undiscovered) = deletable(allowed, context);
        let (deletable, inhabited) = unused(deletable, &found.left, context);
        problems.extend(undiscovered.into_iter().chain(inhabited));
        let (released, deletable) = (retried(released, context), retried(deletable, context));
        wake = released.wake.iter().chain(&deletable.wake).min().copied();
        problems.extend(released.problems);
        problems.extend(deletable.problems);
        let (released, deletable) = (released.now, deletable.now);
        steps.extend(releases(&released));
        let policy = propagation(removal.propagation);
        steps.extend(deletes(&deletable, &found.left, false, policy));
    } else if !wanted.objects.is_empty() {
        problems.extend(suspended(context));
    }
    let standing = standing(removal, found, context);
    problems.extend(finalizing(&standing.objects, context));
    Plan {
        steps,
        problems,
        wake,
        pending_deletions,
        ..standing
    }
}

/// How the Application stands, before anything is planned.
fn standing(removal: &Removal, found: Extras<'_>, context: &Context<'_>) -> Plan {
    let objects = found.reports(context);
    let is_unseen = |report: &ObjectReport| report.state == ObjectState::Unknown;
    let (sync, health) = if objects.is_empty() {
        (SyncState::Synced, Health::Healthy)
    } else if objects.values().any(is_unseen) {
        (SyncState::Unknown, Health::Unknown)
    } else {
        (SyncState::OutOfSync, Health::Progressing)
    };
    Plan {
        application: removal.application.clone(),
        release: None,
        account: removal.account.clone(),
        declare: Declare::default(),
        steps: Vec::new(),
        objects,
        moves: found.moved,
        problems: Vec::new(),
        sync,
        health,
        applied: false,
        pending_deletions: None,
        completed_jobs: BTreeMap::new(),
        wake: None,
    }
}

/// What goes on without its Application: what says so, and the namespaces and definitions that it would go with.
fn kept(
    removal: &Removal,
    left: &BTreeMap<ObjectId, &Record>,
    context: &Context<'_>,
) -> BTreeSet<ObjectId> {
    let said = |record: &Record| {
        removal.fate == Fate::Preserve || options(record).delete == Permission::Never
    };
    let said: Vec<&ObjectId> = left
        .iter()
        .filter(|(_, record)| said(record))
        .map(|(id, _)| id)
        .collect();
    let discovery = context.observed.discovery.as_ref();
    let homes = said.iter().flat_map(|id| holders(id, discovery));
    let homes: Vec<ObjectId> = homes.filter(|holder| left.contains_key(holder)).collect();
    said.into_iter().cloned().chain(homes).collect()
}

fn judge(fate: Fate, wanted: &Wanted, context: &Context<'_>) -> Verdict {
    match fate {
        Fate::Prune => brake::judge(wanted, context.deletions),
        Fate::PruneLeaving | Fate::Preserve => Verdict {
            allowed: wanted.objects.clone(),
            pending: BTreeSet::new(),
        },
    }
}

fn is_certain(removal: &Removal, context: &Context<'_>) -> bool {
    removal.evidence.is_complete()
        && context.claims.unrecorded.is_empty()
        && context.observed.discovery.is_some()
}

fn wanted(removal: &Removal, deleted: &BTreeMap<ObjectId, &Record>, owned: u32) -> Wanted {
    let going = || deleted.iter().filter(|(_, record)| !record.deleting);
    Wanted {
        objects: going().map(|(id, _)| id.clone()).collect(),
        confirm: going()
            .filter(|(_, record)| removal.confirm || options(record).delete == Permission::Confirm)
            .map(|(id, _)| id.clone())
            .collect(),
        owned,
    }
}

/// What others live in is released first, and alone: once it is, it stays, whatever becomes of the rest.
fn releases(objects: &BTreeMap<ObjectId, &Record>) -> Option<Step> {
    let any_holder = objects.keys().any(holds_others);
    let effects: Vec<Effect> = objects
        .iter()
        .filter(|(_, record)| !record.deleting)
        .filter(|(id, _)| !any_holder || holds_others(id))
        .map(|(id, record)| Effect::Release {
            object: id.clone(),
            uid: record.uid.clone(),
            resource_version: record.resource_version.clone(),
        })
        .collect();
    (!effects.is_empty()).then_some(Step {
        kind: StepKind::Release,
        effects,
    })
}

fn options(record: &Record) -> ObjectOptions {
    ObjectOptions::parse(record.sync_options.as_deref().unwrap_or_default())
}
