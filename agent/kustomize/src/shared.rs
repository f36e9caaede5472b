//! Values that kustomize keeps once for several fields.
//!
//! When kustomize adds a label (or annotation) that an object does not have, all the fields it adds it to share one value
//! in memory. Whatever changes one of them later, in another kustomization or by a patch, changes them all: a patch of
//! `metadata.labels` also changes the selectors that `commonLabels` of a base made. Here such a value carries the number
//! of its group, and after every step the fields of a group are made equal again.

use muster_model::{Node, Span, Value};

/// The groups of one object: what the fields of each hold, by number less one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups(Vec<Node>);

impl Groups {
    /// Starts a group; the node goes to every field of it.
    pub(crate) fn start(&mut self, value: Node) -> Node {
        let number = u32::try_from(self.0.len() + 1).unwrap_or(0);
        self.0.push(value.clone());
        value.at(Span {
            source: number,
            ..Span::NONE
        })
    }

    /// Makes the fields of every group equal, where a step changed some of them.
    pub(crate) fn settle(&mut self, node: &mut Node) {
        let mut changed = vec![None; self.0.len()];
        self.find_changes(node, &mut changed);
        if changed.iter().any(Option::is_some) {
            write(node, &changed);
            for (value, change) in self.0.iter_mut().zip(changed) {
                if let Some(change) = change {
                    *value = change;
                }
            }
        }
    }

    /// The last change of each group, in the order kustomize walks an object.
    fn find_changes(&self, node: &Node, changed: &mut [Option<Node>]) {
        match &node.value {
            Value::Map(map) => {
                let mut members: Vec<_> = map.iter().collect();
                members.sort_unstable_by_key(|(key, _)| *key);
                for (_, value) in members {
                    self.find_changes(value, changed);
                }
            }
            Value::List(items) => items.iter().for_each(|n| self.find_changes(n, changed)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let Some(index) = group_of(node) else { return };
                if self.0.get(index).is_some_and(|value| value != node)
                    && let Some(change) = changed.get_mut(index)
                {
                    *change = Some(Node::new(node.value.clone()));
                }
            }
        }
    }
}

/// A value that takes the place of another belongs to the other's group.
pub(crate) fn keep_group(old: &Node, new: &mut Node) {
    if group_of(old).is_some() {
        new.span.source = old.span.source;
    }
}

fn group_of(node: &Node) -> Option<usize> {
    usize::try_from(node.span.source).ok()?.checked_sub(1)
}

fn write(node: &mut Node, changed: &[Option<Node>]) {
    match group_of(node).and_then(|index| changed.get(index)) {
        Some(Some(change)) => node.value = change.value.clone(),
        _ => match &mut node.value {
            Value::Map(map) => map.iter_mut().for_each(|(_, n)| write(n, changed)),
            Value::List(items) => items.iter_mut().for_each(|n| write(n, changed)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        },
    }
}
