//! Repeated keys, and `<<`.

use std::collections::BTreeSet;

use super::error::YamlError;
use crate::node::{Map, Member, Node, Value};

/// Mappings up to this size are compared pair by pair, which is faster than sorting. Measured.
const FEW: usize = 16;

/// Refuses a mapping that has a key twice.
pub(super) fn refuse_duplicates(members: &[Member]) -> Result<(), YamlError> {
    let twice = if members.len() <= FEW {
        members.iter().enumerate().find_map(|(index, member)| {
            let earlier = &members[..index];
            let first = earlier.iter().find(|other| other.key == member.key)?;
            Some((first, member))
        })
    } else {
        twice_in_many(members)
    };
    let Some((first, second)) = twice else {
        return Ok(());
    };
    Err(YamlError::syntax(
        second.key_span.line,
        format!(
            "key {:?} is there twice, first on line {}; remove one",
            second.key, first.key_span.line
        ),
    ))
}

fn twice_in_many(members: &[Member]) -> Option<(&Member, &Member)> {
    let mut sorted: Vec<&Member> = members.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    sorted
        .windows(2)
        .filter(|pair| pair[0].key == pair[1].key)
        .map(|pair| (pair[0], pair[1]))
        .min_by_key(|(_, second)| second.key_span.start)
}

/// Adds the members of what stands under `<<`: the mapping's own keys win, then earlier mappings over later ones.
pub(super) fn expand(map: &mut Map, value: Node) -> Result<(), YamlError> {
    let line = value.span.line;
    let mut seen: BTreeSet<Box<str>> = map.keys().map(Into::into).collect();
    let sources = match value.value {
        Value::List(items) => items,
        other => vec![Node {
            value: other,
            span: value.span,
        }],
    };
    for source in sources {
        let Value::Map(source) = source.value else {
            return Err(not_a_map(line));
        };
        for member in source.into_members() {
            if seen.insert(member.key.clone()) {
                map.push_unchecked(member);
            }
        }
    }
    Ok(())
}

/// The error for a `<<` that holds something else.
pub(super) fn not_a_map(line: u32) -> YamlError {
    YamlError::syntax(
        line,
        "`<<` takes a mapping or a list of mappings; quote it if it is meant as a key",
    )
}
