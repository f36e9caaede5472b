//! The names of all Applications of a fleet, to find those that are there twice: in one piece, since there may be
//! hundreds of thousands.

use std::collections::BTreeMap;

use super::Owner;

/// Names and who gives them.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// All names, one behind the other.
    text: String,
    given: Vec<Given>,
    owners: Vec<Owner>,
}

#[derive(Debug, Clone, Copy)]
struct Given {
    /// Where the name lies in the text.
    begin: usize,
    length: u32,
    /// The number of the owner.
    owner: u32,
}

impl Names {
    pub(super) fn give(&mut self, name: &str, owner: &Owner) {
        if self.owners.last() != Some(owner) {
            self.owners.push(owner.clone());
        }
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.given.push(Given {
            begin: self.text.len(),
            length: number(name.len()),
            owner: number(self.owners.len() - 1),
        });
        self.text.push_str(name);
    }

    /// Takes over what another share of the work gave.
    pub(super) fn add(&mut self, other: &Self) {
        for given in &other.given {
            if let Some(owner) = other.owner(*given) {
                self.give(other.name(*given), owner);
            }
        }
    }

    /// The names that are there more than once, with everyone who gives them.
    pub(super) fn twice(mut self) -> BTreeMap<String, Vec<Owner>> {
        let mut given = std::mem::take(&mut self.given);
        // Stable: owners stay in the order they came in.
        given.sort_by(|a, b| self.name(*a).cmp(self.name(*b)));
        let same = given.chunk_by(|a, b| self.name(*a) == self.name(*b));
        let twice = same.filter(|same| same.len() > 1);
        let named = twice.filter_map(|same| {
            let owners = same.iter().filter_map(|given| self.owner(*given));
            let name = self.name(*same.first()?).to_owned();
            Some((name, owners.cloned().collect()))
        });
        named.collect()
    }

    fn name(&self, given: Given) -> &str {
        let length = usize::try_from(given.length).unwrap_or_default();
        let range = given.begin..given.begin + length;
        self.text.get(range).unwrap_or_default()
    }

    fn owner(&self, given: Given) -> Option<&Owner> {
        self.owners.get(usize::try_from(given.owner).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_there_twice_keep_all_their_owners_in_order() {
        let set = |name: &str| Owner::Set(name.to_owned());
        let mut names = Names::default();
        for (name, owner) in [("b", "z"), ("a", "z"), ("b", "y"), ("", "y"), ("ab", "y")] {
            names.give(name, &set(owner));
        }
        let mut more = Names::default();
        more.give("b", &set("z"));
        more.give("ab", &Owner::Single("ab".to_owned()));
        names.add(&more);
        let twice = BTreeMap::from([
            (
                "ab".to_owned(),
                vec![set("y"), Owner::Single("ab".to_owned())],
            ),
            ("b".to_owned(), vec![set("z"), set("y"), set("z")]),
        ]);
        assert_eq!(names.twice(), twice);
    }
}
