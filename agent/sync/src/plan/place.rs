//! Whether the cluster has a place for an object: its kind, its namespace, and a watch that would show it.

use std::collections::BTreeSet;

use muster_model::observed::NamespaceState;
use muster_model::{GroupKind, ObjectId, Problem, Reason};

use crate::context::Context;
use crate::desired::{DesiredObject, DesiredSet};

/// Whether an object can be looked at and applied.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// It is not known, and why if that is known.
    Unknown(Option<Problem>),
    /// It cannot be applied now.
    Blocked(Problem),
    /// It can.
    Ready {
        /// True when it cannot exist, because its namespace does not.
        known_absent: bool,
    },
}

/// What this very Application delivers of what its objects need.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    namespaces: BTreeSet<String>,
    kinds: BTreeSet<GroupKind>,
}

impl Delivered {
    pub(super) fn by(desired: &DesiredSet) -> Self {
        let objects = || desired.objects.iter();
        let namespaces = objects()
            .filter(|object| object.id == namespace_id(object.id.name()))
            .map(|object| object.id.name().to_owned());
        Self {
            namespaces: namespaces
                .chain(desired.policy.create_namespace.clone())
                .collect(),
            kinds: objects()
                .filter_map(|object| object.defines.clone())
                .collect(),
        }
    }
}

pub(super) fn of(object: &DesiredObject, delivered: &Delivered, context: &Context<'_>) -> Place {
    let observed = context.observed;
    let broken = |kind: &GroupKind| Place::Unknown(observed.broken.get(kind).cloned());
    let (Some(discovery), Some(namespaces)) = (&observed.discovery, &observed.namespaces) else {
        return broken(&GroupKind::new("", "Namespace"));
    };
    let kind = object.id.group_kind();
    match discovery.kinds.get(&kind) {
        None if discovery.failed_groups.contains(&kind.group) => {
            return blocked(
                Reason::DiscoveryIncomplete,
                format!("the API group of {} cannot be discovered", object.id),
            );
        }
        None => return Place::Blocked(unserved(object, delivered)),
        Some(served) if !served.versions.contains(&object.gvk.version) => {
            return Place::Blocked(unserved(object, delivered));
        }
        Some(_) => {}
    }
    if !observed.is_watched(&kind) {
        return broken(&kind);
    }
    if object.id.namespace().is_empty() {
        let known_absent = object.id == namespace_id(object.id.name())
            && !namespaces.contains_key(object.id.name());
        return Place::Ready { known_absent };
    }
    match namespaces.get(object.id.namespace()) {
        Some(state) if state.terminating => {
            Place::Blocked(terminating(object.id.namespace(), state))
        }
        Some(_) => Place::Ready {
            known_absent: false,
        },
        None if delivered.namespaces.contains(object.id.namespace()) => {
            Place::Ready { known_absent: true }
        }
        None => Place::Blocked(homeless(&object.id)),
    }
}

/// The namespace is going, and what is in its way: said once for all that is in it.
pub(super) fn terminating(name: &str, state: &NamespaceState) -> Problem {
    let mut what = format!("the namespace {name} is being deleted");
    if !state.held_by.is_empty() {
        what.push_str("; in its way: ");
        what.push_str(&state.held_by.join(", "));
    }
    Problem::new(Reason::NamespaceTerminating, what)
}

/// The namespace does not exist, and nobody makes it.
pub(super) fn homeless(id: &ObjectId) -> Problem {
    Problem::new(
        Reason::NamespaceMissing,
        format!("the namespace of {id} does not exist"),
    )
}

/// A kind that nobody serves yet: waited for, never a failure (HAZARDS.md P9).
fn unserved(object: &DesiredObject, delivered: &Delivered) -> Problem {
    if delivered.kinds.contains(&object.id.group_kind()) {
        Problem::new(
            Reason::WaitingForCrd,
            format!("{} waits until its definition is established", object.id),
        )
    } else {
        Problem::new(
            Reason::KindMissing,
            format!(
                "{} is {}/{}, which the API server does not serve",
                object.id,
                object.gvk.api_version(),
                object.gvk.kind
            ),
        )
    }
}

/// The id of a namespace.
pub(super) fn namespace_id(name: &str) -> ObjectId {
    ObjectId::new("", "Namespace", "", name)
}

fn blocked(reason: Reason, message: String) -> Place {
    Place::Blocked(Problem::new(reason, message))
}
