//! Field ownership: what apply and update do to an object and to `metadata.managedFields`.

use std::collections::BTreeMap;

use muster_model::{Gvk, Map, Node};

use super::field_set::FieldSet;
use super::schema::Schema;
use super::typed::{compare, fields_of, merge, remove};

/// The manager an API server invents for fields that stood before managedFields did.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Who owns fields, and how it wrote them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// `manager`.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: &'static str,
    /// `subresource`, empty for the object itself.
    pub subresource: String,
}

impl Owner {
    /// An applier.
    #[must_use]
    pub fn apply(manager: &str) -> Self {
        Self {
            manager: manager.to_owned(),
            operation: "Apply",
            subresource: String::new(),
        }
    }

    /// Everybody else.
    #[must_use]
    pub fn update(manager: &str, subresource: &str) -> Self {
        Self {
            manager: manager.to_owned(),
            operation: "Update",
            subresource: subresource.to_owned(),
        }
    }
}

/// Everybody's fields.
pub type Owners = BTreeMap<Owner, FieldSet>;

/// Fields that others own and the applier would change, by manager.
pub type Conflicts = BTreeMap<String, Vec<String>>;

/// Reads `metadata.managedFields`.
#[must_use]
pub fn owners(object: &Node) -> Owners {
    let entries = object
        .at_path(&["metadata", "managedFields"])
        .and_then(Node::as_list)
        .unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| {
            let text = |key| entry.str_at(&[key]).unwrap_or_default();
            let owner = match text("operation") {
                "Apply" => Owner::apply(text("manager")),
                _ => Owner::update(text("manager"), text("subresource")),
            };
            Some((owner, FieldSet::from_node(entry.get("fieldsV1")?)))
        })
        .collect()
}

/// Writes `metadata.managedFields`; owners of nothing are left out.
pub fn set_owners(object: &mut Node, owners: &Owners) {
    let api_version = object
        .str_at(&["apiVersion"])
        .unwrap_or_default()
        .to_owned();
    let entries: Vec<Node> = owners
        .iter()
        .filter(|(_, set)| !set.is_empty())
        .map(|(owner, set)| entry(owner, set, &api_version))
        .collect();
    let Some(metadata) = metadata_mut(object) else {
        return;
    };
    if entries.is_empty() {
        metadata.remove("managedFields");
    } else {
        metadata.insert("managedFields", Node::list(entries));
    }
}

fn entry(owner: &Owner, set: &FieldSet, api_version: &str) -> Node {
    let mut entry: Map = [
        ("manager", Node::string(&owner.manager)),
        ("operation", Node::string(owner.operation)),
        ("apiVersion", Node::string(api_version)),
        ("fieldsType", Node::string("FieldsV1")),
        ("fieldsV1", set.to_node()),
    ]
    .into_iter()
    .collect();
    if !owner.subresource.is_empty() {
        entry.insert("subresource", Node::string(&owner.subresource));
    }
    Node::map(entry)
}

/// `metadata`, made when it is not there.
pub fn metadata_mut(object: &mut Node) -> Option<&mut Map> {
    object
        .as_map_mut()?
        .get_or_insert_with("metadata", || Node::map(Map::new()))
        .as_map_mut()
}

/// The kind's schema, from the object itself.
#[must_use]
pub fn schema_of(object: &Node) -> Schema {
    let text = |key| object.str_at(&[key]).unwrap_or_default();
    Schema::of(&Gvk::parse(text("apiVersion"), text("kind")).group_kind())
}

/// Server-side apply of `config` on `live`.
///
/// # Errors
/// The conflicts, when there are any and `force` is off.
pub fn apply(
    schema: &Schema,
    live: Option<&Node>,
    config: &Node,
    manager: &str,
    force: bool,
) -> Result<Node, Conflicts> {
    let config_set = fields_of(schema, config);
    let me = Owner::apply(manager);
    let Some(live) = live else {
        let mut created = config.clone();
        set_owners(&mut created, &[(me, config_set)].into_iter().collect());
        return Ok(created);
    };
    let mut owners = owners(live);
    if owners.is_empty() {
        let mut before = live.clone();
        // A write of the object itself resets the status, so nobody owns that by it.
        if let Some(map) = before.as_map_mut().filter(|_| schema.has_status()) {
            map.remove("status");
        }
        owners.insert(
            Owner::update(BEFORE_FIRST_APPLY, ""),
            compare(schema, &super::typed::empty_like(&before), &before).added,
        );
    }
    let last = owners.insert(me.clone(), config_set).unwrap_or_default();
    let merged = merge(schema, live, config);
    let everybody = owners
        .values()
        .fold(FieldSet::default(), |all, set| all.union(set));
    let leaving = last
        .with_named_ancestors()
        .difference(&everybody.with_named_ancestors());
    let mut next = remove(schema, &merged, &leaving);
    let difference = compare(schema, live, &next);
    let changed = difference.added.clone().union(&difference.modified);
    take(&mut owners, &me, &changed, &difference.removed, force)?;
    set_owners(&mut next, &owners);
    Ok(next)
}

/// Takes changed and removed paths away from everybody but `me`.
fn take(
    owners: &mut Owners,
    me: &Owner,
    changed: &FieldSet,
    removed: &FieldSet,
    force: bool,
) -> Result<(), Conflicts> {
    let mut conflicts = Conflicts::new();
    for (owner, set) in owners.iter_mut().filter(|(owner, _)| *owner != me) {
        let conflict = set.intersection(changed);
        if !conflict.is_empty() && !force {
            conflicts.insert(owner.manager.clone(), conflict.paths());
        }
        *set = set.difference(&conflict).without_subtrees(removed);
    }
    if conflicts.is_empty() {
        Ok(())
    } else {
        Err(conflicts)
    }
}

/// An update from `live` to `next` by `owner`: changed fields become its own, and nobody else's.
#[must_use]
pub fn update(schema: &Schema, live: &Node, mut next: Node, owner: Owner) -> Node {
    let mut owners = owners(live);
    if owners.is_empty() {
        // Tracking ends when managedFields are cleared, and starts again at the next apply.
        set_owners(&mut next, &owners);
        return next;
    }
    let difference = compare(schema, live, &next);
    let changed = difference.added.clone().union(&difference.modified);
    let forced = take(&mut owners, &owner, &changed, &difference.removed, true);
    debug_assert!(forced.is_ok(), "because force takes everything");
    let mine = owners.remove(&owner).unwrap_or_default();
    let mine = mine.without_subtrees(&difference.removed).union(&changed);
    owners.insert(owner, mine);
    set_owners(&mut next, &owners);
    next
}

/// An object made by a plain create.
#[must_use]
pub fn create(schema: &Schema, mut object: Node, owner: Owner) -> Node {
    let bare = super::typed::empty_like(&object);
    let set = compare(schema, &bare, &object).added;
    set_owners(&mut object, &[(owner, set)].into_iter().collect());
    object
}

/// Folds the fields of `managers` into `manager`'s `Apply` entry.
pub fn fold(object: &mut Node, manager: &str, managers: &[String]) {
    let mut owners = owners(object);
    let mine = Owner::apply(manager);
    let mut set = owners.remove(&mine).unwrap_or_default();
    owners.retain(|owner, theirs| {
        let folded = owner.subresource.is_empty() && managers.contains(&owner.manager);
        if folded {
            set = std::mem::take(&mut set).union(theirs);
        }
        !folded
    });
    owners.insert(mine, set);
    set_owners(object, &owners);
}

/// Drops every entry of `manager` by `Apply`.
pub fn disown(object: &mut Node, manager: &str) {
    let mut owners = owners(object);
    owners.remove(&Owner::apply(manager));
    set_owners(object, &owners);
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::json;
    use serde_json::json;

    fn node(value: serde_json::Value) -> Node {
        json::from_value(&value)
    }

    fn apply(
        live: Option<&Node>,
        config: &Node,
        manager: &str,
        force: bool,
    ) -> Result<Node, Conflicts> {
        super::apply(&schema_of(config), live, config, manager, force)
    }

    fn update(live: &Node, next: Node, owner: Owner) -> Node {
        super::update(&schema_of(live), live, next, owner)
    }

    fn create(object: Node, owner: Owner) -> Node {
        super::create(&schema_of(&object), object, owner)
    }

    fn deployment(spec: serde_json::Value) -> Node {
        node(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"}, "spec": spec,
        }))
    }

    fn fields(object: &Node, manager: &str) -> String {
        let all = owners(object);
        let found = all.iter().find(|(owner, _)| owner.manager == manager);
        found
            .map(|(_, set)| json::to_canonical(&set.to_node()))
            .unwrap_or_default()
    }

    fn container(extra: serde_json::Value) -> serde_json::Value {
        let mut container = json!({"name": "app", "image": "a:1"});
        for (key, value) in extra.as_object().expect("a map") {
            container[key] = value.clone();
        }
        json!({"template": {"spec": {"containers": [container]}}})
    }

    #[test]
    fn an_apply_owns_its_leaves_and_its_list_items() {
        let config = deployment(container(
            json!({"ports": [{"containerPort": 80}], "args": ["x", "y"], "env": [{"name": "A", "value": "1"}]}),
        ));
        let made = apply(None, &config, "me", false).expect("new");
        assert_eq!(
            fields(&made, "me"),
            concat!(
                r#"{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{".":{},"f:args":{},"#,
                r#""f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}},"f:image":{},"f:name":{},"#,
                r#""f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}"#
            )
        );
    }

    #[test]
    fn an_identical_apply_changes_nothing() {
        let config = deployment(json!({"replicas": 2, "selector": {"matchLabels": {"a": "b"}}}));
        let made = apply(None, &config, "me", false).expect("new");
        assert_eq!(apply(Some(&made), &config, "me", false), Ok(made));
    }

    #[test]
    fn a_field_no_longer_applied_goes_unless_somebody_else_owns_it() {
        let both =
            deployment(json!({"replicas": 2, "paused": false, "strategy": {"type": "Recreate"}}));
        let made = apply(None, &both, "me", false).expect("new");
        let shared = deployment(json!({"replicas": 2}));
        let shared = apply(Some(&made), &shared, "other", false).expect("the same value");
        let next = apply(Some(&shared), &deployment(json!({})), "me", false).expect("nothing");
        assert_eq!(next.get("spec"), Some(&node(json!({"replicas": 2}))));
        assert_eq!(fields(&next, "me"), r#"{"f:spec":{}}"#);
    }

    #[test]
    fn a_container_no_longer_applied_goes_with_its_defaults() {
        let made = apply(None, &deployment(container(json!({}))), "me", false).expect("new");
        let mut live = made.clone();
        let path = ["spec", "template", "spec"];
        let below = path
            .iter()
            .try_fold(&mut live, |n, key| n.as_map_mut()?.get_mut(key))
            .expect("there");
        let containers = below
            .as_map_mut()
            .and_then(|m| m.get_mut("containers"))
            .expect("there");
        let first = &mut containers.as_list_mut().expect("a list")[0];
        first
            .as_map_mut()
            .expect("a map")
            .insert("terminationMessagePath", Node::string("/dev/log"));
        let other = deployment(
            json!({"template": {"spec": {"containers": [{"name": "b", "image": "b"}]}}}),
        );
        let next = apply(Some(&live), &other, "me", false).expect("no conflict");
        assert_eq!(next.get("spec"), other.get("spec"));
    }

    #[test]
    fn a_different_value_of_another_manager_is_a_conflict_and_force_takes_it() {
        let made = apply(None, &deployment(json!({"replicas": 2})), "me", false).expect("new");
        let config = deployment(json!({"replicas": 3}));
        let conflict = apply(Some(&made), &config, "other", false).expect_err("a conflict");
        assert_eq!(conflict["me"], [".spec.replicas"]);
        let next = apply(Some(&made), &config, "other", true).expect("forced");
        assert_eq!(
            (fields(&next, "me"), next.at_path(&["spec", "replicas"])),
            (String::new(), Some(&Node::int(3)))
        );
    }

    #[test]
    fn an_update_takes_what_it_changes_and_what_it_removes() {
        let made = apply(
            None,
            &deployment(json!({"replicas": 2, "paused": true})),
            "me",
            false,
        )
        .expect("new");
        let scaled = update(
            &made,
            {
                let mut next = made.clone();
                let spec = next
                    .as_map_mut()
                    .and_then(|m| m.get_mut("spec"))
                    .and_then(Node::as_map_mut)
                    .expect("a map");
                spec.insert("replicas", Node::int(5));
                spec.remove("paused");
                next
            },
            Owner::update("kubectl", "scale"),
        );
        assert_eq!(fields(&scaled, "me"), "");
        assert_eq!(
            fields(&scaled, "kubectl"),
            r#"{"f:spec":{"f:replicas":{}}}"#
        );
    }

    #[test]
    fn cleared_managed_fields_become_before_first_apply() {
        let mut made = apply(None, &deployment(json!({"replicas": 2})), "me", false).expect("new");
        set_owners(&mut made, &Owners::new());
        let next = apply(
            Some(&made),
            &deployment(json!({"paused": true})),
            "me",
            true,
        )
        .expect("forced");
        assert_eq!(
            fields(&next, BEFORE_FIRST_APPLY),
            r#"{"f:spec":{"f:replicas":{}}}"#
        );
        assert_eq!(next.at_path(&["spec", "replicas"]), Some(&Node::int(2)));
    }

    #[test]
    fn fields_of_a_folded_manager_go_when_they_leave_the_manifest() {
        let mut made = create(
            deployment(json!({"replicas": 2, "paused": true})),
            Owner::update("kubectl", ""),
        );
        fold(&mut made, "me", &["kubectl".to_owned()]);
        let next =
            apply(Some(&made), &deployment(json!({"replicas": 2})), "me", true).expect("forced");
        assert_eq!(next.get("spec"), Some(&node(json!({"replicas": 2}))));
    }
}
