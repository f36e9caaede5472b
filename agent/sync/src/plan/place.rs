//! Whether the cluster has a place for an object: its kind, its namespace, and a watch that would show it.

use muster_model::{ObjectId, Problem, Reason};

use crate::context::Context;
use crate::desired::{DesiredObject, DesiredSet};
use crate::order::defined_kind;

/// Whether an object can be looked at and applied.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// It is not known yet.
    Unknown,
    /// It cannot be applied now.
    Blocked(Problem),
    /// It can.
    Ready {
        /// True when it cannot exist, because its namespace does not.
        known_absent: bool,
    },
}

pub(super) fn of(object: &DesiredObject, desired: &DesiredSet, context: &Context<'_>) -> Place {
    let observed = context.observed;
    let (Some(discovery), Some(namespaces)) = (&observed.discovery, &observed.namespaces) else {
        return Place::Unknown;
    };
    let kind = object.id.group_kind();
    match discovery.kinds.get(&kind) {
        None if discovery.failed_groups.contains(&kind.group) => {
            return blocked(
                Reason::DiscoveryIncomplete,
                format!("the API group of {} cannot be discovered", object.id),
            );
        }
        None => return Place::Blocked(unserved(object, desired)),
        Some(served) if !served.versions.contains(&object.gvk.version) => {
            return Place::Blocked(unserved(object, desired));
        }
        Some(_) => {}
    }
    if !observed.synced_kinds.contains(&kind) {
        return Place::Unknown;
    }
    if object.id.namespace.is_empty() {
        let known_absent =
            object.id == namespace_id(&object.id.name) && !namespaces.contains_key(&object.id.name);
        return Place::Ready { known_absent };
    }
    match namespaces.get(&object.id.namespace) {
        Some(false) => Place::Ready {
            known_absent: false,
        },
        // What is already there may still be looked at.
        Some(true) => blocked(
            Reason::NamespaceTerminating,
            format!("the namespace of {} is being deleted", object.id),
        ),
        None if is_made(&object.id.namespace, desired) => Place::Ready { known_absent: true },
        None => Place::Blocked(homeless(&object.id)),
    }
}

/// The namespace does not exist, and nobody makes it.
pub(super) fn homeless(id: &ObjectId) -> Problem {
    Problem::new(
        Reason::NamespaceMissing,
        format!("the namespace of {id} does not exist"),
    )
}

/// A kind that nobody serves yet: waited for, never a failure (HAZARDS.md P9).
fn unserved(object: &DesiredObject, desired: &DesiredSet) -> Problem {
    let kind = object.id.group_kind();
    let delivered = desired
        .objects
        .iter()
        .any(|other| defined_kind(other.body()).as_ref() == Some(&kind));
    if delivered {
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

/// True for a namespace that this plan makes before anything in it.
fn is_made(namespace: &str, desired: &DesiredSet) -> bool {
    desired.policy.create_namespace.as_deref() == Some(namespace)
        || desired
            .objects
            .iter()
            .any(|object| object.id == namespace_id(namespace))
}

/// The id of a namespace.
pub(super) fn namespace_id(name: &str) -> ObjectId {
    ObjectId::new("", "Namespace", "", name)
}

fn blocked(reason: Reason, message: String) -> Place {
    Place::Blocked(Problem::new(reason, message))
}
