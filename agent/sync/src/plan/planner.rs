//! The decision itself: judge every object, apply in order, prune what is certain, say how it stands.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::effect::Declare;
use muster_model::observed::ParentScope;
use muster_model::{Health, ObjectId, Problem, Reason};

use super::judge::{Verdict, judge_all};
use super::prune::{Extras, Pruning, extras, prune};
use super::{ObjectReport, ObjectState, Plan, waves};
use crate::brake;
use crate::context::Context;
use crate::desired::DesiredSet;
use crate::ownership::{Ownership, ownership};
use crate::report;

/// Decides what a pass does to one Application.
#[must_use]
pub fn plan(desired: &DesiredSet, context: &Context<'_>) -> Plan {
    let mut verdicts = judge_all(desired, context);
    let (mut steps, waiting) = waves::steps(desired, &mut verdicts, context);
    let extras = extras(
        &desired.application,
        &verdicts.keys().cloned().collect(),
        context,
    );
    let pruning = prune(desired, &verdicts, &extras, context, !steps.is_empty());
    let problems = problems(&verdicts, waiting, &pruning, context);
    let objects = reports(&verdicts, &extras);
    let pending_deletions = brake::pending(&pruning.pending, context.deletions);
    steps.extend(pruning.steps);
    Plan {
        application: desired.application.clone(),
        release: Some(desired.release.clone()),
        declare: declare(desired, context),
        sync: report::sync(&objects, &pruning.kept),
        health: health(desired, &verdicts),
        applied: verdicts.values().all(|verdict| verdict.state.is_settled())
            && !is_emptied(&problems),
        wake: verdicts.values().filter_map(|verdict| verdict.wake).min(),
        completed_jobs: completed_jobs(desired, context),
        moves: extras.moved,
        steps,
        objects,
        problems,
        pending_deletions,
    }
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
                .map(|id| id.namespace.clone())
                .filter(|name| !name.is_empty() && !parent.namespaces.contains(name))
                .collect(),
        },
    }
}

fn reports(
    verdicts: &BTreeMap<ObjectId, Verdict>,
    extras: &Extras<'_>,
) -> BTreeMap<ObjectId, ObjectReport> {
    let wanted = verdicts
        .iter()
        .map(|(id, verdict)| (id.clone(), verdict.report()));
    let left = extras.left.iter().map(|(id, record)| {
        let report = ObjectReport {
            state: ObjectState::Extra,
            health: record.health.clone(),
            yielded: Vec::new(),
        };
        (id.clone(), report)
    });
    wanted.chain(left).collect()
}

fn health(desired: &DesiredSet, verdicts: &BTreeMap<ObjectId, Verdict>) -> Health {
    report::health(
        verdicts
            .values()
            .map(|verdict| (verdict.state, verdict.health.as_ref().map(|r| r.health))),
        desired.policy.automated,
    )
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
    waiting: Option<Problem>,
    pruning: &Pruning,
    context: &Context<'_>,
) -> Vec<Problem> {
    let mut problems: Vec<Problem> = verdicts
        .values()
        .filter_map(|verdict| verdict.problem.clone())
        .chain(waiting)
        .chain(pruning.problems.iter().cloned())
        .chain(kept_generations(&pruning.kept))
        .chain(terminating(verdicts, context))
        .collect();
    problems.sort_unstable();
    problems.dedup();
    problems
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
        .filter(|id| id.group.is_empty() && id.kind == "Namespace")
        .filter(|id| namespaces.is_some_and(|known| known.get(&id.name) == Some(&true)))
        .map(|id| {
            Problem::new(
                Reason::NamespaceTerminating,
                format!("{id} is being deleted"),
            )
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
            .map(|id| id.namespace.clone())
            .filter(|name| !name.is_empty())
            .chain((!own.is_empty()).then(|| own.clone()))
            .collect(),
    };
    let smaller = narrowed.kinds.is_subset(&observed.parent.kinds)
        && narrowed.namespaces.is_subset(&observed.parent.namespaces)
        && narrowed != observed.parent;
    smaller.then_some(narrowed)
}
