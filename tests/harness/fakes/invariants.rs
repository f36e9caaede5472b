//! What must hold after every write (HAZARDS.md section 1), watched from the cluster's side.

use std::time::Duration;

use muster::ports::Parent;
use muster_model::effect::{Cause, Effect, Outcome};
use muster_model::marks::{self, AppliedMark};
use muster_model::{Node, ObjectId};

use super::cluster::{FakeCluster, State};
use super::field_set::{Element, FieldSet};
use super::managed::{Owner, owners};
use super::requests::part_of;

/// P8: how often a delete may meet a conflict in a row.
const MAX_CONFLICTS: u32 = 3;
/// A delete that is sent again after so long is a new attempt.
const PAUSE: Duration = Duration::from_secs(1);

/// Fails the test when an invariant was broken at any moment so far.
///
/// # Panics
/// When one was.
pub fn assert_invariants(cluster: &FakeCluster) {
    let violations = cluster.violations();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// True when an object is the agent's by every test of DESIGN.md section 5.
pub(super) fn is_ours(state: &State, id: &ObjectId, object: &Node) -> bool {
    part_of(object) == Some(state.identity.applyset().as_str())
        && mark(object).is_some_and(|mark| mark.object == *id)
        && owns_mark(object, &state.identity.manager)
        && !has_controller(object)
}

fn mark(object: &Node) -> Option<AppliedMark> {
    AppliedMark::parse(object.str_at(&["metadata", "annotations", marks::APPLIED])?)
}

fn owns_mark(object: &Node, manager: &str) -> bool {
    let all = owners(object);
    let path = ["metadata", "annotations", marks::APPLIED];
    let found = all.get(&Owner::apply(manager)).and_then(|set| {
        path.iter().try_fold(set, |set: &FieldSet, name| {
            set.children.get(&Element::Field((*name).to_owned()))
        })
    });
    found.is_some_and(|set| set.member)
}

fn has_controller(object: &Node) -> bool {
    let owners = object
        .at_path(&["metadata", "ownerReferences"])
        .and_then(Node::as_list);
    owners
        .unwrap_or_default()
        .iter()
        .any(|owner| owner.get("controller").and_then(Node::as_bool) == Some(true))
}

/// True when a controller, another ApplySet or Helm says that the object is its own.
fn is_claimed(object: &Node) -> bool {
    let helm = object.str_at(&["metadata", "labels", "app.kubernetes.io/managed-by"]);
    has_controller(object) || part_of(object).is_some() || helm == Some("Helm")
}

/// P5: the parent declares the kind and namespace of everything that carries our mark.
pub(super) fn after_change(state: &mut State) {
    if let Some(parent) = state.parent.clone() {
        check_parent(state, &parent);
    } else if state
        .api
        .objects()
        .any(|(id, object)| is_ours(state, id, object))
    {
        state
            .violations
            .push("P5: objects carry our mark and there is no parent".to_owned());
    }
}

/// P5, for a parent about to be stored.
pub(super) fn check_parent(state: &mut State, parent: &Parent) {
    let own = state.identity.namespace.clone();
    let lost: Vec<String> = state
        .api
        .objects()
        .filter(|(id, object)| is_ours(state, id, object))
        .filter(|(id, _)| {
            let kind = parent.scope.kinds.contains(&id.group_kind());
            let namespace = id.namespace().is_empty()
                || id.namespace() == own
                || parent.scope.namespaces.contains(id.namespace());
            !(kind && namespace)
        })
        .map(|(id, _)| format!("P5: {id} carries our mark and the parent does not lead to it"))
        .collect();
    state.violations.extend(lost);
    let size = serde_json::to_vec(&parent.state).map_or(usize::MAX, |json| json.len());
    if size > muster_model::agent_state::MAX_BYTES {
        state
            .violations
            .push(format!("R1: the agent's state has {size} bytes"));
    }
}

/// P7: what an effect may touch, looked at before it is carried out.
pub(super) fn before_effect(state: &mut State, effect: &Effect, body: Option<&Node>) {
    let found = match effect {
        Effect::Probe { .. } | Effect::Audit { .. } => None,
        Effect::Apply { object, .. } if is_home(object, body) => None,
        Effect::Apply {
            object, yielded, ..
        } => check_body(state, object, body, yielded),
        Effect::Delete {
            object,
            uid,
            resource_version,
            ..
        }
        | Effect::Release {
            object,
            uid,
            resource_version,
        } => check_owned(state, object, (uid, resource_version)),
        Effect::Adopt { .. } => None,
    };
    if let Some(found) = found {
        state.violations.push(format!("P7: {found}: {effect:?}"));
    }
}

/// P7: nothing is taken by force from others. Looked at when it is sent and when it is carried out: it is wrong when it
/// was so at both moments, for somebody may take an object while a request for it is on its way.
pub(super) fn forces(state: &State, effect: &Effect, body: Option<&Node>) -> Option<String> {
    match effect {
        Effect::Apply {
            object,
            force,
            cause,
            ..
        } if !is_home(object, body) => check_force(state, object, *force, *cause),
        _ => None,
    }
}

/// The namespace that an Application makes for itself: nothing but a name, labels and annotations, and no mark.
fn is_home(object: &ObjectId, body: Option<&Node>) -> bool {
    let only = |node: Option<&Node>, keys: &[&str]| {
        let map = node.and_then(Node::as_map);
        map.is_some_and(|map| map.keys().all(|key| keys.contains(&key)))
    };
    object.group_kind().is("", "Namespace")
        && only(body, &["apiVersion", "kind", "metadata"])
        && only(
            body.and_then(|b| b.get("metadata")),
            &["name", "labels", "annotations"],
        )
        && body.is_some_and(|body| part_of(body).is_none() && mark(body).is_none())
}

fn check_body(
    state: &State,
    object: &ObjectId,
    body: Option<&Node>,
    yielded: &[String],
) -> Option<String> {
    let Some(body) = body else {
        return Some("an apply without a body".to_owned());
    };
    let gvk = muster_model::Gvk::parse(
        body.str_at(&["apiVersion"]).unwrap_or_default(),
        body.str_at(&["kind"]).unwrap_or_default(),
    );
    let metadata = |key| body.str_at(&["metadata", key]).unwrap_or_default();
    let named = ObjectId::new(gvk.group, gvk.kind, metadata("namespace"), metadata("name"));
    if named != *object {
        return Some(format!("the body is of {named}"));
    }
    if part_of(body) != Some(state.identity.applyset().as_str()) {
        return Some("the body lacks the part-of label".to_owned());
    }
    if mark(body).is_none_or(|mark| mark.object != *object) {
        return Some("the body's mark does not name the object".to_owned());
    }
    let sent = |pointer: &&String| {
        muster_model::json::to_value(body)
            .pointer(pointer)
            .is_some()
    };
    yielded
        .iter()
        .find(sent)
        .map(|pointer| format!("{pointer} is yielded and sent"))
}

fn check_force(state: &State, object: &ObjectId, force: bool, cause: Cause) -> Option<String> {
    let live = state.api.get(object)?;
    let adopting = matches!(cause, Cause::Adoption);
    let foreign = !is_ours(state, object, live);
    // Its label, or our managed fields, may have been taken off: then the mark and the other of the two tell.
    let labelled = part_of(live) == Some(state.identity.applyset().as_str());
    let named = mark(live).is_some_and(|mark| mark.object == *object);
    let marked =
        named && (labelled || owns_mark(live, &state.identity.manager)) && !has_controller(live);
    // What nobody claims may be taken over. Whoever reads an old answer, or missed an event, may take it for what is
    // ours still.
    let let_go = (named || state.stale.is_some()) && !is_claimed(live);
    (force && foreign && !marked && !adopting && !let_go)
        .then(|| format!("force on {object}, which is not ours"))
}

/// What was seen before the object changed is refused by the server, and does no harm.
fn check_owned(state: &State, object: &ObjectId, (uid, version): (&str, &str)) -> Option<String> {
    let live = state.api.get(object)?;
    let same = live.str_at(&["metadata", "uid"]) == Some(uid)
        && live.str_at(&["metadata", "resourceVersion"]) == Some(version);
    (same && !is_ours(state, object, live)).then(|| format!("{object} is not ours"))
}

/// P8: a delete that meets conflicts is not sent for ever.
pub(super) fn count_refused_delete(state: &mut State, effect: &Effect, outcome: &Outcome) {
    let Effect::Delete { object, uid, .. } = effect else {
        return;
    };
    let key = (object.clone(), uid.clone());
    if *outcome != Outcome::Conflict {
        state.refused_deletes.remove(&key);
        return;
    }
    let now = state.journal.now();
    let (times, last) = state.refused_deletes.entry(key).or_default();
    // After a pause it is another attempt.
    *times = if now < *last + PAUSE { *times + 1 } else { 1 };
    *last = now;
    if *times > MAX_CONFLICTS {
        let times = *times;
        state
            .violations
            .push(format!("P8: {object} met {times} conflicts in a row"));
    }
}
