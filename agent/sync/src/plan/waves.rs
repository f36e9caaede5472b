//! Apply, wave by wave: a later wave gets new content once the earlier ones are healthy. Which wave is due follows from
//! what is observed and is never stored. Drift is healed whatever the wave.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_model::effect::{Cause, Effect, Propagation};
use muster_model::{Health, ObjectId, Problem, Reason};

use super::home::home;
use super::judge::{Action, Verdict};
use super::{ObjectState, Step, StepKind};
use crate::context::Context;
use crate::desired::{DesiredObject, DesiredSet};
use crate::health::is_assessed;
use crate::order::{Phase, Task, kind_rank, sort};

/// The steps that bring objects to what Git says, and the problem of those that wait. Verdicts of objects held back
/// are changed to say so.
pub(super) fn steps(
    desired: &DesiredSet,
    verdicts: &mut BTreeMap<ObjectId, Verdict>,
    context: &Context<'_>,
) -> Applying {
    if !desired.policy.automated {
        return Applying {
            waiting: only_compared(desired, verdicts),
            ..Applying::default()
        };
    }
    let tasks = ordered(desired);
    let waiting = hold_later_waves(&tasks, verdicts);
    let mut steps = Vec::new();
    steps.extend(probes(verdicts));
    let mut home = home(desired, verdicts, context);
    steps.extend(home.step.clone());
    steps.extend(adoptions(verdicts, context));
    steps.extend(applies(desired, &tasks, verdicts));
    Applying {
        is_behind: home.is_behind(),
        home: home.problem.take(),
        wake: home.wake,
        steps,
        waiting,
    }
}

/// What applying comes to.
#[derive(Debug, Default)]
pub(super) struct Applying {
    pub(super) steps: Vec<Step>,
    /// Objects that wait for others.
    pub(super) waiting: Option<Problem>,
    /// What is wrong with the Application's own namespace.
    pub(super) home: Option<Problem>,
    /// True while that namespace is not as Git says.
    pub(super) is_behind: bool,
    /// When to look at it again.
    pub(super) wake: Option<Timestamp>,
}

/// Without an automated policy nothing is done, and it is said once.
fn only_compared(
    desired: &DesiredSet,
    verdicts: &mut BTreeMap<ObjectId, Verdict>,
) -> Option<Problem> {
    let mut behind = 0;
    for verdict in verdicts.values_mut() {
        verdict.action = Action::None;
        behind += usize::from(!verdict.state.is_settled());
    }
    (behind > 0).then(|| {
        Problem::new(
            Reason::ManualSync,
            format!(
                "{} has {behind} objects that are not as Git says",
                desired.application
            ),
        )
    })
}

fn ordered(desired: &DesiredSet) -> Vec<Task> {
    let mut tasks: Vec<Task> = desired
        .objects
        .iter()
        .map(|object| Task {
            phase: Phase::Sync,
            wave: object.options.wave,
            id: object.id.clone(),
            defines: object.defines.clone(),
        })
        .collect();
    sort(&mut tasks);
    tasks
}

/// Takes new content away from the waves behind one that is not healthy yet.
fn hold_later_waves(tasks: &[Task], verdicts: &mut BTreeMap<ObjectId, Verdict>) -> Option<Problem> {
    let mut blocker: Option<ObjectId> = None;
    let mut blocking_wave = None;
    let mut held = 0;
    for task in tasks {
        let wave = (task.phase, task.wave);
        let Some(verdict) = verdicts.get_mut(&task.id) else {
            continue;
        };
        let behind = blocking_wave.is_some_and(|blocking| blocking < wave);
        if behind && is_new_content(&verdict.action) {
            verdict.action = Action::None;
            verdict.state = ObjectState::Waiting(Reason::WaitingForWave);
            held += 1;
        }
        if blocking_wave.is_none() && !will_be_healthy(task, verdict) {
            blocking_wave = Some(wave);
            blocker = Some(task.id.clone());
        }
    }
    let (blocker, (_, wave)) = blocker.zip(blocking_wave)?;
    (held > 0).then(|| {
        Problem::new(
            Reason::WaitingForWave,
            format!("{held} objects wait for {blocker} of wave {wave}"),
        )
    })
}

/// True when nothing is left to see of an object once the plan is carried out.
fn will_be_healthy(task: &Task, verdict: &Verdict) -> bool {
    let applied = matches!(verdict.action, Action::Apply { .. })
        && !is_assessed(task.id.group(), task.id.kind());
    let healthy = verdict
        .health
        .as_ref()
        .is_none_or(|report| report.health == Health::Healthy);
    applied || (verdict.state.is_settled() && healthy)
}

fn is_new_content(action: &Action) -> bool {
    match action {
        Action::Apply { cause, .. } => match cause {
            Cause::Create | Cause::Update | Cause::Adoption | Cause::Handover => true,
            Cause::Drift | Cause::Baseline => false,
        },
        Action::Recreate => true,
        Action::Probe | Action::None => false,
    }
}

fn probes(verdicts: &BTreeMap<ObjectId, Verdict>) -> Option<Step> {
    let objects: Vec<ObjectId> = verdicts
        .iter()
        .filter(|(_, verdict)| verdict.action == Action::Probe)
        .map(|(id, _)| id.clone())
        .collect();
    (!objects.is_empty()).then(|| Step {
        kind: StepKind::Probe,
        effects: vec![Effect::Probe { objects }],
    })
}

fn adoptions(verdicts: &BTreeMap<ObjectId, Verdict>, context: &Context<'_>) -> Option<Step> {
    let effects: Vec<Effect> = verdicts
        .iter()
        .filter_map(|(id, verdict)| {
            let Action::Apply { fold, .. } = &verdict.action else {
                return None;
            };
            let record = context.observed.objects.get(id)?;
            (!fold.is_empty()).then(|| Effect::Adopt {
                object: id.clone(),
                resource_version: record.resource_version.clone(),
                managers: fold.clone(),
            })
        })
        .collect();
    (!effects.is_empty()).then_some(Step {
        kind: StepKind::Adopt,
        effects,
    })
}

/// One step for each kind of each wave: objects of one kind do not need each other.
fn applies(
    desired: &DesiredSet,
    tasks: &[Task],
    verdicts: &BTreeMap<ObjectId, Verdict>,
) -> Vec<Step> {
    let objects: BTreeMap<&ObjectId, &DesiredObject> = desired
        .objects
        .iter()
        .map(|object| (&object.id, object))
        .collect();
    let mut steps: Vec<(usize, Step)> = Vec::new();
    for task in tasks {
        let effect = objects
            .get(&task.id)
            .zip(verdicts.get(&task.id))
            .and_then(|(object, verdict)| apply(object, verdict));
        let Some(effect) = effect else {
            continue;
        };
        let kind = StepKind::Apply {
            phase: task.phase,
            wave: task.wave,
        };
        let rank = kind_rank(task.id.kind());
        match steps.last_mut() {
            Some((last, step)) if *last == rank && step.kind == kind => step.effects.push(effect),
            _ => steps.push((
                rank,
                Step {
                    kind,
                    effects: vec![effect],
                },
            )),
        }
    }
    steps.into_iter().map(|(_, step)| step).collect()
}

fn apply(object: &DesiredObject, verdict: &Verdict) -> Option<Effect> {
    let Action::Apply { cause, force, .. } = &verdict.action else {
        return None;
    };
    Some(Effect::Apply {
        object: object.id.clone(),
        gvk: object.gvk.clone(),
        force: *force,
        cause: *cause,
        yielded: verdict.yielded.clone(),
    })
}

pub(super) fn apply_step(wave: i32) -> StepKind {
    StepKind::Apply {
        phase: Phase::Sync,
        wave,
    }
}

/// What happens to dependents: Foreground, as in Argo CD, unless the Application says otherwise.
pub(super) fn propagation(policy: Option<Propagation>) -> Propagation {
    policy.unwrap_or(Propagation::Foreground)
}
