//! What agents may send: P1, P2, P3, P4, P6, P7, P9, P10.

use std::collections::BTreeSet;

use muster::ports::Parent;
use muster_model::effect::{Cause, Effect};
use muster_model::{Node, ObjectId, json};
use serde_json::Value;

use super::{LAG, Oracle, View, accepted_by, hash, mark_of};
use crate::fakes::api_server::{ApiServer, Change, is_deleting};
use crate::fakes::{Sent, Sight};
use crate::sim::content::{CONTESTED, Membership};

/// Deletions of one Application that need no approval: so many, or so many in a hundred (DESIGN.md section 7).
const BUDGET: (usize, usize) = (5, 20);
/// The same for the whole cluster.
const CLUSTER_BUDGET: (usize, usize) = (20, 10);

impl Oracle {
    /// Something happened in the cluster.
    pub(crate) fn saw(&mut self, sight: &Sight<'_>) {
        match sight {
            Sight::Sent(sent) => self.sent(sent),
            Sight::Answered(..) => {}
            Sight::Changed(changes, _) => self.changed(changes),
            Sight::Parent(parent) => self.stored(parent),
        }
    }

    fn sent(&mut self, sent: &Sent<'_>) {
        match sent.effect {
            // Neither changes anything.
            Effect::Probe { .. } | Effect::Audit { .. } => {}
            Effect::Apply {
                object,
                cause,
                yielded,
                ..
            } => {
                self.journal.reach(format!("cause {cause:?}"));
                self.apply(sent, object, *cause, yielded);
            }
            Effect::Delete {
                object,
                uid,
                resource_version,
                ..
            } => self.delete(sent, object, (uid, resource_version)),
            Effect::Release { object, .. } => self.release(sent, object),
            Effect::Adopt { .. } => self.journal.reach("former managers folded"),
        }
    }

    /// P3, P4, P7: an apply is of an object that Git renders, and says what one release says.
    fn apply(&mut self, sent: &Sent<'_>, object: &ObjectId, cause: Cause, yielded: &[String]) {
        let body = sent.body.map(json::to_value).unwrap_or_default();
        let Some(mark) = mark_of(&body) else {
            return self.broken("P7", format!("{object} is applied without a mark"));
        };
        let name = mark.application.name.clone();
        let plain = without_marks(body);
        let mut known = false;
        let mut matches = Vec::new();
        for (index, view) in self.candidates(sent.life) {
            let Some(held) = view.applications.get(name.as_str()) else {
                continue;
            };
            let Some(wanted) = held.objects.get(object) else {
                continue;
            };
            known = true;
            let writes = matches!(view.membership, Membership::Active | Membership::Unassigned);
            if writes && held.policy.automated && without(wanted, yielded) == plain {
                matches.push((index, hash(wanted)));
            }
        }
        let (Some(first), Some(last)) = (matches.first(), matches.last()) else {
            let what = if known { "P4" } else { "P7" };
            let why =
                format!("{object} of {name} is applied as {plain}, which no release in force says");
            return self.broken(what, why);
        };
        let (first, last) = (*first, *last);
        self.digests.insert((object.clone(), mark.digest), last.1);
        let floor = self.floors.entry((sent.life, name.clone())).or_default();
        if last.0 < *floor {
            let floor = *floor;
            let why = format!(
                "{object} of {name} goes back to view {} after view {floor}",
                last.0
            );
            self.broken("P3", why);
        } else {
            *floor = (*floor).max(first.0);
        }
        self.acts(object, sent.life);
        // One that was replaced does not see what its successor takes away (P11).
        if self.lives.keys().all(|life| *life <= sent.life) {
            self.apply_in_order(sent.api, object);
        }
        self.apply_to_others(sent, object, &name, cause);
    }

    /// P9: what an object needs is there before it.
    fn apply_in_order(&mut self, api: &ApiServer, object: &ObjectId) {
        let namespace = ObjectId::new("", "Namespace", "", object.namespace());
        if !object.namespace().is_empty()
            && api.get(&namespace).is_none()
            && !self.recently(&namespace)
        {
            self.broken("P9", format!("{object} is applied before its namespace"));
        }
        let definition = definition_of(object);
        if let Some(definition) = definition
            && !api.serves(&object.group_kind())
            && !self.recently(&definition)
        {
            self.broken(
                "P9",
                format!("{object} is applied before its definition is served"),
            );
        }
    }

    /// P7: what another tool holds is left alone until the Application says otherwise.
    fn apply_to_others(&mut self, sent: &Sent<'_>, object: &ObjectId, name: &str, cause: Cause) {
        let Some(live) = sent.api.get(object) else {
            return;
        };
        let helm =
            live.str_at(&["metadata", "labels", "app.kubernetes.io/managed-by"]) == Some("Helm");
        let ours = live.str_at(&["metadata", "labels", "applyset.kubernetes.io/part-of"])
            == Some(self.applyset.as_str());
        let adopts = self
            .candidates(sent.life)
            .iter()
            .filter_map(|(_, view)| view.applications.get(name))
            .any(|held| held.policy.adopt);
        if helm && !ours && !adopts && object.name() == CONTESTED && !self.recently(object) {
            self.broken(
                "P7",
                format!("{object} belongs to Helm and is applied ({cause:?})"),
            );
        }
    }

    /// P1, P2, P9.
    fn delete(&mut self, sent: &Sent<'_>, object: &ObjectId, (uid, version): (&str, &str)) {
        let Some(live) = sent.api.get(object) else {
            return;
        };
        if live.str_at(&["metadata", "uid"]) != Some(uid) {
            return;
        }
        // Somebody took the mark since: the API server refuses what is bound to another version (P8).
        let is_refused = live.str_at(&["metadata", "resourceVersion"]) != Some(version);
        let live = json::to_value(live);
        let Some(mark) = mark_of(&live) else {
            if !is_refused {
                self.broken("P1", format!("{object} is deleted and carries no mark"));
            }
            return;
        };
        let name = mark.application.name.clone();
        let permits: Vec<(u64, usize, bool, bool)> = self
            .candidates(sent.life)
            .into_iter()
            .filter_map(|(_, view)| self.permits(view, &name, object, &live, sent))
            .collect();
        let Some((hash, before, braked, approved)) =
            permits.into_iter().max_by_key(|p| (!p.2, p.3))
        else {
            return self.broken(
                "P1",
                format!("{object} of {name} is deleted and no view permits that"),
            );
        };
        let views = self.candidates(sent.life);
        let rendered = |(_, view): &(usize, &View)| {
            let held = view.applications.get(name.as_str());
            held.is_some_and(|held| held.objects.contains_key(object))
        };
        if views.last().is_some_and(rendered) {
            self.journal.reach("recreated");
        }
        self.delete_in_order(sent, object);
        // What another life has just made is not counted: nobody loses what was there under the release.
        let is_anothers = self.is_late(object, sent.life) && !is_precious(object);
        self.acts(object, sent.life);
        if braked && !approved && !is_superseded(object) && !is_anothers {
            self.brake(sent.api, (object, uid), (&name, hash, before));
        }
        if approved {
            self.journal.reach("approved deletion");
        }
    }

    /// Whether a view permits a deletion: the content it counts under, how many objects were there before, whether the
    /// brake counts it, and whether it is approved.
    fn permits(
        &self,
        view: &View,
        name: &str,
        object: &ObjectId,
        live: &Value,
        sent: &Sent<'_>,
    ) -> Option<(u64, usize, bool, bool)> {
        let options = live["metadata"]["annotations"]["argocd.argoproj.io/sync-options"].as_str();
        // An Application prunes; what ends with one is deleted.
        let option = if view.applications.contains_key(name) {
            "Prune=false"
        } else {
            "Delete=false"
        };
        let kept = options.is_some_and(|options| options.split(',').any(|o| o.trim() == option));
        if !view.sure {
            return None;
        }
        if view.membership == (Membership::Leaving { prune: true }) {
            return Some((0, 0, false, false));
        }
        if view.membership != Membership::Active || view.unknown {
            return None;
        }
        let id = object.to_string();
        let approved = view
            .approvals
            .iter()
            .any(|approval| approval.application == name && approval.objects.contains(&id));
        let held = view.applications.get(name);
        if let Some(held) = held
            && let Some(wanted) = held.objects.get(object)
        {
            // Deleted to be made anew.
            let says =
                wanted["metadata"]["annotations"]["argocd.argoproj.io/sync-options"].as_str();
            let recreated = says.is_some_and(|says| says.contains("Replace=true"));
            return recreated.then_some((
                held.hash,
                held.before.max(held.objects.len()),
                true,
                approved,
            ));
        }
        let rendered = view
            .applications
            .values()
            .any(|held| held.objects.contains_key(object));
        if rendered || kept {
            return None;
        }
        let Some(held) = held else {
            return Some((0, 0, true, approved));
        };
        let may = held.policy.automated && held.policy.prune && !held.objects.is_empty();
        let settled = held.objects.iter().all(|(id, wanted)| {
            self.is_settled(sent.api, id, wanted) || self.is_late(id, sent.life)
        });
        (may && settled).then_some((held.hash, held.before, true, approved))
    }

    /// The object is there as Git says, or somebody else has just been at it.
    fn is_settled(&self, api: &ApiServer, id: &ObjectId, wanted: &Value) -> bool {
        let digest = api
            .get(id)
            .filter(|live| !is_deleting(live))
            .and_then(|live| {
                let text = live.str_at(&["metadata", "annotations", "muster.dev/applied"])?;
                Some(muster_model::marks::AppliedMark::parse(text)?.digest)
            });
        let known = digest.and_then(|digest| self.digests.get(&(id.clone(), digest)));
        known == Some(&hash(wanted)) || self.recently(id)
    }

    /// Notes who acted on an object, and whether two agents do.
    fn acts(&mut self, object: &ObjectId, life: u32) {
        if self.is_late(object, life) {
            self.rivalled.insert(object.clone(), self.journal.now());
        }
        let acted = (life, self.journal.now());
        self.acted_by.insert(object.clone(), acted);
    }

    /// What another agent has just done is no measure: one that was replaced acts for half a minute more (P11).
    fn is_late(&self, id: &ObjectId, life: u32) -> bool {
        let acted = self.acted_by.get(id);
        acted.is_some_and(|(by, at)| *by != life && self.journal.now() < *at + LAG)
    }

    /// Nothing of any Application goes with a namespace or a definition.
    fn delete_in_order(&mut self, sent: &Sent<'_>, object: &ObjectId) {
        let (api, life) = (sent.api, sent.life);
        let inside = |id: &ObjectId| match (object.group(), object.kind()) {
            ("", "Namespace") => id.namespace() == object.name(),
            ("apiextensions.k8s.io", "CustomResourceDefinition") => {
                definition_of(id).as_ref() == Some(object)
            }
            _ => false,
        };
        let left: Vec<ObjectId> = api
            .objects()
            .filter(|(id, live)| inside(id) && !is_deleting(live))
            .filter(|(id, live)| self.application_of(id, live).is_some() && !self.recently(id))
            // One whose managed fields were taken is not ours to delete.
            .filter(|(_, live)| owns_mark(live))
            .filter(|(id, _)| !self.is_late(id, life))
            .map(|(id, _)| id.clone())
            .collect();
        if let Some(first) = left.first() {
            self.broken("P9", format!("{object} is deleted before {first}"));
        }
    }

    fn is_of(&self, id: &ObjectId, live: &Node, name: &str) -> bool {
        self.application_of(id, live).as_deref() == Some(name)
    }

    /// The Application that the mark of an object of ours names.
    fn application_of(&self, id: &ObjectId, live: &Node) -> Option<String> {
        let text = |path: &[&str]| live.str_at(path).unwrap_or_default().to_owned();
        if text(&["metadata", "labels", "applyset.kubernetes.io/part-of"]) != self.applyset {
            return None;
        }
        let mark = text(&["metadata", "annotations", "muster.dev/applied"]);
        let mark = muster_model::marks::AppliedMark::parse(&mark)?;
        (mark.object == *id).then(|| mark.application.name.clone())
    }

    /// P2: counts a deletion that nobody approved.
    fn brake(
        &mut self,
        api: &ApiServer,
        (object, uid): (&ObjectId, &str),
        (name, hash, before): (&str, u64, usize),
    ) {
        let live = api
            .objects()
            .filter(|(id, live)| self.is_of(id, live, name))
            .count();
        let owned = api
            .objects()
            .filter(|(_, live)| {
                live.str_at(&["metadata", "labels", "applyset.kubernetes.io/part-of"])
                    == Some(self.applyset.as_str())
            })
            .count();
        let ledger = self.ledgers.entry((name.to_owned(), hash)).or_default();
        if ledger.uids.is_empty() {
            ledger.total = live.max(before);
        }
        ledger.uids.insert((object.clone(), uid.to_owned()));
        let (count, total) = (ledger.uids.len(), ledger.total);
        // What was refused, and is wanted under the next content again, is one object all the same.
        let everywhere: BTreeSet<_> = self.ledgers.values().flat_map(|l| &l.uids).collect();
        let everywhere = everywhere.len();
        let budget = |of: usize, (floor, percent): (usize, usize)| floor.max(of * percent / 100);
        let found = if is_precious(object) {
            Some("is of a kind that always needs an approval".to_owned())
        } else if count > budget(total, BUDGET) || count >= total {
            Some(format!("is number {count} of {total} under one release"))
        } else if everywhere > budget(owned + everywhere, CLUSTER_BUDGET) {
            Some(format!("is number {everywhere} of the cluster's {owned}"))
        } else {
            None
        };
        if let Some(found) = found {
            self.broken("P2", format!("{object} of {name} {found}"));
        }
    }

    /// Objects are let go only when the cluster leaves, or when an Application left that keeps its objects.
    fn release(&mut self, sent: &Sent<'_>, object: &ObjectId) {
        self.journal.reach("released");
        let name = sent
            .api
            .get(object)
            .and_then(|live| mark_of(&json::to_value(live)))
            .map(|mark| mark.application.name.clone());
        let permitted = self.candidates(sent.life).iter().any(|(_, view)| {
            let gone = name
                .as_deref()
                .is_none_or(|name| !view.applications.contains_key(name));
            let leaving = matches!(view.membership, Membership::Leaving { .. });
            view.sure && (leaving || gone)
        });
        if !permitted {
            self.broken(
                "P7",
                format!("{object} is let go though its Application stands"),
            );
        }
    }

    fn changed(&mut self, changes: &[Change]) {
        for change in changes {
            let Some(mark) = change.after.as_ref().and_then(|after| {
                let text = after.str_at(&["metadata", "annotations", "muster.dev/applied"])?;
                muster_model::marks::AppliedMark::parse(text)
            }) else {
                continue;
            };
            let key = (change.id.clone(), mark.digest);
            if let Some(content) = self.digests.get(&key) {
                self.achieved.insert((change.id.clone(), *content));
            }
        }
    }

    /// P10: what was accepted never goes back.
    fn stored(&mut self, parent: &Parent) {
        if parent.state.epoch != self.taken_over.epoch {
            self.taken_over = parent.state.clone();
        }
        let Some(now) = accepted_by(&parent.state) else {
            return;
        };
        let follows = |old: &_| {
            let serial = |id| self.hub.get(id).map_or(0, |(content, _)| content.serial);
            self.reaches(now, old) || serial(now) > serial(old)
        };
        match &self.recorded {
            Some(old) if !follows(old) => {
                let why = format!("{} is recorded after {}", now.short(), old.short());
                self.broken("P10", why);
            }
            _ => self.recorded = Some(now.clone()),
        }
    }

    pub(super) fn broken(&self, invariant: &'static str, what: String) {
        self.journal.violation(invariant, what);
    }
}

/// The definition that a custom object needs.
fn definition_of(id: &ObjectId) -> Option<ObjectId> {
    (id.group() == "example.com").then(|| {
        ObjectId::new(
            "apiextensions.k8s.io",
            "CustomResourceDefinition",
            "",
            "widgets.example.com",
        )
    })
}

/// True while a field manager of ours owns the mark.
fn owns_mark(live: &Node) -> bool {
    let entries = live.at_path(&["metadata", "managedFields"]);
    let entries = entries.and_then(Node::as_list).unwrap_or_default();
    entries.iter().any(|entry| {
        let mark = [
            "fieldsV1",
            "f:metadata",
            "f:annotations",
            "f:muster.dev/applied",
        ];
        entry.str_at(&["operation"]) == Some("Apply")
            && entry
                .str_at(&["manager"])
                .is_some_and(|m| m.starts_with("muster."))
            && entry.at_path(&mark).is_some()
    })
}

fn is_superseded(id: &ObjectId) -> bool {
    id.name().starts_with("settings-")
}

fn is_precious(id: &ObjectId) -> bool {
    let kinds = [
        "Namespace",
        "PersistentVolumeClaim",
        "CustomResourceDefinition",
        "StatefulSet",
    ];
    kinds.contains(&id.kind())
}

/// What was sent, without the agent's marks.
fn without_marks(mut body: Value) -> Value {
    let metadata = &mut body["metadata"];
    for (section, keys) in [
        (
            "labels",
            &["applyset.kubernetes.io/part-of", "muster.dev/application"][..],
        ),
        ("annotations", &["muster.dev/applied"][..]),
    ] {
        let Some(map) = metadata[section].as_object_mut() else {
            continue;
        };
        for key in keys {
            map.remove(*key);
        }
    }
    if let Some(map) = metadata.as_object_mut() {
        map.retain(|_, value| {
            value.as_object().is_none_or(|map| !map.is_empty()) && !value.is_null()
        });
    }
    body
}

/// What is wanted, without the fields that are left to others.
fn without(wanted: &Value, pointers: &[String]) -> Value {
    let pointers: BTreeSet<&str> = pointers.iter().map(String::as_str).collect();
    let mut out = wanted.clone();
    for pointer in pointers {
        let Some((above, key)) = pointer.rsplit_once('/') else {
            continue;
        };
        if let Some(map) = out.pointer_mut(above).and_then(Value::as_object_mut) {
            map.remove(key);
        }
    }
    out
}
