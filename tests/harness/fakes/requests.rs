//! Each effect as the API server answers it.

use muster::ports::{Parent, Swap};
use muster_model::effect::{Effect, Outcome};
use muster_model::observed::Record;
use muster_model::{Node, ObjectId, Reason, marks};
use muster_sync::{reduce, reduce_response};

use super::api_server::{ApiError, Deleted};
use super::cluster::{Sight, State, outcome_of};
use super::faults::Failure;
use super::invariants;
use super::managed::{self, metadata_mut};
use super::write::{Write, WriteResult};

/// The value of the label that makes an object a member of an ApplySet.
pub(super) fn part_of(object: &Node) -> Option<&str> {
    object.str_at(&["metadata", "labels", marks::APPLYSET_PART_OF])
}

/// An object as watches and reads see it: metadata alone, except for kinds whose health is assessed.
pub(super) fn seen(id: &ObjectId, object: &Node) -> Record {
    if muster_sync::health::is_assessed(id.group(), id.kind()) {
        return reduce(object);
    }
    let kept = ["apiVersion", "kind", "metadata"];
    let partial = kept
        .iter()
        .filter_map(|key| Some((*key, object.get(key)?.clone())));
    reduce(&Node::map(partial.collect()))
}

/// Answers a probe.
pub(super) fn probe(state: &State, objects: &[ObjectId]) -> Outcome {
    if state.away {
        return failed(Failure::TimeoutBefore);
    }
    let mut found: Vec<(ObjectId, Record)> = Vec::new();
    let mut absent = Vec::new();
    for id in objects {
        let live = match &state.stale {
            Some(backup) => backup.api.get(id),
            None => state.api.get(id),
        };
        if state.stale.is_some() && live != state.api.get(id) {
            state.journal.reach("stale read of an object");
        }
        match live {
            Some(object) => found.push((id.clone(), seen(id, object))),
            None => absent.push(id.clone()),
        }
    }
    Outcome::Probed { found, absent }
}

/// Answers an audit: an apply to a copy of everything.
pub(super) fn audit(state: &State, object: &ObjectId, body: Option<&Node>) -> Outcome {
    if state.away {
        return failed(Failure::TimeoutBefore);
    }
    let (Some(live), Some(body)) = (state.api.get(object), body) else {
        return Outcome::Conflict;
    };
    let mut copy = state.api.clone();
    match copy.apply(object, body, &state.identity.manager, true) {
        Ok(applied) => {
            let (drifted, mutated) = muster_sync::audit::compare(body, live, &applied);
            Outcome::Audited { drifted, mutated }
        }
        Err(error) => outcome_of(error),
    }
}

/// Carries out an effect that writes.
pub(super) fn act(state: &mut State, effect: &Effect, body: Option<&Node>) -> Outcome {
    invariants::before_effect(state, effect, body);
    let before = state.api.revision();
    let done = match effect {
        Effect::Probe { objects } => return probe(state, objects),
        Effect::Audit { object, .. } => return audit(state, object, body),
        Effect::Apply { object, force, .. } => apply(state, object, body, *force),
        Effect::Delete {
            object,
            uid,
            resource_version,
            propagation,
        } => {
            match state
                .api
                .delete(object, Some(uid), Some(resource_version), *propagation)
            {
                Ok(Deleted::Gone) | Err(ApiError::NotFound) => Ok(Outcome::Gone),
                Ok(Deleted::Deleting) => Ok(Outcome::Deleting),
                Err(error) => Err(error),
            }
        }
        Effect::Release {
            object,
            uid,
            resource_version,
        } => release(state, object, uid, resource_version),
        Effect::Adopt {
            object,
            resource_version,
            managers,
        } => adopt(state, object, resource_version, managers),
    };
    let changed = state.api.revision() != before;
    let outcome = done.unwrap_or_else(outcome_of);
    invariants::count_refused_delete(state, effect, &outcome);
    let result = match &outcome {
        Outcome::Failed { code, .. } => WriteResult::Refused(*code),
        Outcome::Conflict => WriteResult::Refused(409),
        _ if changed => WriteResult::Changed,
        _ => WriteResult::Unchanged,
    };
    state.writes.push(Write {
        effect: effect.clone(),
        result,
    });
    state.settle();
    outcome
}

fn apply(
    state: &mut State,
    object: &ObjectId,
    body: Option<&Node>,
    force: bool,
) -> Result<Outcome, ApiError> {
    let body = body.ok_or(ApiError::BadRequest("no body"))?;
    let manager = state.identity.manager.clone();
    let live = state.api.apply(object, body, &manager, force)?;
    Ok(Outcome::Applied(Box::new(reduce_response(body, &live))))
}

/// The marks go, and with them our entry; everything else stays.
fn release(
    state: &mut State,
    object: &ObjectId,
    uid: &str,
    version: &str,
) -> Result<Outcome, ApiError> {
    let live = state.api.get(object).ok_or(ApiError::NotFound)?;
    if live.str_at(&["metadata", "uid"]) != Some(uid) {
        return Err(ApiError::Conflict);
    }
    check_version(live, version)?;
    let manager = state.identity.manager.clone();
    let next = state.api.rewrite(object, |object| {
        managed::disown(object, &manager);
        let Some(metadata) = metadata_mut(object) else {
            return;
        };
        for (section, key) in [
            ("labels", marks::APPLYSET_PART_OF),
            ("labels", marks::APPLICATION),
            ("annotations", marks::APPLIED),
        ] {
            if let Some(section) = metadata.get_mut(section).and_then(Node::as_map_mut) {
                section.remove(key);
            }
        }
        for section in ["labels", "annotations"] {
            let empty = metadata
                .get(section)
                .and_then(Node::as_map)
                .is_some_and(|map| map.is_empty());
            if empty {
                metadata.remove(section);
            }
        }
    })?;
    Ok(Outcome::Patched(Box::new(seen(object, &next))))
}

fn adopt(
    state: &mut State,
    object: &ObjectId,
    version: &str,
    managers: &[String],
) -> Result<Outcome, ApiError> {
    check_version(state.api.get(object).ok_or(ApiError::NotFound)?, version)?;
    let manager = state.identity.manager.clone();
    let next = state
        .api
        .rewrite(object, |object| managed::fold(object, &manager, managers))?;
    Ok(Outcome::Patched(Box::new(seen(object, &next))))
}

fn check_version(live: &Node, version: &str) -> Result<(), ApiError> {
    if live.str_at(&["metadata", "resourceVersion"]) == Some(version) {
        Ok(())
    } else {
        Err(ApiError::Conflict)
    }
}

/// The parent's compare-and-swap.
pub(super) fn swap_parent(state: &mut State, next: &Parent) -> Swap {
    let version = state
        .parent
        .as_ref()
        .map_or("", |parent| parent.resource_version.as_str());
    if version != next.resource_version {
        return Swap::Lost;
    }
    let stored = store_parent(state, next.clone());
    state.settle();
    Swap::Stored(stored)
}

/// Stores the parent under a new version.
pub(super) fn store_parent(state: &mut State, mut parent: Parent) -> String {
    state.parent_writes += 1;
    let version = state.api.next_revision().to_string();
    parent.resource_version.clone_from(&version);
    invariants::check_parent(state, &parent);
    if let Some(inspector) = &mut state.inspector {
        inspector(&Sight::Parent(&parent));
    }
    state.parent = Some(parent);
    version
}

/// How an agent hears of an injected failure.
pub(super) fn failed(failure: Failure) -> Outcome {
    let (reason, code, message, retry_after) = match failure {
        Failure::Conflict => return Outcome::Conflict,
        Failure::Forbidden => (Reason::Forbidden, 403, "not allowed", None),
        Failure::Invalid => (Reason::Invalid, 422, "invalid", None),
        Failure::Throttled(seconds) => (
            Reason::ApiThrottled,
            429,
            "too many requests",
            Some(seconds),
        ),
        Failure::Server => (Reason::ApplyFailed, 500, "internal error", None),
        Failure::TimeoutBefore | Failure::TimeoutAfter => {
            (Reason::ApiUnreachable, 0, "no answer", None)
        }
    };
    Outcome::Failed {
        reason,
        code,
        message: message.to_owned(),
        retry_after,
    }
}
