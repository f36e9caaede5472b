//! The decision itself: judge every object, apply in order, prune what is certain, say how it stands.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_model::effect::Declare;
use muster_model::observed::ParentScope;
use muster_model::{Health, ObjectId, Problem, Reason, SyncState};

use super::judge::{Verdict, judge_all};
use super::prune::{Pruning, extras, prune};
use super::{ObjectReport, ObjectState, Plan, Step, StepKind, place, waves};
use crate::audit;
use crate::context::Context;
use crate::desired::DesiredSet;
use crate::ownership::{Ownership, ownership};
use crate::report;

/// Decides what a pass does to one Application.
#[must_use]
pub fn plan(desired: &DesiredSet, context: &Context<'_>) -> Plan {
    let mut verdicts = judge_all(desired, context);
    let mut applying = waves::steps(desired, &mut verdicts, context);
    let extras = extras(
        &desired.application,
        &verdicts.keys().cloned().collect(),
        context,
    );
    let busy = !applying.steps.is_empty() || applying.is_behind;
    let pruning = prune(desired, &verdicts, &extras, context, busy);
    let said = [applying.waiting.take(), applying.home.take()];
    let left = extras.reports(context);
    let health = health(desired, &verdicts, &left);
    let objects = reports(&verdicts, left);
    let problems = problems(&verdicts, &objects, said, &pruning, context);
    let mut sync = report::sync(&objects, &pruning.kept);
    if applying.is_behind && sync == SyncState::Synced {
        sync = SyncState::OutOfSync;
    }
    let mut steps = applying.steps;
    steps.extend(pruning.steps);
    let audit = audit(desired, &verdicts, &steps, context);
    steps.extend(audit.0);
    Plan {
        application: desired.application.clone(),
        release: Some(desired.release.clone()),
        account: desired.policy.account.clone(),
        declare: declare(desired, context),
        sync,
        health,
        applied: verdicts.values().all(|verdict| verdict.state.is_settled())
            && !applying.is_behind
            && !is_emptied(&problems),
        wake: verdicts
            .values()
            .filter_map(|verdict| verdict.wake)
            .chain(applying.wake)
            .chain(pruning.wake)
            .chain(audit.1)
            .min(),
        completed_jobs: completed_jobs(desired, context),
        moves: extras.moved,
        steps,
        objects,
        problems,
        pending_deletions: pruning.pending,
    }
}

/// The audit of one object, while nothing else is to be done.
fn audit(
    desired: &DesiredSet,
    verdicts: &BTreeMap<ObjectId, Verdict>,
    steps: &[Step],
    context: &Context<'_>,
) -> (Option<Step>, Option<Timestamp>) {
    if !steps.is_empty() || context.memory.audits.period.is_none() {
        return (None, None);
    }
    let in_sync: Vec<(&ObjectId, &[String])> = verdicts
        .iter()
        .filter(|(_, verdict)| verdict.state == ObjectState::InSync)
        .map(|(id, verdict)| (id, verdict.yielded.as_slice()))
        .collect();
    let (effect, wake) = audit::due(desired, &in_sync, context);
    let step = effect.map(|effect| Step {
        kind: StepKind::Audit,
        effects: vec![effect],
    });
    (step, wake)
}

/// A release that should have emptied the Application, and did not, is not applied (HAZARDS.md S2).
fn is_emptied(problems: &[Problem]) -> bool {
    problems
        .iter()
        .any(|problem| problem.reason == Reason::EmptyRender)
}

/// What the parent must declare before anything of this Application is written: every kind and namespace of it.
fn declare(desired: &DesiredSet, context: &Context<'_>) -> Declare {
    let parent = &context.observed.parent;
    let objects = || desired.objects.iter().map(|object| &object.id);
    Declare {
        widen: ParentScope {
            kinds: objects()
                .map(ObjectId::group_kind)
                .filter(|kind| !parent.kinds.contains(kind))
                .collect(),
            namespaces: objects()
                .map(|id| id.namespace().to_owned())
                .filter(|name| !name.is_empty() && !parent.namespaces.contains(name))
                .collect(),
        },
    }
}

fn reports(
    verdicts: &BTreeMap<ObjectId, Verdict>,
    left: BTreeMap<ObjectId, ObjectReport>,
) -> BTreeMap<ObjectId, ObjectReport> {
    let wanted = verdicts
        .iter()
        .map(|(id, verdict)| (id.clone(), verdict.report()));
    wanted.chain(left).collect()
}

/// The health of what Git wants; while it wants nothing, of what is left.
fn health(
    desired: &DesiredSet,
    verdicts: &BTreeMap<ObjectId, Verdict>,
    left: &BTreeMap<ObjectId, ObjectReport>,
) -> Health {
    let wanted = verdicts
        .values()
        .map(|verdict| (verdict.state, verdict.health.as_ref()));
    let left = left
        .values()
        .filter(|_| verdicts.is_empty())
        .map(|report| (report.state, report.health.as_ref()));
    let objects = wanted
        .chain(left)
        .map(|(state, assessed)| (state, assessed.map(|assessed| assessed.health)));
    report::health(objects, desired.policy.automated)
}

/// Jobs seen complete with the content Git has: remembered while they are still seen (HAZARDS.md T-75).
fn completed_jobs(desired: &DesiredSet, context: &Context<'_>) -> BTreeMap<ObjectId, String> {
    desired
        .objects
        .iter()
        .filter(|object| {
            context
                .observed
                .objects
                .get(&object.id)
                .filter(|record| record.complete)
                .and_then(|record| record.applied.as_ref())
                .is_some_and(|mark| mark.object == object.id && mark.digest == object.digest)
        })
        .map(|object| (object.id.clone(), object.digest.clone()))
        .collect()
}

fn problems(
    verdicts: &BTreeMap<ObjectId, Verdict>,
    objects: &BTreeMap<ObjectId, ObjectReport>,
    said: [Option<Problem>; 2],
    pruning: &Pruning,
    context: &Context<'_>,
) -> Vec<Problem> {
    let mut problems: Vec<Problem> = verdicts
        .values()
        .filter_map(|verdict| verdict.problem.clone())
        .chain(said.into_iter().flatten())
        .chain(pruning.problems.iter().cloned())
        .chain(kept_generations(&pruning.kept))
        .chain(terminating(verdicts, context))
        .chain(finalizing(objects, context))
        .collect();
    problems.sort_unstable();
    problems.dedup();
    problems
}

/// Objects that are being deleted and wait for somebody to finish. The two finalizers of the garbage collector are the
/// API server's own way of deleting, and pass by themselves.
pub(super) fn finalizing(
    objects: &BTreeMap<ObjectId, ObjectReport>,
    context: &Context<'_>,
) -> Vec<Problem> {
    const COLLECTOR: &[&str] = &["foregroundDeletion", "orphan"];
    let live = |id: &ObjectId| context.observed.objects.get(id);
    objects
        .keys()
        .filter_map(|id| Some((id, live(id)?)))
        .filter(|(_, record)| record.deleting)
        .filter_map(|(id, record)| {
            let names = record.finalizers.iter().map(String::as_str);
            let others: Vec<&str> = names.filter(|name| !COLLECTOR.contains(name)).collect();
            (!others.is_empty()).then(|| {
                let what = format!("{id} is being deleted and waits for {}", others.join(", "));
                Problem::new(Reason::Finalizing, what)
            })
        })
        .collect()
}

fn kept_generations(kept: &BTreeSet<ObjectId>) -> Option<Problem> {
    let first = kept.first()?;
    Some(Problem::new(
        Reason::KeptGeneration,
        format!(
            "{} older generations stay for now, {first} among them",
            kept.len()
        ),
    ))
}

/// Namespaces that Git wants and somebody is deleting.
fn terminating(verdicts: &BTreeMap<ObjectId, Verdict>, context: &Context<'_>) -> Vec<Problem> {
    let namespaces = context.observed.namespaces.as_ref();
    verdicts
        .keys()
        .filter(|id| id.is_of("", "Namespace"))
        .filter_map(|id| {
            let state = namespaces?.get(id.name())?;
            state
                .terminating
                .then(|| place::terminating(id.name(), state))
        })
        .collect()
}

/// Objects that carry our label without being ours: reported once for the cluster, and left alone (HAZARDS.md T-73).
#[must_use]
pub fn copied_marks(context: &Context<'_>) -> Vec<Problem> {
    context
        .observed
        .objects
        .doubtful()
        .filter(|(id, record)| ownership(id, record, None, context.memory) == Ownership::Copied)
        .map(|(id, _)| {
            Problem::new(
                Reason::CopiedMark,
                format!("{id} carries marks that a controller copied"),
            )
        })
        .collect()
}

/// What the parent may be narrowed to: `None` when that is not certain, or nothing changes. Narrowing waits until
/// nothing that carries our label is left of a kind (HAZARDS.md P5).
#[must_use]
pub fn narrow(context: &Context<'_>) -> Option<ParentScope> {
    let observed = context.observed;
    let synced = observed
        .parent
        .kinds
        .iter()
        .all(|kind| observed.synced_kinds.contains(kind));
    if !synced || !context.claims.unknown.is_empty() {
        return None;
    }
    let labelled = observed
        .objects
        .iter()
        .filter(|(_, record)| record.part_of.as_deref() == Some(context.memory.applyset.as_str()))
        .map(|(id, _)| id);
    let used: BTreeSet<&ObjectId> = labelled.chain(context.claims.rendered.keys()).collect();
    let own = &context.memory.own.namespace;
    let narrowed = ParentScope {
        kinds: used.iter().map(|id| id.group_kind()).collect(),
        namespaces: used
            .iter()
            .map(|id| id.namespace().to_owned())
            .filter(|name| !name.is_empty())
            .chain((!own.is_empty()).then(|| own.clone()))
            .collect(),
    };
    let smaller = narrowed.kinds.is_subset(&observed.parent.kinds)
        && narrowed.namespaces.is_subset(&observed.parent.namespaces)
        && narrowed != observed.parent;
    smaller.then_some(narrowed)
}
