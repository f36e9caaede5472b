//! What has left Git, and what of it may be deleted now (HAZARDS.md P1).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_model::effect::{Effect, Propagation};
use muster_model::observed::Record;
use muster_model::status::PendingDeletions;
use muster_model::{ApplicationKey, Health, ObjectId, Problem, Reason};

use super::holders::{only_holders, unused};
use super::judge::{Action, Verdict};
use super::waves::propagation;
use super::{ObjectReport, ObjectState, Step, StepKind};
use crate::brake::{self, Wanted};
use crate::context::Context;
use crate::desired::DesiredSet;
use crate::generations::{Generations, is_workload};
use crate::options::{ObjectOptions, Permission};
use crate::order::{PruneTask, holds_others, kind_rank, prune_waves};
use crate::ownership::{Ownership, ownership};

/// Objects of an Application that Git no longer wants.
#[derive(Debug, Default)]
pub(super) struct Extras<'a> {
    /// Nobody wants them.
    pub(super) left: BTreeMap<ObjectId, &'a Record>,
    /// Another Application does.
    pub(super) moved: BTreeMap<ObjectId, ApplicationKey>,
}

impl Extras<'_> {
    /// How what nobody wants stands.
    pub(super) fn reports(&self, context: &Context<'_>) -> BTreeMap<ObjectId, ObjectReport> {
        let report = |(id, record): (&ObjectId, &&Record)| {
            let state = if context.observed.is_watched(&id.group_kind()) {
                ObjectState::Extra
            } else {
                ObjectState::Unknown
            };
            let report = ObjectReport {
                state,
                health: record.health.clone(),
                yielded: Vec::new(),
            };
            (id.clone(), report)
        };
        self.left.iter().map(report).collect()
    }
}

/// Finds the live objects of an Application, ours by every test, that are not among `wanted`.
pub(super) fn extras<'a>(
    application: &ApplicationKey,
    wanted: &BTreeSet<ObjectId>,
    context: &Context<'a>,
) -> Extras<'a> {
    let mut found = Extras::default();
    for (id, record) in context.observed.objects.marked(application) {
        if wanted.contains(id) || !is_of(application, id, record, context) {
            continue;
        }
        match context.claims.others(id, application).next() {
            Some(other) => {
                found.moved.insert(id.clone(), other.clone());
            }
            None => {
                found.left.insert(id.clone(), record);
            }
        }
    }
    found
}

/// How many live objects carry this Application's mark.
pub(super) fn owned(application: &ApplicationKey, context: &Context<'_>) -> u32 {
    let count = context
        .observed
        .objects
        .marked(application)
        .filter(|(id, record)| {
            let mark = record.applied.as_ref();
            mark.is_some_and(|mark| mark.object == **id)
        })
        .count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// True for an object that is ours by every test, and this Application's.
fn is_of(
    application: &ApplicationKey,
    id: &ObjectId,
    record: &Record,
    context: &Context<'_>,
) -> bool {
    let named = record
        .applied
        .as_ref()
        .is_some_and(|mark| mark.application == *application);
    named
        && matches!(
            ownership(id, record, None, context.memory),
            Ownership::Ours(_)
        )
}

/// The deletions that an Application wants, superseded generations apart: what the cluster's budget sums over all
/// Applications before any of them is planned.
#[must_use]
pub fn leaving(
    application: &ApplicationKey,
    wanted: &BTreeSet<ObjectId>,
    context: &Context<'_>,
) -> BTreeSet<ObjectId> {
    let generations = Generations::of(wanted);
    extras(application, wanted, context)
        .left
        .into_iter()
        .filter(|(id, record)| {
            !record.deleting
                && !generations.supersede(id)
                && ObjectOptions::parse(record.sync_options.as_deref().unwrap_or_default()).prune
                    != Permission::Never
        })
        .map(|(id, _)| id)
        .collect()
}

/// What pruning comes to.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    pub(super) steps: Vec<Step>,
    pub(super) problems: Vec<Problem>,
    pub(super) pending: Option<PendingDeletions>,
    /// Superseded generations that stay for now.
    pub(super) kept: BTreeSet<ObjectId>,
    /// When to try a deletion that failed again.
    pub(super) wake: Option<Timestamp>,
}

/// Plans the deletion of what has left Git, and of what must be made anew. `busy`: something is still to be applied in
/// this pass.
pub(super) fn prune(
    desired: &DesiredSet,
    verdicts: &BTreeMap<ObjectId, Verdict>,
    extras: &Extras<'_>,
    context: &Context<'_>,
    busy: bool,
) -> Pruning {
    let wanted_ids: BTreeSet<ObjectId> = verdicts.keys().cloned().collect();
    let generations = Generations::of(&wanted_ids);
    let (old, mut left): (BTreeMap<_, _>, BTreeMap<_, _>) = extras
        .left
        .iter()
        .map(|(id, record)| (id.clone(), *record))
        .partition(|(id, _)| generations.supersede(id));
    let healthy = workloads_are_healthy(verdicts);
    let mut pruning = Pruning::default();
    pruning.problems.extend(complaint(desired, &left));
    if !healthy {
        pruning.kept = old.keys().cloned().collect();
    }
    let may_prune = desired.policy.prune && !is_empty_by_mistake(desired);
    if !may_prune {
        left.clear();
    }
    let recreated = recreated(verdicts, context);
    let owned = owned(&desired.application, context);
    let wanted = wanted(desired, &left, &recreated, owned);
    let judged = brake::judge(&wanted, context.deletions);
    pruning.pending = brake::pending(&judged.pending, context);
    if let Some(status) = &pruning.pending {
        let needed = approval_needed(&judged.pending, status, &wanted);
        pruning.problems.push(needed);
    }
    if !is_certain(desired, context) {
        let waits = may_prune && !wanted.objects.is_empty();
        pruning
            .problems
            .extend(suspended(context).filter(|_| waits));
        return pruning;
    }
    pruning.steps = recreations(desired, &recreated, &judged.allowed);
    let settled = verdicts.values().all(|verdict| verdict.state.is_settled());
    if may_prune && settled && !busy {
        left.retain(|id, _| judged.allowed.contains(id));
        if healthy {
            let old = old.into_iter();
            left.extend(old.filter(|(_, record)| permission(record) != Permission::Never));
        }
        let (deletable, problems) = deletable(left, context);
        pruning.problems.extend(problems);
        let (deletable, problems) = unused(deletable, &extras.left, context);
        pruning.problems.extend(problems);
        let retried = retried(deletable, context);
        pruning.problems.extend(retried.problems);
        pruning.wake = retried.wake.into_iter().min();
        let deletable = retried.now;
        let policy = propagation(desired.policy.propagation);
        let steps = deletes(&deletable, &extras.left, desired.policy.prune_last, policy);
        pruning.steps.extend(steps);
    }
    pruning
}

/// What the brake is asked for.
fn wanted(
    desired: &DesiredSet,
    left: &BTreeMap<ObjectId, &Record>,
    recreated: &BTreeMap<ObjectId, &Record>,
    owned: u32,
) -> Wanted {
    let going = || {
        left.iter()
            .filter(|(_, record)| !record.deleting && permission(record) != Permission::Never)
    };
    Wanted {
        objects: going()
            .map(|(id, _)| id)
            .chain(recreated.keys())
            .cloned()
            .collect(),
        confirm: going()
            .filter(|(_, record)| {
                desired.policy.confirm_prune || permission(record) == Permission::Confirm
            })
            .map(|(id, _)| id.clone())
            .collect(),
        owned,
    }
}

/// True when every test of HAZARDS.md P1 that concerns the whole Application holds.
fn is_certain(desired: &DesiredSet, context: &Context<'_>) -> bool {
    desired.policy.automated
        && desired.evidence.is_complete()
        && context.claims.unrecorded.is_empty()
        && context.observed.discovery.is_some()
}

/// Takes out what could not be deleted, or released, a moment ago: said each time, tried at the pace of retries.
pub(super) fn retried<'a>(
    objects: BTreeMap<ObjectId, &'a Record>,
    context: &Context<'_>,
) -> Retried<'a> {
    let mut retried = Retried::default();
    for (id, record) in objects {
        // What Git no longer has has no content digest.
        let failures = context.memory.failures.get(&id);
        let failure = failures.filter(|failure| failure.digest.is_empty());
        let problem = failure.map(|f| Problem::new(f.reason, f.message.clone()));
        retried.problems.extend(problem);
        match failure.filter(|failure| failure.retry_at > context.now) {
            Some(failure) => retried.wake.push(failure.retry_at),
            None => {
                retried.now.insert(id, record);
            }
        }
    }
    retried
}

/// What [`retried`] comes to.
#[derive(Debug, Default)]
pub(super) struct Retried<'a> {
    pub(super) now: BTreeMap<ObjectId, &'a Record>,
    pub(super) problems: Vec<Problem>,
    pub(super) wake: Vec<Timestamp>,
}

/// What is said while it is not known what another Application renders.
pub(super) fn suspended(context: &Context<'_>) -> Option<Problem> {
    let first = context.claims.unrecorded.first()?;
    let what = format!("nothing is deleted: {first} might render what has left Git");
    Some(Problem::new(Reason::PruneSuspended, what))
}

fn is_empty_by_mistake(desired: &DesiredSet) -> bool {
    desired.objects.is_empty() && !desired.policy.allow_empty
}

fn workloads_are_healthy(verdicts: &BTreeMap<ObjectId, Verdict>) -> bool {
    verdicts.iter().all(|(id, verdict)| {
        let healthy = verdict
            .health
            .as_ref()
            .is_some_and(|report| report.health == Health::Healthy);
        verdict.state.is_settled() && (healthy || !is_workload(id))
    })
}

fn permission(record: &Record) -> Permission {
    ObjectOptions::parse(record.sync_options.as_deref().unwrap_or_default()).prune
}

/// What is said when objects have left Git and will not be deleted.
fn complaint(desired: &DesiredSet, left: &BTreeMap<ObjectId, &Record>) -> Option<Problem> {
    let count = left
        .values()
        .filter(|record| permission(record) != Permission::Never)
        .count();
    if count == 0 {
        return None;
    }
    let what = format!("{count} objects of {} have left Git", desired.application);
    if is_empty_by_mistake(desired) {
        Some(Problem::new(Reason::EmptyRender, what))
    } else if desired.policy.prune || !desired.policy.automated {
        None
    } else {
        Some(Problem::new(Reason::PruneDisabled, what))
    }
}

/// Objects to be deleted and made anew: Git wants them still.
fn recreated<'a>(
    verdicts: &BTreeMap<ObjectId, Verdict>,
    context: &Context<'a>,
) -> BTreeMap<ObjectId, &'a Record> {
    verdicts
        .iter()
        .filter(|(_, verdict)| verdict.action == Action::Recreate)
        .filter_map(|(id, _)| {
            let record = context.observed.objects.get(id)?;
            let ours = matches!(
                ownership(id, record, None, context.memory),
                Ownership::Ours(_)
            );
            (ours && !record.deleting).then(|| (id.clone(), record))
        })
        .collect()
}

fn recreations(
    desired: &DesiredSet,
    recreated: &BTreeMap<ObjectId, &Record>,
    allowed: &BTreeSet<ObjectId>,
) -> Vec<Step> {
    let effects: Vec<Effect> = recreated
        .iter()
        .filter(|(id, _)| allowed.contains(*id))
        .map(|(id, record)| delete(id, record, propagation(desired.policy.propagation)))
        .collect();
    if effects.is_empty() {
        return Vec::new();
    }
    vec![Step {
        kind: StepKind::Recreate,
        effects,
    }]
}

/// What is said of deletions that wait for an approval.
pub(super) fn approval_needed(
    pending: &BTreeSet<ObjectId>,
    status: &PendingDeletions,
    wanted: &Wanted,
) -> Problem {
    let confirm_only = pending.is_subset(&wanted.confirm);
    let reason = if confirm_only {
        Reason::PruneConfirm
    } else {
        Reason::NeedsApproval
    };
    let before = status
        .before
        .as_ref()
        .map(|commit| format!(", before: {commit}"))
        .unwrap_or_default();
    Problem::new(reason, format!("{} for an approval", status.waiting())).remedy(format!(
        "approve them in the fleet file: {{deletions: {}{before}}}",
        status.digest
    ))
}

/// Takes out what cannot be deleted safely: kinds whose discovery or watch is incomplete, and the agent itself.
pub(super) fn deletable<'a>(
    objects: BTreeMap<ObjectId, &'a Record>,
    context: &Context<'_>,
) -> (BTreeMap<ObjectId, &'a Record>, Vec<Problem>) {
    let mut groups = BTreeSet::new();
    let kept = objects
        .into_iter()
        .filter(|(id, record)| {
            let kind = id.group_kind();
            let known = context.observed.discovery.as_ref().is_some_and(|found| {
                found.kinds.contains_key(&kind) && !found.failed_groups.contains(&kind.group)
            });
            if !known {
                groups.insert(kind.group.clone());
            }
            known
                && context.observed.is_watched(&kind)
                && !context.memory.own.contains(id)
                && !record.deleting
        })
        .collect();
    let problems = groups
        .into_iter()
        .map(|group| {
            Problem::new(
                Reason::DiscoveryIncomplete,
                format!("nothing of the API group {group:?} is deleted: it cannot be discovered"),
            )
        })
        .collect();
    (kept, problems)
}

/// Deletes of the wave that is due, kind by kind in reverse. Namespaces and definitions wait until nothing else of
/// the Application is left to go.
pub(super) fn deletes(
    objects: &BTreeMap<ObjectId, &Record>,
    all: &BTreeMap<ObjectId, &Record>,
    prune_last: bool,
    propagation: Propagation,
) -> Vec<Step> {
    let others_left = !only_holders(all);
    let going = all.iter().filter(|(id, record)| {
        (record.deleting || objects.contains_key(*id)) && !(others_left && holds_others(id))
    });
    let going: Vec<(&ObjectId, &Record)> = going.map(|(id, record)| (id, *record)).collect();
    let tasks: Vec<PruneTask> = going.iter().map(|(_, record)| task(record)).collect();
    let waves = prune_waves(&tasks, prune_last);
    let Some(due) = waves.iter().min().copied() else {
        return Vec::new();
    };
    let mut by_rank: BTreeMap<usize, Vec<Effect>> = BTreeMap::new();
    for ((id, record), wave) in going.into_iter().zip(waves) {
        if wave == due && !record.deleting {
            by_rank
                .entry(kind_rank(id.kind()))
                .or_default()
                .push(delete(id, record, propagation));
        }
    }
    by_rank
        .into_iter()
        .rev()
        .map(|(_, effects)| Step {
            kind: StepKind::Prune,
            effects,
        })
        .collect()
}

fn task(record: &Record) -> PruneTask {
    let options = ObjectOptions::parse(record.sync_options.as_deref().unwrap_or_default());
    PruneTask {
        wave: record.wave,
        prune: true,
        last: options.prune_last,
    }
}

pub(super) fn delete(id: &ObjectId, record: &Record, propagation: Propagation) -> Effect {
    Effect::Delete {
        object: id.clone(),
        uid: record.uid.clone(),
        resource_version: record.resource_version.clone(),
        propagation,
    }
}
