//! Whether our field manager still owns every field that Git sets: how drift is seen in metadata alone.
//!
//! A field that somebody else changed or removed leaves our entry of `metadata.managedFields`; one that somebody added
//! does not touch it. `fieldsV1` (structured-merge-diff, `fieldpath/serialize.go`) is a tree: `f:<name>` is a field,
//! `k:{…}` an item of a keyed list, `v:…` a member of a set, `i:<n>` an index, `.` the path itself. A path without
//! children is owned as a whole: a scalar, an empty value, or an atomic list or mapping.

use std::collections::BTreeSet;

use muster_model::{Node, Value, json};

/// What our entry says about the fields that Git sets. Paths are JSON pointers into the desired object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// Every one is ours.
    Full,
    /// These are not.
    Missing(Vec<String>),
    /// None is shown to be lost, but these cannot be told.
    Inconclusive(Vec<String>),
}

/// Top-level and metadata fields that are never in `fieldsV1`, or not ours to compare.
const NOT_OWNED: &[&str] = &[
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/status",
];

/// Most paths named.
const MAX_PATHS: usize = 16;

/// Compares our `fieldsV1` with the desired object.
#[must_use]
pub fn covers(fields_v1: &Node, desired: &Node) -> Coverage {
    covers_except(fields_v1, desired, &BTreeSet::new())
}

/// The same without the fields under these JSON pointers.
#[must_use]
pub fn covers_except(fields_v1: &Node, desired: &Node, ignored: &BTreeSet<String>) -> Coverage {
    let mut walk = Walk {
        ignored,
        at: String::new(),
        missing: Vec::new(),
        unclear: Vec::new(),
    };
    walk.value(fields_v1, desired);
    if !walk.missing.is_empty() {
        Coverage::Missing(walk.missing)
    } else if !walk.unclear.is_empty() {
        Coverage::Inconclusive(walk.unclear)
    } else {
        Coverage::Full
    }
}

/// True when `fields_v1` owns the field of `desired` that the pointer names, or something within it.
#[must_use]
pub fn owns(fields_v1: &Node, desired: &Node, pointer: &str) -> bool {
    let Some(rest) = pointer.strip_prefix('/') else {
        return false;
    };
    let (mut fields, mut value) = (fields_v1, desired);
    for token in rest.split('/') {
        let key = token.replace("~1", "/").replace("~0", "~");
        let step = match &value.value {
            Value::Map(map) => fields.get(&format!("f:{key}")).zip(map.get(&key)),
            Value::List(items) => key.parse::<usize>().ok().and_then(|index| {
                let found = Items::of(fields).find(items).into_iter().nth(index)?;
                match found {
                    Match::Found(fields) => Some((fields, items.get(index)?)),
                    Match::None | Match::Unclear => None,
                }
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        let Some((next_fields, next_value)) = step else {
            return false;
        };
        if is_leaf(next_fields) {
            return true;
        }
        (fields, value) = (next_fields, next_value);
    }
    true
}

/// JSON pointers of the desired fields that `fields_v1` owns, at their leaves.
#[must_use]
pub fn owned_leaves(fields_v1: &Node, desired: &Node) -> Vec<String> {
    let mut found = Vec::new();
    collect_owned(fields_v1, desired, &mut String::new(), &mut found);
    found
}

/// Fields of the desired object that `other` owns and `fields_v1` only through something above them. No manager owns a
/// part of what is owned as a whole, so that was a mapping or a list as such, as former managers' fields have it that
/// were folded into ours (HAZARDS.md T-83), and what was within it has been changed since.
#[must_use]
pub fn taken_from_within(fields_v1: &Node, desired: &Node, other: &Node) -> Vec<String> {
    let ours = owned_leaves(fields_v1, desired);
    let mut taken = owned_leaves(other, desired);
    taken.retain(|field| ours.iter().any(|above| is_below(field, above)));
    taken.truncate(MAX_PATHS);
    taken
}

fn is_below(pointer: &str, above: &str) -> bool {
    pointer
        .strip_prefix(above)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn collect_owned(fields: &Node, desired: &Node, at: &mut String, found: &mut Vec<String>) {
    if is_leaf(fields) {
        found.push(at.clone());
        return;
    }
    let children: Vec<(String, &Node, &Node)> = match &desired.value {
        Value::Map(map) => map
            .iter()
            .filter_map(|(key, value)| Some((escape(key), fields.get(&format!("f:{key}"))?, value)))
            .collect(),
        Value::List(items) => Items::of(fields)
            .find(items)
            .into_iter()
            .zip(items)
            .enumerate()
            .filter_map(|(index, (found, item))| match found {
                Match::Found(fields) => Some((index.to_string(), fields, item)),
                Match::None | Match::Unclear => None,
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (token, fields, value) in children {
        let length = at.len();
        at.push('/');
        at.push_str(&token);
        collect_owned(fields, value, at, found);
        at.truncate(length);
    }
}

struct Walk<'a> {
    ignored: &'a BTreeSet<String>,
    at: String,
    missing: Vec<String>,
    unclear: Vec<String>,
}

impl Walk<'_> {
    /// Compares one value with the fields under the same path.
    fn value(&mut self, fields: &Node, desired: &Node) {
        match &desired.value {
            Value::Map(map) => {
                for (key, value) in map.iter() {
                    self.under(&escape(key), |walk| {
                        walk.child(fields.get(&format!("f:{key}")), value);
                    });
                }
            }
            Value::List(items) => self.list(fields, items),
            // Owned in parts where Git sets a scalar: the schema is not what it seems.
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                if fields.as_map().is_none_or(|map| !map.contains_key(".")) {
                    self.unclear.push(self.at.clone());
                }
            }
            Value::Null => {}
        }
    }

    fn child(&mut self, fields: Option<&Node>, desired: &Node) {
        if self.is_exempt() || desired.is_null() {
            return;
        }
        match fields {
            Some(fields) if is_leaf(fields) => {}
            Some(fields) => self.value(fields, desired),
            // The server may drop an empty value altogether.
            None if is_hollow(desired) => self.unclear(),
            // Nothing below is ours, but some of it may be ignored.
            None if desired.as_map().is_some() => self.value(&Node::null(), desired),
            None if self.holds_ignored() => self.unclear(),
            None => self.lost(),
        }
    }

    /// True when an ignored field lies below.
    fn holds_ignored(&self) -> bool {
        self.ignored
            .iter()
            .any(|pointer| is_below(pointer, &self.at))
    }

    fn list(&mut self, fields: &Node, items: &[Node]) {
        let candidates = Items::of(fields);
        if candidates.is_empty() && !items.is_empty() {
            self.unclear();
            return;
        }
        for (index, (found, item)) in candidates.find(items).into_iter().zip(items).enumerate() {
            self.under(&index.to_string(), |walk| match found {
                Match::Found(fields) => walk.child(Some(fields), item),
                Match::None if walk.is_exempt() => {}
                Match::None => walk.lost(),
                Match::Unclear if walk.is_exempt() => {}
                Match::Unclear => walk.unclear(),
            });
        }
    }

    fn under(&mut self, token: &str, visit: impl FnOnce(&mut Self)) {
        if self.missing.len() >= MAX_PATHS {
            return;
        }
        let length = self.at.len();
        self.at.push('/');
        self.at.push_str(token);
        visit(self);
        self.at.truncate(length);
    }

    fn is_exempt(&self) -> bool {
        NOT_OWNED.contains(&self.at.as_str()) || self.ignored.contains(&self.at)
    }

    fn lost(&mut self) {
        self.missing.push(self.at.clone());
    }

    fn unclear(&mut self) {
        if self.unclear.len() < MAX_PATHS {
            self.unclear.push(self.at.clone());
        }
    }
}

/// What a list item is in `fieldsV1`.
#[derive(Debug, Clone, Copy)]
enum Match<'a> {
    Found(&'a Node),
    None,
    Unclear,
}

/// The items of a list that a manager owns.
struct Items<'a> {
    /// `k:` entries: the key fields, and what is owned within.
    keyed: Vec<(Node, &'a Node)>,
    /// `v:` entries.
    values: Vec<(Node, &'a Node)>,
    /// `i:` entries.
    indexed: Vec<(usize, &'a Node)>,
}

impl<'a> Items<'a> {
    fn of(fields: &'a Node) -> Self {
        let mut items = Self {
            keyed: Vec::new(),
            values: Vec::new(),
            indexed: Vec::new(),
        };
        let Some(map) = fields.as_map() else {
            return items;
        };
        for (key, value) in map.iter() {
            let read = |text: &str| json::from_slice(text.as_bytes()).ok();
            match key.split_once(':') {
                Some(("k", text)) => items.keyed.extend(read(text).map(|key| (key, value))),
                Some(("v", text)) => items.values.extend(read(text).map(|item| (item, value))),
                Some(("i", text)) => items.indexed.extend(text.parse().ok().map(|i| (i, value))),
                _ => {}
            }
        }
        items
    }

    fn is_empty(&self) -> bool {
        self.keyed.is_empty() && self.values.is_empty() && self.indexed.is_empty()
    }

    /// For each item its entry. Keys that an item does not set are defaulted by the server (a port's protocol): items
    /// that set all of an entry's keys take theirs first, the others choose from what is left.
    fn find(&self, items: &[Node]) -> Vec<Match<'a>> {
        if self.keyed.is_empty() {
            return items
                .iter()
                .enumerate()
                .map(|(index, item)| self.by_value(index, item))
                .collect();
        }
        let mut used = vec![false; self.keyed.len()];
        let exact: Vec<Option<usize>> = items
            .iter()
            .map(|item| {
                let found = (0..self.keyed.len())
                    .find(|&i| !used[i] && fits(&self.keyed[i].0, item) == Fit::Exact)?;
                used[found] = true;
                Some(found)
            })
            .collect();
        items
            .iter()
            .zip(exact)
            .map(|(item, exact)| match exact {
                Some(found) => Match::Found(self.keyed[found].1),
                None => self.by_defaults(item, &mut used),
            })
            .collect()
    }

    fn by_value(&self, index: usize, item: &Node) -> Match<'a> {
        let value = self.values.iter().find(|(value, _)| value == item);
        let indexed = self.indexed.iter().find(|(i, _)| *i == index);
        value
            .map(|(_, fields)| *fields)
            .or(indexed.map(|(_, fields)| *fields))
            .map_or(Match::None, Match::Found)
    }

    fn by_defaults(&self, item: &Node, used: &mut [bool]) -> Match<'a> {
        let open: Vec<usize> = (0..self.keyed.len())
            .filter(|&i| !used[i] && fits(&self.keyed[i].0, item) == Fit::Defaulted)
            .collect();
        let chosen = match open.as_slice() {
            [] => return Match::None,
            [only] => *only,
            several => match several
                .iter()
                .find(|&&i| has_known_defaults(&self.keyed[i].0, item))
            {
                Some(found) => *found,
                None => return Match::Unclear,
            },
        };
        used[chosen] = true;
        Match::Found(self.keyed[chosen].1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Exact,
    Defaulted,
    Differs,
}

/// How an item's fields fit the key fields of an entry.
fn fits(key: &Node, item: &Node) -> Fit {
    let Some(key) = key.as_map() else {
        return Fit::Differs;
    };
    let mut defaulted = false;
    for (name, value) in key.iter() {
        match item.get(name) {
            Some(found) if found == value => {}
            Some(_) => return Fit::Differs,
            None => defaulted = true,
        }
    }
    if defaulted {
        Fit::Defaulted
    } else {
        Fit::Exact
    }
}

/// True when every key field that the item does not set has the server's default: `protocol: TCP` is the only one that
/// the built-in kinds have.
fn has_known_defaults(key: &Node, item: &Node) -> bool {
    key.as_map().is_some_and(|key| {
        key.iter().all(|(name, value)| {
            item.get(name).is_some() || (name == "protocol" && value.as_str() == Some("TCP"))
        })
    })
}

/// Owned as a whole.
fn is_leaf(fields: &Node) -> bool {
    fields.as_map().is_some_and(muster_model::Map::is_empty)
}

/// An empty mapping or list, or one that holds nothing but such.
fn is_hollow(value: &Node) -> bool {
    match &value.value {
        Value::Map(map) => map
            .values()
            .all(|value| value.is_null() || is_hollow(value)),
        Value::List(items) => items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A key as a token of a JSON pointer (RFC 6901).
pub(crate) fn escape(key: &str) -> String {
    if key.contains(['~', '/']) {
        key.replace('~', "~0").replace('/', "~1")
    } else {
        key.to_owned()
    }
}

#[cfg(test)]
mod tests;
