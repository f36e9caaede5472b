//! `CreateNamespace=true` and `managedNamespaceMetadata`: the namespace that an Application makes for itself.
//!
//! It carries none of our marks, so that it is never deleted, and outlives the Application as in Argo CD. What our apply
//! owns of its metadata is seen on the namespace itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_model::effect::{Cause, Effect};
use muster_model::observed::NamespaceMetadata;
use muster_model::{ApplicationKey, Gvk, ObjectId, Problem, Reason};

use super::Step;
use super::judge::{Action, Verdict};
use super::place::namespace_id;
use super::waves::apply_step;
use crate::context::{Context, Failure};
use crate::desired::DesiredSet;
use crate::fights;

/// What is to be done about the namespace.
#[derive(Debug, Default)]
pub(super) struct Home {
    pub(super) step: Option<Step>,
    pub(super) problem: Option<Problem>,
    pub(super) wake: Option<Timestamp>,
}

impl Home {
    /// True when the namespace is not as Git says.
    pub(super) fn is_behind(&self) -> bool {
        self.step.is_some() || self.problem.is_some()
    }
}

/// Decides about the namespace of an Application that is applied.
pub(super) fn home(
    desired: &DesiredSet,
    verdicts: &BTreeMap<ObjectId, Verdict>,
    context: &Context<'_>,
) -> Home {
    let (Some(name), Some(known)) = (
        desired.policy.create_namespace.as_deref(),
        &context.observed.namespaces,
    ) else {
        return Home::default();
    };
    let id = namespace_id(name);
    if verdicts.contains_key(&id) {
        return Home::default();
    }
    let managed = desired.policy.namespace_metadata.as_ref();
    let cause = match (known.get(name), managed) {
        (None, _) if is_needed(name, verdicts) || managed.is_some() => Cause::Create,
        (Some(state), Some(wanted)) if !state.terminating && state.applied != *wanted => {
            if desired.applied_before {
                Cause::Drift
            } else {
                Cause::Update
            }
        }
        (None | Some(_), _) => return Home::default(),
    };
    if let Some(problem) = disputed(desired, &id, context) {
        return Home {
            problem: Some(problem),
            ..Home::default()
        };
    }
    if cause == Cause::Drift && !desired.policy.self_heal {
        let what = format!("the metadata of {id} was changed in the cluster");
        return Home {
            problem: Some(Problem::new(Reason::SelfHealOff, what)),
            ..Home::default()
        };
    }
    decided(id, cause, context)
}

fn decided(id: ObjectId, cause: Cause, context: &Context<'_>) -> Home {
    let heals = context.memory.heals.get(&id);
    let slower = heals.and_then(|heals| fights::next_heal(heals, context.now));
    if let Some(next) = slower.filter(|next| *next > context.now) {
        let what = format!("the metadata of {id} is changed again and again");
        let problem = Some(Problem::new(Reason::Contended, what));
        return Home {
            step: None,
            problem,
            wake: Some(next),
        };
    }
    let failure = failure(&id, context);
    let problem = failure.map(|f| Problem::new(f.reason, f.message.clone()));
    let wake = failure.map(|f| f.retry_at).filter(|at| *at > context.now);
    if wake.is_some() {
        return Home {
            step: None,
            problem,
            wake,
        };
    }
    let step = Step {
        kind: apply_step(i32::MIN),
        effects: vec![Effect::Apply {
            object: id,
            gvk: Gvk::parse("v1", "Namespace"),
            force: cause != Cause::Create,
            cause,
            yielded: Vec::new(),
        }],
    };
    Home {
        step: Some(step),
        problem,
        wake: None,
    }
}

/// True unless making the namespace failed a moment ago.
pub(super) fn is_made(name: &str, context: &Context<'_>) -> bool {
    failure(&namespace_id(name), context).is_none_or(|failure| failure.retry_at <= context.now)
}

/// Namespaces that nobody renders have no content digest.
fn failure<'a>(id: &ObjectId, context: &Context<'a>) -> Option<&'a Failure> {
    let failure = context.memory.failures.get(id)?;
    failure.digest.is_empty().then_some(failure)
}

fn is_needed(name: &str, verdicts: &BTreeMap<ObjectId, Verdict>) -> bool {
    verdicts.iter().any(|(object, verdict)| {
        object.namespace() == name && matches!(verdict.action, Action::Apply { .. })
    })
}

/// Two Applications that want one namespace otherwise do not take turns: neither sets anything.
fn disputed(desired: &DesiredSet, id: &ObjectId, context: &Context<'_>) -> Option<Problem> {
    let wanted = desired.policy.namespace_metadata.as_ref()?;
    if context.memory.own.contains(id) {
        let what = format!("{id} is the agent's own");
        return Some(Problem::new(Reason::ReservedObject, what));
    }
    let own = &desired.application;
    let rendered = context.claims.others(id, own).next();
    let otherwise = |(key, metadata): &(&ApplicationKey, &NamespaceMetadata)| {
        *key != own && *metadata != wanted
    };
    let managed = context.claims.namespaces.get(id.name());
    let managed = managed
        .into_iter()
        .flatten()
        .find(otherwise)
        .map(|(key, _)| key);
    let other = rendered.or(managed)?;
    let what = format!("the metadata of {id} is also set by the Application {other}");
    Some(Problem::new(Reason::ClaimedTwice, what))
}
