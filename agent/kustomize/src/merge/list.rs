//! Lists merged by keys.
//!
//! kustomize changes list entries through shared pointers, and its results depend on that where entries repeat a key or
//! lack one. Entries therefore live in an arena here, and lists are lists of places in it.

use muster_model::{Node, Value};

use super::{Directive, Known, Merger, Picked, list_directive};
use crate::failure::{Step, failed};
use crate::id::scalar_text;

/// What an object's list is merged with.
enum Other {
    /// Nothing: the patch does not speak of it.
    Nothing,
    /// Itself: it comes from the patch.
    Itself,
    /// The patch's entries.
    Entries(Vec<Node>),
}

/// The values of an entry under the merge keys; empty where it has none.
type Values = Vec<String>;

/// Entries of both lists, and the lists as places in it.
struct Arena {
    nodes: Vec<Node>,
}

impl<'s> Merger<'s> {
    pub(super) fn walk_list(
        self,
        object: Option<Node>,
        patch: Option<Node>,
        known: Known<'s>,
    ) -> Step<Picked> {
        let Some(mut object) = object.filter(|n| !n.is_null()) else {
            let Some(patch) = patch else {
                return Ok(Picked::Nothing);
            };
            // The object has no such list: the patch's own is merged with itself.
            return self.merge_own(patch, known).map(Picked::Patch);
        };
        let Some(mut patch) = patch else {
            let merged = self.merge_entries(take_list(&mut object), Other::Nothing, known)?;
            object.value = Value::List(merged);
            return Ok(Picked::Object(object));
        };
        if patch.is_null() {
            return Ok(Picked::Nothing);
        }
        let mut entries = take_list(&mut patch);
        match list_directive(&mut entries)? {
            Directive::Delete => Ok(Picked::Nothing),
            Directive::Replace => {
                patch.value = Value::List(entries);
                self.merge_own(patch, known).map(Picked::Patch)
            }
            Directive::Merge => {
                let merged =
                    self.merge_entries(take_list(&mut object), Other::Entries(entries), known)?;
                object.value = Value::List(merged);
                Ok(Picked::Object(object))
            }
        }
    }

    /// A list that the patch brings where the object has none.
    pub(super) fn absorb_list(self, mut node: Node, known: Known<'s>) -> Step<Option<Node>> {
        let mut entries = take_list(&mut node);
        let directive = list_directive(&mut entries)?;
        node.value = Value::List(entries);
        match directive {
            Directive::Delete => Ok(None),
            Directive::Merge | Directive::Replace => self.merge_own(node, known).map(Some),
        }
    }

    fn merge_own(self, mut node: Node, known: Known<'s>) -> Step<Node> {
        let merged = self.merge_entries(take_list(&mut node), Other::Itself, known)?;
        node.value = Value::List(merged);
        Ok(node)
    }

    /// Merges the entries. A list without a patch is merged all the same, which drops repeated keys.
    fn merge_entries(self, object: Vec<Node>, other: Other, known: Known<'s>) -> Step<Vec<Node>> {
        let objects: Vec<usize> = (0..object.len()).collect();
        let mut arena = Arena { nodes: object };
        let patches: Option<Vec<usize>> = match other {
            Other::Nothing => None,
            Other::Itself => Some(objects.clone()),
            Other::Entries(entries) => {
                let start = arena.nodes.len();
                arena.nodes.extend(entries);
                Some((start..arena.nodes.len()).collect())
            }
        };
        let (keys, element) = self.keys(&arena.nodes, known)?;
        let is_odd = |n: &&Node| !n.is_null() && n.as_map().is_none();
        if !keys.is_empty()
            && let Some(odd) = arena.nodes.iter().find(is_odd)
        {
            let message = format!(
                "a list that is merged by {} has {}, not a mapping",
                keys.join(", "),
                odd.shape()
            );
            return Err(failed(message).into());
        }
        let mut values = self.all_values(&arena, &objects, patches.as_deref(), &keys);
        if keys.len() > 1 {
            complete(&mut values);
        }
        let merged = self.merge_by_keys(&mut arena, objects, patches, &values, &keys, element)?;
        Ok(merged
            .into_iter()
            .map(|place| arena.nodes[place].clone())
            .collect())
    }

    fn merge_by_keys(
        self,
        arena: &mut Arena,
        mut objects: Vec<usize>,
        patches: Option<Vec<usize>>,
        values: &[Values],
        keys: &[String],
        element: Known<'s>,
    ) -> Step<Vec<usize>> {
        let mut fresh: Vec<usize> = Vec::new();
        let (mut valid_keys, mut valid_values): (Vec<String>, Values);
        let mut last_keys: Vec<String> = Vec::new();
        for tuple in values.iter().filter(|v| !v.is_empty()) {
            (valid_keys, valid_values) = present(values, tuple, keys);
            let (find_keys, find_values) = present(std::slice::from_ref(tuple), tuple, keys);
            let from_object = arena.find(&objects, &find_keys, &find_values);
            let from_patch = patches
                .as_ref()
                .and_then(|p| arena.find(p, &find_keys, &find_values));
            let place = self.merge_entry(arena, from_object, from_patch, element)?;
            last_keys.clone_from(&valid_keys);
            match place {
                Some(place) if !is_empty_map(&arena.nodes[place]) => {
                    arena.complete_keys(place, &valid_keys, &valid_values);
                    arena.set(&mut fresh, Some(place), &valid_keys, &valid_values)?;
                }
                Some(_) | None => arena.set(&mut objects, None, &valid_keys, &valid_values)?,
            }
        }
        if values.is_empty() {
            return Ok(objects);
        }
        match self.direction {
            super::Direction::Prepend => {
                arena.append(&mut fresh, &objects, &last_keys)?;
                Ok(fresh)
            }
            super::Direction::Append => {
                arena.append(&mut objects, &fresh, &last_keys)?;
                Ok(objects)
            }
        }
    }

    /// Merges one pair of entries; gives back the place of the result.
    fn merge_entry(
        self,
        arena: &mut Arena,
        object: Option<usize>,
        patch: Option<usize>,
        element: Known<'s>,
    ) -> Step<Option<usize>> {
        if let (Some(object), true) = (object, object == patch) {
            let node = std::mem::take(&mut arena.nodes[object]);
            let merged = self.absorb(node, element)?;
            let gone = merged.is_none();
            arena.nodes[object] = merged.unwrap_or_default();
            return Ok((!gone).then_some(object));
        }
        let node = object.map(|o| arena.nodes[o].clone());
        let change = patch.map(|p| arena.nodes[p].clone());
        if let Some(patch) = patch {
            // Directives are obeyed once: the entry may be looked up again under other keys.
            super::forget_directives(&mut arena.nodes[patch]);
        }
        match (self.walk(node, change, element)?, object, patch) {
            (Picked::Object(node), Some(place), _) | (Picked::Patch(node), _, Some(place)) => {
                arena.nodes[place] = node;
                Ok(Some(place))
            }
            (Picked::Nothing | Picked::Object(_) | Picked::Patch(_), _, _) => Ok(None),
        }
    }

    fn keys(self, entries: &[Node], known: Known<'s>) -> Step<(Vec<String>, Known<'s>)> {
        match known {
            Known::List(keys, element) => Ok((keys.to_vec(), Known::Type(element))),
            Known::Nothing | Known::Type(_) => {
                if entries.iter().all(|i| i.get("name").is_some()) {
                    Ok((vec!["name".to_owned()], Known::Nothing))
                } else {
                    Err(failed("the entries of a list have no common merge key").into())
                }
            }
        }
    }

    fn all_values(
        self,
        arena: &Arena,
        objects: &[usize],
        patches: Option<&[usize]>,
        keys: &[String],
    ) -> Vec<Values> {
        let patches = patches.unwrap_or_default();
        let lists = match self.direction {
            super::Direction::Prepend => [patches, objects],
            super::Direction::Append => [objects, patches],
        };
        let mut seen = std::collections::BTreeSet::new();
        let mut out = Vec::new();
        for place in lists.into_iter().flatten() {
            let node = &arena.nodes[*place];
            let values: Values = if keys.is_empty() {
                vec![scalar_text(node).into_owned()]
            } else {
                keys.iter()
                    .map(|key| node.get(key).map(key_text).unwrap_or_default())
                    .collect()
            };
            if seen.insert(values.clone()) {
                out.push(values);
            }
        }
        out
    }
}

impl Arena {
    /// The first entry whose keys have these values.
    fn find(&self, list: &[usize], keys: &[String], values: &[String]) -> Option<usize> {
        list.iter().copied().find(|place| {
            let node = &self.nodes[*place];
            if keys.first().is_none_or(String::is_empty) {
                return !matches!(node.value, Value::Map(_) | Value::List(_))
                    && values.first().is_some_and(|v| scalar_text(node) == *v);
            }
            keys.iter()
                .zip(values)
                .all(|(key, value)| node.get(key).is_some_and(|n| scalar_text(n) == *value))
        })
    }

    /// Gives an entry the keys it was merged by.
    fn complete_keys(&mut self, place: usize, keys: &[String], values: &[String]) {
        let Some(map) = self.nodes[place].as_map_mut() else {
            return;
        };
        for (key, value) in keys.iter().zip(values) {
            if !value.is_empty() && !map.contains_key(key) {
                let mut node = crate::scalars::untyped(value);
                crate::scalars::settle_type(&mut node);
                map.insert(&**key, node);
            }
        }
    }

    /// Replaces the entries whose keys have these values by one, or adds it; without one they are taken out.
    fn set(
        &self,
        list: &mut Vec<usize>,
        entry: Option<usize>,
        keys: &[String],
        values: &[String],
    ) -> Step<()> {
        let mapping_setter = keys.first().is_some_and(|k| !k.is_empty())
            && values.first().is_some_and(|v| !v.is_empty());
        let mut out = Vec::with_capacity(list.len() + 1);
        let mut found = false;
        for place in std::mem::take(list) {
            let node = &self.nodes[place];
            if node.is_null() || is_empty_map(node) {
                continue;
            }
            if !matches!(node.value, Value::Map(_)) && mapping_setter {
                out.push(place);
                continue;
            }
            if self.matches(node, keys, values)? {
                found = true;
                out.extend(entry);
            } else if !values.is_empty() {
                out.push(place);
            }
        }
        if !found {
            out.extend(entry.filter(|place| !self.nodes[*place].is_null()));
        }
        *list = out;
        Ok(())
    }

    fn matches(&self, node: &Node, keys: &[String], values: &[String]) -> Step<bool> {
        let scalar_key = String::new();
        let keys = if keys.is_empty() {
            std::slice::from_ref(&scalar_key)
        } else {
            keys
        };
        let mut matched = false;
        for (index, key) in keys.iter().enumerate() {
            if let Some(value) = values.get(index) {
                matched = match (key.is_empty(), &node.value) {
                    (true, Value::Map(_) | Value::List(_))
                    | (
                        false,
                        Value::List(_) | Value::Bool(_) | Value::Number(_) | Value::String(_),
                    ) => {
                        return Err(failed(format!(
                            "a list mixes {} with other entries",
                            node.shape()
                        ))
                        .into());
                    }
                    (true, _) => scalar_text(node) == *value,
                    (false, _) if value.is_empty() => node.get(key).is_some(),
                    (false, _) => node.get(key).is_some_and(|n| scalar_text(n) == *value),
                };
            }
            if !matched {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds `more` to `list`, each in the place of the entry with the same keys.
    fn append(&self, list: &mut Vec<usize>, more: &[usize], keys: &[String]) -> Step<()> {
        if keys.first().is_none_or(String::is_empty) {
            for place in more {
                let value = scalar_text(&self.nodes[*place]).into_owned();
                self.set(list, Some(*place), &[], &[value])?;
            }
            return Ok(());
        }
        for place in more {
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                match self.nodes[*place].get(key) {
                    Some(node) => values.push(scalar_text(node).into_owned()),
                    None => list.push(*place),
                }
            }
            if keys.len() > 1 {
                self.set(list, None, keys, &values)?;
            }
            self.set(list, Some(*place), keys, &values)?;
        }
        Ok(())
    }
}

fn key_text(node: &Node) -> String {
    match &node.value {
        Value::Map(_) | Value::List(_) | Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => scalar_text(node).into_owned(),
    }
}

fn take_list(node: &mut Node) -> Vec<Node> {
    match std::mem::take(&mut node.value) {
        Value::List(items) => items,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Map(_) => {
            Vec::new()
        }
    }
}

fn is_empty_map(node: &Node) -> bool {
    node.is_null() || node.as_map().is_some_and(muster_model::Map::is_empty)
}

/// The keys that any of `all` has a value for, and the values of `tuple` under them; all keys when none has.
fn present(all: &[Values], tuple: &[String], keys: &[String]) -> (Vec<String>, Values) {
    if keys.is_empty() {
        return (Vec::new(), tuple.to_vec());
    }
    let has: Vec<bool> = (0..keys.len())
        .map(|i| all.iter().any(|v| v.get(i).is_some_and(|x| !x.is_empty())))
        .collect();
    if has.iter().all(|h| !h) {
        return (keys.to_vec(), tuple.to_vec());
    }
    let pick = |list: &[String]| -> Vec<String> {
        list.iter()
            .zip(&has)
            .filter(|(_, h)| **h)
            .map(|(x, _)| x.clone())
            .collect()
    };
    (pick(keys), pick(tuple))
}

/// Entries that share a value and differ only where one has none count as one.
fn complete(all: &mut [Values]) {
    for i in 0..all.len() {
        // As it was before any other completed it.
        let one = all[i].clone();
        for j in 0..all.len() {
            if let Some(both) = joined(&one, &all[j]) {
                all[i].clone_from(&both);
                all[j] = both;
            }
        }
    }
}

fn joined(one: &[String], two: &[String]) -> Option<Values> {
    if one.len() != two.len() {
        return None;
    }
    let mut common = false;
    let mut out = Vec::with_capacity(one.len());
    for (a, b) in one.iter().zip(two) {
        if a == b {
            common = true;
        } else if !a.is_empty() && !b.is_empty() {
            return None;
        }
        out.push(if a.is_empty() { b.clone() } else { a.clone() });
    }
    common.then_some(out)
}
