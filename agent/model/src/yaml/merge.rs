//! Repeated keys, and `<<`.

use std::collections::BTreeSet;

use super::error::YamlError;
use crate::node::{Map, Member, Node, Value, first_repeat};

/// Refuses a mapping that has a key twice.
pub(super) fn refuse_duplicates(members: &[Member]) -> Result<(), YamlError> {
    let Some((first, second)) = first_repeat(members) else {
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
