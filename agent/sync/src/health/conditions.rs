//! `status.conditions` and lists of the same form.

use muster_model::Node;

/// One entry of a list of conditions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition<'a> {
    /// `type`.
    pub(super) kind: &'a str,
    /// `status`: `True`, `False` or `Unknown`.
    pub(super) status: &'a str,
    /// `reason`.
    pub(super) reason: &'a str,
    /// `severity` (Cluster API).
    pub(super) severity: &'a str,
    /// `observedGeneration` of the condition itself.
    pub(super) observed: Option<i64>,
}

impl Condition<'_> {
    /// True when the condition has this type and `status: "True"`.
    pub(super) fn is_true(&self, kind: &str) -> bool {
        self.kind == kind && self.status == "True"
    }

    /// True when the condition has this type and `status: "False"`.
    pub(super) fn is_false(&self, kind: &str) -> bool {
        self.kind == kind && self.status == "False"
    }
}

/// The conditions in `status.conditions`.
pub(super) fn of_status(object: &Node) -> Vec<Condition<'_>> {
    object
        .at_path(&["status", "conditions"])
        .map(of_list)
        .unwrap_or_default()
}

/// The conditions in `conditions` of a parent, a listener or an ancestor.
pub(super) fn of_part(part: &Node) -> Vec<Condition<'_>> {
    part.get("conditions").map(of_list).unwrap_or_default()
}

/// The conditions in a list.
pub(super) fn of_list(list: &Node) -> Vec<Condition<'_>> {
    list.as_list()
        .unwrap_or_default()
        .iter()
        .filter_map(|item| {
            Some(Condition {
                kind: item.get("type")?.as_str()?,
                status: text_of(item, "status"),
                reason: text_of(item, "reason"),
                severity: text_of(item, "severity"),
                observed: item.get("observedGeneration").and_then(Node::as_int),
            })
        })
        .collect()
}

fn text_of<'a>(item: &'a Node, key: &str) -> &'a str {
    item.get(key).and_then(Node::as_str).unwrap_or_default()
}
