//! Fields left to other managers: replicas under an autoscaler, and `ignoreDifferences` (DESIGN.md section 5).
//!
//! They stay in what we apply while no other manager owns them, and are omitted once one does: a field whose only owner
//! we are would be deleted by an apply without it, and replicas would become 1.

use std::collections::BTreeSet;

use muster_model::observed::Record;
use muster_model::{Node, ObjectId};

use crate::context::Context;
use crate::coverage;
use crate::desired::{DesiredObject, DesiredSet};
use crate::ownership::fields_of;

/// The field an autoscaler sets.
const REPLICAS: &str = "/spec/replicas";

/// The fields of one object that are not ours alone to set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Yields {
    /// Not looked at when drift is judged.
    pub(crate) ignored: BTreeSet<String>,
    /// Left out of what is applied, because another manager owns them.
    pub(crate) omitted: Vec<String>,
}

/// The objects that an autoscaler rendered by Git, or live, scales.
pub(crate) fn scaled(desired: &DesiredSet, context: &Context<'_>) -> BTreeSet<ObjectId> {
    let rendered = desired
        .objects
        .iter()
        .filter_map(|object| object.scales.clone());
    let live = context.observed.objects.scale_targets().cloned();
    rendered.chain(live).collect()
}

/// Finds the fields of one live object that are left to its other managers.
pub(crate) fn yields(
    (object, body): (&DesiredObject, &Node),
    others: &[Foreign<'_>],
    scaled: &BTreeSet<ObjectId>,
    desired: &DesiredSet,
) -> Yields {
    let rules: Vec<_> = desired
        .policy
        .ignore_differences
        .iter()
        .filter(|rule| rule.covers(&object.id))
        .collect();
    let mut found = Yields::default();
    for pointer in rules.iter().flat_map(|rule| &rule.json_pointers) {
        found.add(pointer, true, body, others);
    }
    let named = |name: &str| {
        rules
            .iter()
            .any(|rule| rule.managers.iter().any(|m| m == name))
    };
    for other in others.iter().filter(|other| named(other.manager)) {
        for pointer in coverage::owned_leaves(&other.fields, body) {
            found.add(&pointer, true, body, others);
        }
    }
    if scaled.contains(&object.id) || others.iter().any(Foreign::is_autoscaler) {
        found.add(REPLICAS, false, body, others);
    }
    found.omitted.sort_unstable();
    found.omitted.dedup();
    found
}

impl Yields {
    /// True for a field that is ignored, or lies within one.
    pub(crate) fn ignores(&self, field: &str) -> bool {
        self.ignored.iter().any(|pointer| {
            field
                .strip_prefix(pointer.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Notes a field. `always`: its drift is ignored whoever caused it; else only while another manager owns it.
    fn add(&mut self, pointer: &str, always: bool, body: &Node, others: &[Foreign<'_>]) {
        if !is_set(body, pointer) {
            return;
        }
        let owned = others
            .iter()
            .any(|other| coverage::owns(&other.fields, body, pointer));
        if owned || always {
            self.ignored.insert(pointer.to_owned());
        }
        if owned {
            self.omitted.push(pointer.to_owned());
        }
    }
}

/// What another manager owns of the object itself.
pub(crate) struct Foreign<'a> {
    manager: &'a str,
    subresource: &'a str,
    pub(crate) fields: Node,
}

impl Foreign<'_> {
    /// An autoscaler that is not ours to watch still shows itself: the controller manager wrote the scale subresource.
    fn is_autoscaler(&self) -> bool {
        self.manager == "kube-controller-manager" && self.subresource == "scale"
    }
}

/// The other managers whose fields were kept.
pub(crate) fn foreign_fields<'a>(record: &'a Record, manager: &str) -> Vec<Foreign<'a>> {
    record
        .managers
        .iter()
        .filter(|entry| entry.manager != manager && entry.subresource != "status")
        .filter_map(|entry| {
            Some(Foreign {
                manager: &entry.manager,
                subresource: &entry.subresource,
                fields: fields_of(entry)?,
            })
        })
        .collect()
}

fn is_set(body: &Node, pointer: &str) -> bool {
    value_at(body, pointer).is_some()
}

/// The value under a JSON pointer.
fn value_at<'a>(body: &'a Node, pointer: &str) -> Option<&'a Node> {
    pointer
        .strip_prefix('/')?
        .split('/')
        .try_fold(body, |node, token| {
            let key = token.replace("~1", "/").replace("~0", "~");
            match node.as_list() {
                Some(items) => items.get(key.parse::<usize>().ok()?),
                None => node.get(&key),
            }
        })
}

/// Takes the field under a JSON pointer away.
pub(crate) fn remove(body: &mut Node, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        return;
    };
    let mut node = body;
    for token in parent.split('/').skip(1) {
        let key = token.replace("~1", "/").replace("~0", "~");
        let next = if node.as_list().is_some() {
            key.parse::<usize>()
                .ok()
                .and_then(|index| node.as_list_mut()?.get_mut(index))
        } else {
            node.as_map_mut().and_then(|map| map.get_mut(&key))
        };
        let Some(next) = next else {
            return;
        };
        node = next;
    }
    if let Some(map) = node.as_map_mut() {
        map.remove(&last.replace("~1", "/").replace("~0", "~"));
    }
}
