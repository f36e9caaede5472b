//! Last known good: an Application whose newest release cannot be enforced stays at the one that can (P4).

use muster_model::status::ClusterState;

use crate::desire::Desired;

/// What is in force now, from what Git says and what was in force before.
///
/// An Application that Git no longer names is gone only when every ApplicationSet could be evaluated; a cluster that the
/// fleet file no longer names keeps everything (HAZARDS.md T-65).
#[must_use]
pub fn settle(mut next: Desired, previous: Option<&Desired>) -> Desired {
    let Some(previous) = previous else {
        return next;
    };
    let unassigned = next.state == ClusterState::Unassigned;
    for (key, before) in &previous.applications {
        let Some(content) = &before.content else {
            continue;
        };
        let (set, parent) = (before.set.as_deref(), before.parent.as_deref());
        let in_doubt = unassigned || next.incomplete.covers(set, parent, &key.name);
        match next.applications.get_mut(key) {
            Some(now) => now.keep(content),
            None if in_doubt => {
                next.applications.insert(key.clone(), before.clone());
            }
            None => {}
        }
    }
    next
}
