//! P1, P2 and P8: what may be deleted.

use std::collections::BTreeSet;

use muster_model::effect::Effect;
use muster_model::observed::Record;
use muster_model::{ObjectId, Reason};

use super::{Invariant, Linter, Subject, Violation};
use crate::brake::needs_approval;
use crate::desired::{Evidence, deletions_digest};
use crate::plan::{Fate, ObjectState, Plan};

impl<'a> Linter<'a> {
    pub(super) fn delete(&mut self, plan: &Plan, effect: &Effect) {
        let Effect::Delete {
            object,
            uid,
            resource_version,
            ..
        } = effect
        else {
            return;
        };
        if let Some(live) = self.bound(object, uid, resource_version) {
            self.ours(object, live);
            self.unwanted(plan, object, live);
            self.discovered(object);
            self.uninhabited(object);
        }
    }

    /// P1, P2: what an Application renders, and what is ours still, does not go with its namespace or its definition.
    fn uninhabited(&mut self, holder: &ObjectId) {
        let Some(inside) = self.inside(holder).filter(|_| !self.recreated(holder)) else {
            return;
        };
        let mut rendered = self.context.claims.rendered.iter();
        let claimed = rendered.any(|(id, by)| !by.is_empty() && inside(id));
        let mut live = self.context.observed.objects.iter();
        let held = live.any(|(id, record)| inside(id) && self.is_our_own(id, record));
        self.require(
            !claimed && !held,
            Invariant::NoPruneOnDoubt,
            holder,
            "is deleted with an object of an Application in it",
        );
    }

    /// It names itself as ours, and nobody took that from us.
    fn is_our_own(&self, id: &ObjectId, live: &Record) -> bool {
        let memory = self.context.memory;
        live.part_of.as_deref() == Some(memory.applyset.as_str())
            && live.applied.as_ref().is_some_and(|mark| mark.object == *id)
            && live.controller.is_none()
            && self.owns_mark(live)
    }

    /// Our manager's entry has the mark.
    fn owns_mark(&self, live: &Record) -> bool {
        live.managers.iter().any(|entry| {
            entry.manager == self.context.memory.manager
                && entry.operation == "Apply"
                && entry
                    .fields
                    .as_deref()
                    .is_some_and(|fields| fields.contains("\"f:muster.dev/applied\""))
        })
    }

    pub(super) fn release(&mut self, effect: &Effect) {
        let Effect::Release {
            object,
            uid,
            resource_version,
        } = effect
        else {
            return;
        };
        if let Some(live) = self.bound(object, uid, resource_version) {
            self.ours(object, live);
        }
        let removed = matches!(self.subject, Subject::Removal(_));
        self.require(
            removed,
            Invariant::NoForeignTouch,
            object,
            "is released though its Application stands",
        );
    }

    /// P8: bound to the very object that was seen.
    fn bound(&mut self, object: &ObjectId, uid: &str, version: &str) -> Option<&'a Record> {
        let live = self.context.observed.objects.get(object);
        let same = live.is_some_and(|live| {
            !uid.is_empty()
                && !version.is_empty()
                && live.uid == uid
                && live.resource_version == version
        });
        self.require(
            same,
            Invariant::DeleteBound,
            object,
            "is not bound to the uid and resourceVersion that were seen",
        );
        live
    }

    /// P1: ours by every test, and in no doubt.
    fn ours(&mut self, object: &ObjectId, live: &Record) {
        let memory = self.context.memory;
        let mark = live.applied.as_ref();
        let tests = [
            (
                live.part_of.as_deref() == Some(memory.applyset.as_str()),
                "does not carry our label",
            ),
            (
                mark.is_some_and(|mark| mark.object == *object),
                "carries no mark that names it",
            ),
            (
                mark.is_some_and(|mark| mark.application == *self.subject.application()),
                "is another Application's",
            ),
            (
                self.owns_mark(live),
                "does not have our entry owning its mark",
            ),
            (live.controller.is_none(), "belongs to a controller"),
            (!memory.own.contains(object), "is part of the agent itself"),
            (!live.deleting, "is being deleted already"),
            (
                self.evidence() == COMPLETE,
                "is deleted though its release is in doubt",
            ),
            (
                self.context.claims.unrecorded.is_empty(),
                "may be rendered by an Application whose render is not known",
            ),
        ];
        for (holds, what) in tests {
            self.require(holds, Invariant::NoPruneOnDoubt, object, what);
        }
    }

    fn evidence(&self) -> Evidence {
        match self.subject {
            Subject::Release(desired) => desired.evidence,
            Subject::Removal(removal) => removal.evidence,
        }
    }

    /// P1: nobody renders it, every object of the Application is applied, and it may be pruned at all.
    fn unwanted(&mut self, plan: &Plan, object: &ObjectId, live: &Record) {
        if self.recreated(object) {
            return;
        }
        let rendered = self
            .context
            .claims
            .rendered
            .get(object)
            .is_some_and(|by| !by.is_empty());
        let wanted = rendered || self.subject.object(object).is_some();
        self.require(
            !wanted,
            Invariant::NoPruneOnDoubt,
            object,
            "is rendered by an Application",
        );
        self.require(
            !self.stays(object, live),
            Invariant::NoPruneOnDoubt,
            object,
            "says that it stays",
        );
        self.finished(plan, object);
    }

    /// P1: everything of the Application is applied, nothing else is going on, and the policy wants it.
    fn finished(&mut self, plan: &Plan, object: &ObjectId) {
        let Subject::Release(desired) = self.subject else {
            return;
        };
        let policy = &desired.policy;
        let unsettled = desired.objects.iter().any(|object| {
            plan.objects.get(&object.id).is_none_or(|report| {
                !matches!(report.state, ObjectState::InSync | ObjectState::Done)
            })
        });
        let writes = plan.effects().any(|effect| {
            matches!(
                effect,
                Effect::Apply { .. } | Effect::Probe { .. } | Effect::Adopt { .. }
            )
        });
        let tests = [
            (
                policy.automated && policy.prune,
                "is deleted against the policy",
            ),
            (
                policy.allow_empty || !desired.objects.is_empty(),
                "is deleted by an empty render",
            ),
            (
                !unsettled && !writes,
                "is deleted before every object is applied",
            ),
        ];
        for (holds, what) in tests {
            self.require(holds, Invariant::NoPruneOnDoubt, object, what);
        }
    }

    /// P1: the API group was discovered, and the kind's watch has delivered its list.
    fn discovered(&mut self, object: &ObjectId) {
        let kind = object.group_kind();
        let observed = self.context.observed;
        let known = observed.discovery.as_ref().is_some_and(|found| {
            found.kinds.contains_key(&kind) && !found.failed_groups.contains(&kind.group)
        });
        self.require(
            known && observed.is_watched(&kind),
            Invariant::NoPruneOnDoubt,
            object,
            "is of a kind that is not completely known",
        );
    }

    /// Deleted to be made anew: Git allows it, and the server refused the change.
    fn recreated(&self, object: &ObjectId) -> bool {
        let Subject::Release(desired) = self.subject else {
            return false;
        };
        self.subject.object(object).is_some_and(|rendered| {
            let refused =
                self.context.memory.failures.get(object).is_some_and(|f| {
                    f.reason == Reason::ImmutableField && f.digest == rendered.digest
                });
            desired.policy.automated
                && (rendered.options.recreate || desired.policy.recreate)
                && refused
        })
    }

    /// P2: what was deleted since the release came in force, and what this plan deletes, is within the budgets or
    /// approved.
    pub(super) fn brake(&mut self, plan: &Plan) {
        if matches!(self.subject, Subject::Removal(removal) if removal.fate == Fate::PruneLeaving) {
            return;
        }
        let deletions = self.context.deletions;
        let all: BTreeSet<ObjectId> = plan
            .effects()
            .filter_map(|effect| match effect {
                Effect::Delete { object, .. } => Some(object.clone()),
                Effect::Probe { .. }
                | Effect::Audit { .. }
                | Effect::Apply { .. }
                | Effect::Release { .. }
                | Effect::Adopt { .. } => None,
            })
            .filter(|object| !self.superseded(object))
            .collect();
        let whole_list = deletions
            .approved
            .contains(&deletions_digest(&deletions.ledger.leaving));
        let unapproved: BTreeSet<&ObjectId> = all
            .iter()
            .filter(|id| !(whole_list && deletions.ledger.leaving.contains(*id)))
            .collect();
        if unapproved.is_empty() || self.approved_part(&unapproved) {
            return;
        }
        for id in unapproved
            .iter()
            .filter(|id| needs_approval(&id.group_kind(), &deletions.protected))
        {
            self.breach(
                Invariant::MassDeleteBrake,
                id,
                "holds data, and is deleted without an approval",
            );
        }
        let ledger = &deletions.ledger;
        let counted = u64::from(ledger.deleted) + unapproved.len() as u64;
        let total = match ledger.total {
            0 => self.live() as u64,
            total => u64::from(total),
        };
        let cluster = u64::from(deletions.cluster.deleted) + unapproved.len() as u64;
        let owned = u64::from(deletions.cluster.owned);
        let size = total.max(u64::from(ledger.size));
        if counted > 5.max(size / 5) || counted >= total || cluster > 20.max(owned / 10) {
            self.found.push(Violation {
                invariant: Invariant::MassDeleteBrake,
                object: None,
                what: format!("{counted} of {total} objects are deleted without an approval"),
            });
        }
    }

    /// How many live objects name this Application as theirs.
    fn live(&self) -> usize {
        let marks = self.context.observed.objects.iter();
        marks
            .filter(|(id, record)| {
                let mark = record.applied.as_ref();
                mark.is_some_and(|m| {
                    m.object == **id && m.application == *self.subject.application()
                })
            })
            .count()
    }

    /// An approval may name just what waits, or all that an Application wants gone; both contain these.
    fn approved_part(&self, unapproved: &BTreeSet<&ObjectId>) -> bool {
        let live_extras: BTreeSet<&ObjectId> = self
            .context
            .observed
            .objects
            .iter()
            .filter(|(id, record)| {
                let mark = record.applied.as_ref();
                mark.is_some_and(|m| {
                    m.object == **id && m.application == *self.subject.application()
                }) && self.subject.object(id).is_none()
                    && !record.deleting
            })
            .map(|(id, _)| id)
            .collect();
        // What has left Git goes after what is made anew, and the approval was of both.
        let recreated = unapproved.difference(&live_extras).copied();
        let all: BTreeSet<&ObjectId> = live_extras.iter().copied().chain(recreated).collect();
        let live = &self.context.observed.objects;
        let stays = |id: &ObjectId| live.get(id).is_some_and(|record| self.stays(id, record));
        let going = all.iter().filter(|id| !self.superseded(id) && !stays(id));
        let approved = &self.context.deletions.approved;
        approved.contains(&deletions_digest(unapproved.iter().copied()))
            || approved.contains(&deletions_digest(going.copied()))
            || approved.contains(&deletions_digest(all))
    }

    /// The live object says that it is not pruned, or not deleted when its Application ends; or it would take one that
    /// says so along.
    fn stays(&self, id: &ObjectId, live: &Record) -> bool {
        let option = match self.subject {
            Subject::Release(_) => "Prune=false",
            Subject::Removal(_) => "Delete=false",
        };
        let says = |record: &Record| {
            let options = record.sync_options.as_deref();
            options.is_some_and(|options| options.split(',').any(|o| o.trim() == option))
        };
        let ends = matches!(self.subject, Subject::Removal(_));
        let inside = self.inside(id).filter(|_| ends);
        says(live)
            || inside.is_some_and(|inside| {
                let own = self
                    .context
                    .observed
                    .objects
                    .marked(self.subject.application());
                own.into_iter()
                    .any(|(other, record)| inside(other) && says(record))
            })
    }

    /// A ConfigMap or Secret named `<base>-<ten characters>` of which the Application renders another one.
    fn superseded(&self, object: &ObjectId) -> bool {
        let stem = |id: &ObjectId| {
            let (base, suffix) = id.name().rsplit_once('-')?;
            (id.group().is_empty()
                && (id.kind() == "ConfigMap" || id.kind() == "Secret")
                && suffix.len() == 10)
                .then(|| {
                    (
                        id.kind().to_owned(),
                        id.namespace().to_owned(),
                        base.to_owned(),
                    )
                })
        };
        stem(object).is_some_and(|wanted| {
            self.subject
                .objects()
                .iter()
                .any(|other| other.id != *object && stem(&other.id).as_ref() == Some(&wanted))
        })
    }
}

/// Nothing is in doubt.
const COMPLETE: Evidence = Evidence {
    trusted: true,
    fleet_parsed: true,
    rendered: true,
};
