//! What a commit will do to a cluster, with no cluster in reach: two desires compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_model::{ApplicationKey, CommitId, Digest, Node, ObjectId, Problem};
use muster_sync::brake::{exceeds_application_budget, needs_approval};
use muster_sync::{DesiredObject, DesiredSet, Permission, deletions_between, deletions_digest};
use serde::Serialize;

use crate::desire::Desired;

/// What happens to one cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changes {
    /// By Application, `project/name`.
    pub applications: BTreeMap<String, ApplicationChanges>,
    /// Why an Application cannot be enforced at the new commit.
    pub problems: BTreeMap<String, Vec<Problem>>,
}

/// What happens to one Application.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ApplicationChanges {
    /// Objects that appear.
    pub appear: BTreeSet<String>,
    /// Objects that change.
    pub change: BTreeMap<String, Change>,
    /// Objects that disappear.
    pub disappear: BTreeSet<String>,
    /// Objects that another Application takes over, and which.
    pub moves: BTreeMap<String, String>,
    /// Objects that stay as they are.
    pub same: usize,
    /// The approval that the deletions need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// One object before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Before.
    #[serde(serialize_with = "as_json")]
    pub from: Node,
    /// After.
    #[serde(serialize_with = "as_json")]
    pub to: Node,
}

/// An approval of deletions, as it goes into the fleet file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// The Application's name.
    pub application: String,
    /// The source's path.
    pub path: String,
    /// Digest of what goes.
    pub deletions: Digest,
    /// The commit before.
    pub before: CommitId,
    /// Why it is needed.
    pub because: String,
}

impl Approval {
    /// The text to paste under `spec.approvals`.
    #[must_use]
    pub fn yaml(&self) -> String {
        let Self {
            application,
            path,
            deletions,
            before,
            because: _,
        } = self;
        let path = if path.is_empty() {
            String::new()
        } else {
            format!("      path: {path}\n")
        };
        format!(
            "    - application: {application}\n{path}      deletions: {deletions}\n      before: {before}\n"
        )
    }
}

impl ApplicationChanges {
    /// True when nothing happens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.appear.is_empty()
            && self.change.is_empty()
            && self.disappear.is_empty()
            && self.moves.is_empty()
    }
}

fn as_json<S: serde::Serializer>(node: &Node, serializer: S) -> Result<S::Ok, S::Error> {
    muster_model::json::to_value(node).serialize(serializer)
}

/// Compares what a cluster should have at two commits; without `from` everything appears.
#[must_use]
pub fn changes(from: Option<&Desired>, to: &Desired) -> Changes {
    let before = from.map(contents).unwrap_or_default();
    let after = contents(to);
    let keys: BTreeSet<&ApplicationKey> = before.keys().chain(after.keys()).copied().collect();
    let renders = |id: &ObjectId| {
        after
            .iter()
            .find(|(_, set)| set.objects.iter().any(|o| o.id == *id))
            .map(|(key, _)| key.to_string())
    };
    let mut applications = BTreeMap::new();
    for key in keys {
        let refused = to
            .applications
            .get(key)
            .is_some_and(|a| a.content.is_none());
        if refused {
            continue;
        }
        let mut found = compare(before.get(key).copied(), after.get(key).copied(), &renders);
        let sets = (before.get(key).copied(), after.get(key).copied());
        found.approval = approval(key, &found, sets, from, to);
        applications.insert(key.to_string(), found);
    }
    let refused = to
        .applications
        .iter()
        .filter(|(_, a)| !a.problems.is_empty());
    Changes {
        applications,
        problems: refused
            .map(|(key, a)| (key.to_string(), a.problems.clone()))
            .collect(),
    }
}

fn contents(desired: &Desired) -> BTreeMap<&ApplicationKey, &Arc<DesiredSet>> {
    desired
        .applications
        .iter()
        .filter_map(|(key, app)| Some((key, app.content.as_ref()?)))
        .collect()
}

fn compare(
    before: Option<&Arc<DesiredSet>>,
    after: Option<&Arc<DesiredSet>>,
    renders: &impl Fn(&ObjectId) -> Option<String>,
) -> ApplicationChanges {
    let index = |set: Option<&Arc<DesiredSet>>| -> BTreeMap<ObjectId, DesiredObject> {
        set.into_iter()
            .flat_map(|s| s.objects.iter())
            .map(|o| (o.id.clone(), o.clone()))
            .collect()
    };
    let (old, new) = (index(before), index(after));
    let mut found = ApplicationChanges::default();
    for (id, object) in &new {
        match old.get(id) {
            None => {
                found.appear.insert(id.to_string());
            }
            Some(previous) if previous.digest == object.digest => found.same += 1,
            Some(previous) => {
                found.change.insert(
                    id.to_string(),
                    Change {
                        from: shown(&previous.body(), &object.body()),
                        to: shown(&object.body(), &previous.body()),
                    },
                );
            }
        }
    }
    for id in old.keys().filter(|id| !new.contains_key(id)) {
        match renders(id) {
            Some(other) => {
                found.moves.insert(id.to_string(), other);
            }
            None => {
                found.disappear.insert(id.to_string());
            }
        }
    }
    found
}

/// An object as it may be printed: of a Secret's values nothing but whether they differ from the other side's
/// (HAZARDS.md T-56).
fn shown(body: &Node, other: &Node) -> Node {
    const VALUES: &[&[&str]] = &[&["data"], &["stringData"], &["metadata", "annotations"]];
    let mut shown = body.clone();
    let is = |key, text| body.str_at(&[key]) == Some(text);
    if !(is("kind", "Secret") && is("apiVersion", "v1")) {
        return shown;
    }
    for path in VALUES {
        let annotations = path.len() > 1;
        let mut section = Some(&mut shown);
        for key in *path {
            section = section.and_then(|node| node.as_map_mut()?.get_mut(key));
        }
        let Some(map) = section.and_then(Node::as_map_mut) else {
            continue;
        };
        let others = other.at_path(path);
        let keys: Vec<String> = map.keys().map(str::to_owned).collect();
        for key in keys
            .iter()
            .filter(|key| !annotations || *key == LAST_APPLIED)
        {
            let same = map.get(key) == others.and_then(|others| others.get(key));
            let text = if same {
                "(hidden)"
            } else {
                "(hidden, changes)"
            };
            map.insert(key.as_str(), Node::string(text));
        }
    }
    shown
}

/// Where kubectl keeps the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// True when a deletion waits for a confirmation, by the object's own option or by the Application's.
fn asks_for_confirmation(id: &ObjectId, before: &DesiredSet, after: Option<&DesiredSet>) -> bool {
    let own = before.find(id).map(|object| &object.options);
    match after {
        Some(after) => {
            after.policy.confirm_prune || own.is_some_and(|o| o.prune == Permission::Confirm)
        }
        None => {
            before.policy.confirm_delete || own.is_some_and(|o| o.delete == Permission::Confirm)
        }
    }
}

fn approval(
    key: &ApplicationKey,
    found: &ApplicationChanges,
    sets: (Option<&Arc<DesiredSet>>, Option<&Arc<DesiredSet>>),
    from: Option<&Desired>,
    to: &Desired,
) -> Option<Approval> {
    let (before, after) = (sets.0?, sets.1);
    let mut gone = deletions_between(before, after.map(|set| &**set));
    gone.retain(|id| !found.moves.contains_key(&id.to_string()));
    if gone.is_empty() {
        return None;
    }
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let total = before.objects.len();
    let because = if let Some(id) = gone
        .iter()
        .find(|id| needs_approval(&id.group_kind(), &to.protected))
    {
        format!("{id} is of a protected kind")
    } else if exceeds_application_budget(number(gone.len()), number(total)) {
        format!("{} of {total} objects go", gone.len())
    } else if let Some(id) = gone
        .iter()
        .find(|id| asks_for_confirmation(id, before, after.map(|set| &**set)))
    {
        format!("{id} asks for confirmation")
    } else {
        return None;
    };
    let path = from
        .and_then(|d| d.applications.get(key))
        .map(|a| a.path.clone())
        .unwrap_or_default();
    Some(Approval {
        application: key.name.clone(),
        path,
        deletions: deletions_digest(&gone),
        before: from?.hub.commit_id.clone(),
        because,
    })
}
