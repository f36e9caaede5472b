//! Mappings: members in the order they were written.

use std::collections::BTreeMap;

use super::{Node, Span};

/// A mapping in the order it was written. Keys are unique.
#[derive(Debug, Clone, Default)]
pub struct Map {
    entries: Vec<Member>,
}

/// One member of a mapping.
#[derive(Debug, Clone)]
pub struct Member {
    /// The key.
    pub key: Box<str>,
    /// Where the key was written.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Map {
    /// An empty mapping.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A mapping of members; a key that comes again keeps its first place and gets the last value.
    #[must_use]
    pub fn from_members(members: Vec<Member>) -> Self {
        if first_repeat(&members).is_none() {
            return Self::from_unique(members);
        }
        let mut places: BTreeMap<Box<str>, usize> = BTreeMap::new();
        let mut kept: Vec<Member> = Vec::with_capacity(members.len());
        for member in members {
            let place = *places.entry(member.key.clone()).or_insert(kept.len());
            match kept.get_mut(place) {
                Some(earlier) => earlier.value = member.value,
                None => kept.push(member),
            }
        }
        Self::from_unique(kept)
    }

    /// A mapping of members with different keys: for readers that checked.
    #[must_use]
    pub fn from_unique(members: Vec<Member>) -> Self {
        Self { entries: members }
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries
            .iter()
            .find(|m| &*m.key == key)
            .map(|m| &m.value)
    }

    /// The value under `key`, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries
            .iter_mut()
            .find(|m| &*m.key == key)
            .map(|m| &mut m.value)
    }

    /// The member with `key`.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Member> {
        self.entries.iter().find(|m| &*m.key == key)
    }

    /// True when `key` is there.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets `key`, in place when it is there, else at the end; gives back the old value.
    pub fn insert(&mut self, key: impl Into<Box<str>>, value: Node) -> Option<Node> {
        let key = key.into();
        match self.get_mut(&key) {
            Some(old) => Some(std::mem::replace(old, value)),
            None => {
                self.entries.push(Member {
                    key,
                    key_span: Span::NONE,
                    value,
                });
                None
            }
        }
    }

    /// Adds a member without looking whether the key is there: for readers that checked.
    pub fn push_unchecked(&mut self, member: Member) {
        self.entries.push(member);
    }

    /// Takes `key` away, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let index = self.entries.iter().position(|m| &*m.key == key)?;
        Some(self.entries.remove(index).value)
    }

    /// The value under `key`, made by `make` when it is not there.
    pub fn get_or_insert_with(&mut self, key: &str, make: impl FnOnce() -> Node) -> &mut Node {
        let index = self
            .entries
            .iter()
            .position(|m| &*m.key == key)
            .unwrap_or_else(|| {
                self.entries.push(Member {
                    key: key.into(),
                    key_span: Span::NONE,
                    value: make(),
                });
                self.entries.len() - 1
            });
        &mut self.entries[index].value
    }

    /// Keeps the members `keep` says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Node) -> bool) {
        self.entries.retain_mut(|m| keep(&m.key, &mut m.value));
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Node)> + ExactSizeIterator {
        self.entries.iter().map(|m| (&*m.key, &m.value))
    }

    /// Keys and values in order, values to change.
    pub fn iter_mut(
        &mut self,
    ) -> impl DoubleEndedIterator<Item = (&str, &mut Node)> + ExactSizeIterator {
        self.entries.iter_mut().map(|m| (&*m.key, &mut m.value))
    }

    /// Members in order, with the places of the keys.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.entries
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|m| &*m.key)
    }

    /// The values in order.
    pub fn values(&self) -> impl Iterator<Item = &Node> {
        self.entries.iter().map(|m| &m.value)
    }

    fn sorted(&self) -> Vec<&Member> {
        let mut members: Vec<_> = self.entries.iter().collect();
        members.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        members
    }

    /// The members, by value.
    #[must_use]
    pub fn into_members(self) -> Vec<Member> {
        self.entries
    }
}

impl PartialEq for Map {
    /// Equal when the same keys have equal values; order does not count.
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        // Most often the order is the same, too; and looking up each key of a large mapping would take too long.
        let same = |(a, b): (&Member, &Member)| a.key == b.key && a.value == b.value;
        let same_order = self
            .entries
            .iter()
            .zip(&other.entries)
            .all(|(a, b)| a.key == b.key);
        if same_order {
            return self.entries.iter().zip(&other.entries).all(same);
        }
        self.sorted().into_iter().zip(other.sorted()).all(same)
    }
}

impl<K: Into<Box<str>>> FromIterator<(K, Node)> for Map {
    /// A key that comes again keeps its first place and gets the last value.
    fn from_iter<I: IntoIterator<Item = (K, Node)>>(items: I) -> Self {
        let members = items.into_iter().map(|(key, value)| Member {
            key: key.into(),
            key_span: Span::NONE,
            value,
        });
        Self::from_members(members.collect())
    }
}

/// Mappings up to this size are compared pair by pair, which is faster than sorting. Measured.
const FEW: usize = 16;

/// The first member whose key was there before, and the earlier one.
pub(crate) fn first_repeat(members: &[Member]) -> Option<(&Member, &Member)> {
    if members.len() <= FEW {
        return members.iter().enumerate().find_map(|(index, member)| {
            let earlier = members.iter().take(index);
            let first = earlier.into_iter().find(|other| other.key == member.key)?;
            Some((first, member))
        });
    }
    let mut sorted: Vec<(usize, &Member)> = members.iter().enumerate().collect();
    sorted.sort_by(|(_, a), (_, b)| a.key.cmp(&b.key));
    sorted
        .windows(2)
        .filter(|pair| pair[0].1.key == pair[1].1.key)
        .min_by_key(|pair| pair[1].0)
        .map(|pair| (pair[0].1, pair[1].1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_equal_whatever_their_order() {
        let one: Map = [("a", Node::int(1)), ("b", Node::int(2))]
            .into_iter()
            .collect();
        let two: Map = [("b", Node::int(2)), ("a", Node::int(1))]
            .into_iter()
            .collect();
        assert_eq!(one, two);
    }

    #[test]
    fn a_key_that_comes_again_keeps_its_place_and_gets_the_last_value() {
        for count in [3, 40] {
            let keys = (0..count)
                .chain([1])
                .map(|n| (format!("k{n}"), Node::int(n)));
            let members: Vec<_> = keys.collect();
            let mut map: Map = members.clone().into_iter().collect();
            assert_eq!(map.len(), usize::try_from(count).unwrap_or(0));
            map.insert("k1", Node::int(7));
            let second = map.members().get(1).map(|m| (&*m.key, m.value.as_int()));
            assert_eq!(second, Some(("k1", Some(7))));
        }
    }

    #[test]
    fn large_maps_are_compared_in_reasonable_time() {
        let forward: Map = (0..100_000)
            .map(|n| (format!("k{n}"), Node::int(n)))
            .collect();
        let backward: Map = (0..100_000)
            .rev()
            .map(|n| (format!("k{n}"), Node::int(n)))
            .collect();
        assert_eq!(forward, backward);
    }
}
