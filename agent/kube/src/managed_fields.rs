//! Surgery on `metadata.managedFields`: entries folded into ours, or ours taken away.

use muster_model::Node;
use muster_model::node::Map;

/// The entries with those of `managers` folded into our `Apply` entry, so that a field of theirs that Git does not
/// have goes with the next apply (HAZARDS.md T-83). `None` when there is nothing to fold.
pub(crate) fn folded(metadata: &Node, managers: &[String], own: &str) -> Option<Node> {
    let is_theirs = |entry: &Node| {
        is_whole(entry)
            && entry
                .str_at(&["manager"])
                .is_some_and(|name| managers.iter().any(|m| m == name))
            && !is_own(entry, own)
    };
    let (theirs, mut others): (Vec<Node>, Vec<Node>) =
        entries(metadata).iter().cloned().partition(is_theirs);
    if theirs.is_empty() {
        return None;
    }
    let ours = others.iter().position(|entry| is_own(entry, own));
    let mut result = ours.map_or_else(|| renamed(&theirs[0], own), |index| others.remove(index));
    for entry in &theirs {
        if let (Some(into), Some(fields)) = (result.as_map_mut(), entry.get("fieldsV1")) {
            unite(
                into.get_or_insert_with("fieldsV1", || Node::map(Map::new())),
                fields,
            );
        }
    }
    others.push(result);
    Some(Node::list(others))
}

/// The entries without our `Apply` entry; `None` when there is none.
pub(crate) fn without(metadata: &Node, own: &str) -> Option<Node> {
    let all = entries(metadata);
    let mut kept: Vec<Node> = all
        .iter()
        .filter(|entry| !is_own(entry, own))
        .cloned()
        .collect();
    if kept.len() == all.len() {
        return None;
    }
    if kept.is_empty() {
        // An empty list means "leave as it is"; one empty entry means none (Kubernetes, "Clearing managedFields").
        kept.push(Node::map(Map::new()));
    }
    Some(Node::list(kept))
}

fn entries(metadata: &Node) -> &[Node] {
    metadata
        .get("managedFields")
        .and_then(Node::as_list)
        .unwrap_or_default()
}

fn is_own(entry: &Node, own: &str) -> bool {
    is_whole(entry)
        && entry.str_at(&["manager"]) == Some(own)
        && entry.str_at(&["operation"]) == Some("Apply")
}

/// Not an entry of a subresource such as `status` or `scale`.
fn is_whole(entry: &Node) -> bool {
    entry.str_at(&["subresource"]).is_none_or(str::is_empty)
}

fn renamed(entry: &Node, own: &str) -> Node {
    let mut entry = entry.clone();
    if let Some(map) = entry.as_map_mut() {
        map.insert("manager", Node::string(own));
        map.insert("operation", Node::string("Apply"));
    }
    entry
}

/// The union of two sets of fields: both are trees whose keys are path elements.
fn unite(into: &mut Node, from: &Node) {
    let (Some(into), Some(from)) = (into.as_map_mut(), from.as_map()) else {
        return;
    };
    for (key, fields) in from.iter() {
        unite(
            into.get_or_insert_with(key, || Node::map(Map::new())),
            fields,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::json;

    fn metadata(entries: &str) -> Node {
        json::from_slice(format!(r#"{{"managedFields":{entries}}}"#).as_bytes()).expect("JSON")
    }

    #[test]
    fn fields_of_the_former_tool_join_ours() {
        let metadata = metadata(
            r#"[{"manager":"muster.shop","operation":"Apply","fieldsV1":{"f:data":{"f:a":{}}}},
                {"manager":"kubectl-client-side-apply","operation":"Update","fieldsV1":{"f:data":{".":{},"f:b":{}}}},
                {"manager":"kubectl-client-side-apply","operation":"Update","subresource":"status","fieldsV1":{}}]"#,
        );
        let folded = folded(
            &metadata,
            &["kubectl-client-side-apply".to_owned()],
            "muster.shop",
        );
        let expected = json::from_slice(
            br#"[{"manager":"kubectl-client-side-apply","operation":"Update","subresource":"status","fieldsV1":{}},
                {"manager":"muster.shop","operation":"Apply","fieldsV1":{"f:data":{"f:a":{},".":{},"f:b":{}}}}]"#,
        );
        assert_eq!(folded, Some(expected.expect("JSON")));
    }

    #[test]
    fn without_an_entry_of_ours_theirs_becomes_it() {
        let metadata = metadata(
            r#"[{"manager":"helm","operation":"Update","apiVersion":"v1","fieldsV1":{"f:data":{}}}]"#,
        );
        let expected = json::from_slice(
            br#"[{"manager":"muster.shop","operation":"Apply","apiVersion":"v1","fieldsV1":{"f:data":{}}}]"#,
        );
        assert_eq!(
            folded(&metadata, &["helm".to_owned()], "muster.shop"),
            Some(expected.expect("JSON"))
        );
        assert_eq!(folded(&metadata, &["flux".to_owned()], "muster.shop"), None);
    }

    #[test]
    fn taking_the_only_entry_away_leaves_one_that_is_empty() {
        let metadata = metadata(r#"[{"manager":"muster.shop","operation":"Apply"}]"#);
        assert_eq!(
            without(&metadata, "muster.shop"),
            Some(json::from_slice(b"[{}]").expect("JSON"))
        );
        assert_eq!(without(&metadata, "muster.else"), None);
    }
}
