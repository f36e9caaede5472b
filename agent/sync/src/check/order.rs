//! P9: what others need comes first, and goes last.

use std::collections::BTreeMap;

use muster_model::effect::Effect;
use muster_model::{GroupKind, ObjectId};

use super::{Invariant, Linter};
use crate::plan::{Plan, StepKind};

impl Linter<'_> {
    pub(super) fn order(&mut self, plan: &Plan) {
        let applied = places(plan, |effect| match effect {
            Effect::Apply { object, .. } => Some(object),
            Effect::Probe { .. }
            | Effect::Audit { .. }
            | Effect::Delete { .. }
            | Effect::Release { .. }
            | Effect::Adopt { .. } => None,
        });
        let deleted = places(plan, |effect| match effect {
            Effect::Delete { object, .. } => Some(object),
            Effect::Probe { .. }
            | Effect::Audit { .. }
            | Effect::Apply { .. }
            | Effect::Release { .. }
            | Effect::Adopt { .. } => None,
        });
        self.namespaces_first(&applied);
        self.definitions_before_instances(&applied);
        self.holders_last(&deleted);
        self.waves_ascend(plan);
    }

    fn namespaces_first(&mut self, applied: &BTreeMap<ObjectId, usize>) {
        for (object, step) in applied {
            let namespace = ObjectId::new("", "Namespace", "", object.namespace());
            let late = applied.get(&namespace).is_some_and(|at| at >= step);
            self.require(
                !late,
                Invariant::Order,
                object,
                "is applied before its namespace",
            );
        }
    }

    /// A definition must be established, which takes another pass.
    fn definitions_before_instances(&mut self, applied: &BTreeMap<ObjectId, usize>) {
        let served = self.context.observed.discovery.as_ref();
        for object in applied.keys() {
            let kind = object.group_kind();
            let known = served.is_some_and(|found| found.kinds.contains_key(&kind));
            let made = object.kind() == "Namespace";
            self.require(
                known || made,
                Invariant::Order,
                object,
                "is applied though nobody serves its kind",
            );
        }
    }

    fn holders_last(&mut self, deleted: &BTreeMap<ObjectId, usize>) {
        for holder in deleted.keys() {
            let Some(inside) = self.inside(holder) else {
                continue;
            };
            let used = deleted.keys().any(|other| other != holder && inside(other));
            self.require(
                !used,
                Invariant::Order,
                holder,
                "is deleted together with what lives in it",
            );
        }
    }

    /// Whether an object goes when this one does; `None` for what holds no others.
    pub(super) fn inside(&self, holder: &ObjectId) -> Option<impl Fn(&ObjectId) -> bool + use<>> {
        let is_namespace = holder.is_of("", "Namespace");
        let name = is_namespace.then(|| holder.name().to_owned());
        let kind = self.kind_defined_by(holder);
        (name.is_some() || kind.is_some()).then_some(move |id: &ObjectId| {
            name.as_deref() == Some(id.namespace())
                || kind
                    .as_ref()
                    .is_some_and(|kind| id.is_of(&kind.group, &kind.kind))
        })
    }

    /// The kind that a definition's name speaks of: `<plural>.<group>`.
    fn kind_defined_by(&self, id: &ObjectId) -> Option<GroupKind> {
        if !id.is_of("apiextensions.k8s.io", "CustomResourceDefinition") {
            return None;
        }
        if let Some(rendered) = self.subject.object(id) {
            return rendered.defines.clone();
        }
        let (plural, group) = id.name().split_once('.')?;
        let served = &self.context.observed.discovery.as_ref()?.kinds;
        served
            .iter()
            .find(|(kind, served)| kind.group == group && served.plural == plural)
            .map(|(kind, _)| kind.clone())
    }

    fn waves_ascend(&mut self, plan: &Plan) {
        let mut last = None;
        for step in &plan.steps {
            let StepKind::Apply { phase, wave } = step.kind else {
                continue;
            };
            if last.is_some_and(|last| last > (phase, wave))
                && let Some(Effect::Apply { object, .. }) = step.effects.first()
            {
                self.breach(Invariant::Order, object, "is applied after a later wave");
            }
            last = Some((phase, wave));
        }
    }
}

/// In which step each object is affected.
fn places(plan: &Plan, select: impl Fn(&Effect) -> Option<&ObjectId>) -> BTreeMap<ObjectId, usize> {
    plan.steps
        .iter()
        .enumerate()
        .flat_map(|(index, step)| step.effects.iter().map(move |effect| (index, effect)))
        .filter_map(|(index, effect)| Some((select(effect)?.clone(), index)))
        .collect()
}
