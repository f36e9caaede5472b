//! P5 and P7: what may be written, and whether it can be found again.

use muster_model::effect::{Cause, Effect};
use muster_model::observed::Record;
use muster_model::{Node, ObjectId, json};

use super::{Invariant, Linter, Subject};
use crate::coverage;
use crate::desired::Policy;
use crate::plan::Plan;

impl Linter<'_> {
    pub(super) fn apply(&mut self, plan: &Plan, effect: &Effect) {
        let Effect::Apply {
            object,
            gvk,
            force,
            cause,
            yielded,
        } = effect
        else {
            return;
        };
        let Subject::Release(desired) = self.subject else {
            self.breach(
                Invariant::NoForeignTouch,
                object,
                "is written after its end",
            );
            return;
        };
        let live = self.context.observed.objects.get(object);
        let Some(rendered) = self.subject.object(object) else {
            self.home(object, &desired.policy, (*cause, *force));
            return;
        };
        self.allowed(object, live, desired.policy.automated, (*cause, *force));
        self.require(
            *gvk == rendered.gvk,
            Invariant::NoForeignTouch,
            object,
            "is written in another version than rendered",
        );
        self.reserved(object);
        self.declared(plan, object);
        if let Some(live) = live {
            self.may_touch(object, live, desired.policy.adopt);
            self.yielded(object, live, &rendered.body(), yielded);
        }
    }

    /// The namespace that the Application makes for itself: with nothing but the metadata that Git says, and never one
    /// that an Application renders.
    fn home(&mut self, object: &ObjectId, policy: &Policy, (cause, force): (Cause, bool)) {
        let named = policy.create_namespace.as_deref() == Some(object.name())
            && object.is_of("", "Namespace");
        let known = self.context.observed.namespaces.as_ref();
        let exists = known.is_some_and(|known| known.contains_key(object.name()));
        let labelled = exists && policy.namespace_metadata.is_some();
        let allowed = policy.automated
            && named
            && !self.context.memory.own.contains(object)
            && (cause == Cause::Create) != exists
            && (!force || labelled);
        self.require(
            allowed,
            Invariant::NoForeignTouch,
            object,
            "is written but not rendered",
        );
    }

    fn allowed(
        &mut self,
        object: &ObjectId,
        live: Option<&Record>,
        automated: bool,
        (cause, force): (Cause, bool),
    ) {
        let tests = [
            (automated, "is written without an automated policy"),
            (
                cause != Cause::Create || live.is_none(),
                "is created though it exists",
            ),
            (
                !force || live.is_some(),
                "is forced though it is not known to exist",
            ),
        ];
        for (holds, what) in tests {
            self.require(holds, Invariant::NoForeignTouch, object, what);
        }
    }

    pub(super) fn adopt(&mut self, plan: &Plan, object: &ObjectId, effect: &Effect) {
        let Effect::Adopt {
            resource_version, ..
        } = effect
        else {
            return;
        };
        let seen = self
            .context
            .observed
            .objects
            .get(object)
            .is_some_and(|live| live.resource_version == *resource_version);
        self.require(
            seen,
            Invariant::DeleteBound,
            object,
            "is adopted at a resourceVersion that was not seen",
        );
        let applied = plan
            .effects()
            .any(|other| matches!(other, Effect::Apply { object: id, .. } if id == object));
        self.require(
            applied,
            Invariant::NoForeignTouch,
            object,
            "is adopted but not applied",
        );
    }

    fn reserved(&mut self, object: &ObjectId) {
        let own = self.context.memory.own.contains(object)
            || muster_model::kinds::is_denied(&object.group_kind());
        self.require(
            !own,
            Invariant::NoForeignTouch,
            object,
            "is the agent's own, or of a denied kind",
        );
    }

    fn declared(&mut self, plan: &Plan, object: &ObjectId) {
        let parent = &self.context.observed.parent;
        let widen = &plan.declare.widen;
        let kind = object.group_kind();
        let namespace = object.namespace();
        let declared = (parent.kinds.contains(&kind) || widen.kinds.contains(&kind))
            && (namespace.is_empty()
                || parent.namespaces.contains(namespace)
                || widen.namespaces.contains(namespace));
        self.require(
            declared,
            Invariant::InventoryCovers,
            object,
            "is written before the parent declares it",
        );
    }

    /// A live object may be written when it names itself as ours, or nobody else has a claim on it, or the Application
    /// adopts.
    fn may_touch(&mut self, object: &ObjectId, live: &Record, adopts: bool) {
        let mark = live.applied.as_ref().filter(|mark| mark.object == *object);
        let others = self.context.claims.rendered.get(object);
        let held_by_other = mark.is_some_and(|mark| {
            mark.application != *self.subject.application()
                && others.is_some_and(|others| others.contains(&mark.application))
        });
        self.require(
            !held_by_other,
            Invariant::NoForeignTouch,
            object,
            "is held by another Application that renders it",
        );
        let foreign_set = live
            .part_of
            .as_ref()
            .is_some_and(|set| *set != self.context.memory.applyset);
        let claimed = foreign_set || !live.claims.is_empty();
        self.require(
            mark.is_some() || !claimed || adopts || live.part_of.is_some() && !foreign_set,
            Invariant::NoForeignTouch,
            object,
            "belongs to another tool",
        );
        let rendered_owner = self.subject.object(object).is_some_and(|rendered| {
            rendered
                .body()
                .at_path(&["metadata", "ownerReferences"])
                .is_some()
        });
        self.require(
            live.controller.is_none() || rendered_owner,
            Invariant::NoForeignTouch,
            object,
            "belongs to a controller",
        );
    }

    /// A field is left out only when somebody else owns it: else the apply would delete it.
    fn yielded(&mut self, object: &ObjectId, live: &Record, rendered: &Node, yielded: &[String]) {
        for pointer in yielded {
            let owned = live
                .managers
                .iter()
                .filter(|entry| entry.manager != self.context.memory.manager)
                .filter_map(|entry| json::from_slice(entry.fields.as_deref()?.as_bytes()).ok())
                .any(|fields| coverage::owns(&fields, rendered, pointer));
            self.require(
                owned,
                Invariant::NoForeignTouch,
                object,
                "leaves a field out that nobody else owns",
            );
        }
    }
}
