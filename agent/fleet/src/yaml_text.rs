//! YAML inside a file or a template, as Argo CD types it.
//!
//! Argo CD reads such texts with YAML 1.1's words for booleans, and keeps dates as they are written; manifests and
//! kustomizations are read otherwise.

use muster_model::node::{Member, Value as NodeValue};
use muster_model::{Budgets, Map, Node, yaml};

/// The documents of a text.
///
/// # Errors
/// When it is no YAML.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Node>, yaml::YamlError> {
    let documents = yaml::read(bytes, &Budgets::default(), 0)?;
    Ok(documents.iter().map(typed).collect())
}

fn typed(node: &Node) -> Node {
    let value = match &node.value {
        NodeValue::String(text) if text.quoted => return node.clone(),
        NodeValue::String(text) => match (truth(&text.text), &text.raw) {
            (Some(truth), _) => NodeValue::Bool(truth),
            (None, Some(written)) => return Node::string(&**written).at(node.span),
            (None, None) => return node.clone(),
        },
        NodeValue::List(items) => NodeValue::List(items.iter().map(typed).collect()),
        NodeValue::Map(map) => {
            let mut out = Map::new();
            for member in map.members() {
                out.push_unchecked(Member {
                    key: member.key.clone(),
                    key_span: member.key_span,
                    value: typed(&member.value),
                });
            }
            NodeValue::Map(out)
        }
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) => return node.clone(),
    };
    Node {
        value,
        span: node.span,
    }
}

/// What a plain word says in YAML 1.1.
fn truth(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::json;

    #[test]
    fn plain_words_are_booleans_and_dates_stay_as_written() {
        let text = "{a: yes, b: 'yes', c: [off, on], d: 2024-01-02, e: \"2024-01-02\"}";
        let nodes = read(text.as_bytes()).expect("YAML");
        assert_eq!(
            json::to_canonical(&nodes[0]),
            r#"{"a":true,"b":"yes","c":[false,true],"d":"2024-01-02","e":"2024-01-02"}"#
        );
    }
}
