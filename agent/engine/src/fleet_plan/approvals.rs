//! Deletions that need an approval, and the text that gives it.

use std::collections::{BTreeMap, BTreeSet};

use muster_fleet::fleet::{Approved, Fleet};
use muster_model::{Budgets, ClusterName, CommitId, Digest, GroupKind, Node, ObjectId, json, yaml};
use muster_sync::brake::{exceeds_application_budget, exceeds_cluster_budget, needs_approval};
use muster_sync::{Permission, deletions_digest};
use serde::Serialize;

use super::members::{Member, path};
use super::{Place, Scope};
use crate::survey::Survey;

/// Deletions beyond the budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The entry for `spec.approvals`.
    pub entry: Entry,
    /// Why it is needed.
    pub because: String,
    /// What goes.
    #[serde(serialize_with = "super::as_texts")]
    pub objects: Vec<ObjectId>,
    /// Where.
    pub applications: Vec<Place>,
    /// True when the new commit's fleet file has it already.
    pub given: bool,
}

/// An entry of `spec.approvals`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The Application's name, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The ApplicationSet's name, when it is about several of its Applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_set: Option<String>,
    /// The source's path; empty for any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Digest of what goes.
    pub deletions: Digest,
    /// The commit before.
    pub before: CommitId,
}

impl Entry {
    /// The lines to paste under `spec.approvals`.
    #[must_use]
    pub fn yaml(&self) -> String {
        let Self {
            application,
            application_set,
            path,
            deletions,
            before,
        } = self;
        let named = [
            ("application", application.as_deref()),
            ("applicationSet", application_set.as_deref()),
            ("path", Some(path.as_str()).filter(|path| !path.is_empty())),
            ("deletions", Some(&*deletions.to_string())),
            ("before", Some(before.as_str())),
        ]
        .map(|(field, value)| value.map(|value| format!("{field}: {}", scalar(value))));
        let fields: Vec<String> = named.into_iter().flatten().collect();
        format!("    - {}\n", fields.join("\n      "))
    }
}

/// A text as YAML: as it is where it reads as itself. An id of digits alone would read as a number.
fn scalar(text: &str) -> String {
    let read = yaml::read(text.as_bytes(), &Budgets::default(), 0);
    let is_plain = read.is_ok_and(|nodes| nodes.first().and_then(Node::as_str) == Some(text));
    if is_plain && !text.contains('#') {
        text.to_owned()
    } else {
        json::to_string(&Node::string(text))
    }
}

/// Marks the members whose deletions need an approval, and says which approvals that are.
pub(super) fn find(
    members: &mut [Member<'_>],
    from: Option<&Survey>,
    to: &Survey,
    scope: &Scope,
) -> Vec<Approval> {
    let Some(from) = from else { return Vec::new() };
    let protected: BTreeSet<GroupKind> = to.hub.fleet.protected_kinds.iter().cloned().collect();
    let clusters = over_budget(members, from);
    for member in members
        .iter_mut()
        .filter(|member| !member.counted.is_empty())
    {
        member.needs_approval = because(member, &protected, &clusters);
    }
    let before = &from.revision.commit_id;
    let mut found: BTreeMap<(Option<&str>, &str, Digest), Vec<&Member<'_>>> = BTreeMap::new();
    for member in members
        .iter()
        .filter(|member| member.needs_approval.is_some())
    {
        let set = member.application.set.as_deref();
        let digest = deletions_digest(&member.counted);
        let key = (set, path(member.application), digest);
        let alone = set.is_none() && found.contains_key(&key);
        // Applications of no set have approvals of their own.
        let key = if alone {
            (Some(""), member.application.key.name.as_str(), digest)
        } else {
            key
        };
        found.entry(key).or_default().push(member);
    }
    let approvals = found
        .into_iter()
        .map(|((_, _, digest), members)| approval(&members, digest, before, &to.hub.fleet, scope));
    approvals.collect()
}

fn approval(
    members: &[&Member<'_>],
    deletions: Digest,
    before: &CommitId,
    fleet: &Fleet,
    scope: &Scope,
) -> Approval {
    let first = members[0];
    let (application, application_set) = match (members, &first.application.set) {
        ([_, _, ..], Some(set)) => (None, Some(set.clone())),
        _ => (Some(first.application.key.name.clone()), None),
    };
    let entry = Entry {
        application,
        application_set,
        path: path(first.application).to_owned(),
        deletions,
        before: before.clone(),
    };
    Approval {
        because: first.needs_approval.clone().unwrap_or_default(),
        objects: first.counted.iter().cloned().collect(),
        given: members
            .iter()
            .all(|m| is_given(m, deletions, before, fleet, scope)),
        applications: members.iter().map(|member| member.place.clone()).collect(),
        entry,
    }
}

/// True when the fleet file approves these deletions of this Application already.
fn is_given(
    member: &Member<'_>,
    deletions: Digest,
    before: &CommitId,
    fleet: &Fleet,
    scope: &Scope,
) -> bool {
    fleet.approvals.iter().any(|approval| {
        let named = match &approval.of {
            Approved::Application(name) => *name == member.application.key.name,
            Approved::ApplicationSet(name) => member.application.set.as_ref() == Some(name),
        };
        let placed = approval.path.is_empty() || approval.path == path(member.application);
        let reached = approval.before == *before || scope.approvable.contains(&approval.before);
        named && placed && reached && approval.deletions == deletions
    })
}

/// Clusters that lose more than their budget, with the words for it.
fn over_budget(members: &[Member<'_>], from: &Survey) -> BTreeMap<ClusterName, String> {
    let mut gone: BTreeMap<&ClusterName, usize> = BTreeMap::new();
    for member in members {
        *gone.entry(&member.place.cluster).or_default() += member.counted.len();
    }
    let mut over = BTreeMap::new();
    for (cluster, gone) in gone.into_iter().filter(|(_, gone)| *gone > 0) {
        let contents = from.of(cluster).filter_map(|found| found.content.ok());
        let owned: usize = contents.map(|content| content.objects.len()).sum();
        if exceeds_cluster_budget(number(gone), number(owned)) {
            over.insert(
                cluster.clone(),
                format!("{gone} of {owned} objects of cluster {cluster} go"),
            );
        }
    }
    over
}

fn because(
    member: &Member<'_>,
    protected: &BTreeSet<GroupKind>,
    clusters: &BTreeMap<ClusterName, String>,
) -> Option<String> {
    let counted = &member.counted;
    let total = member.old.map_or(0, |content| content.objects.len());
    if let Some(id) = counted
        .iter()
        .find(|id| needs_approval(&id.group_kind(), protected))
    {
        return Some(format!("{id} is of a protected kind"));
    }
    if exceeds_application_budget(number(counted.len()), number(total)) {
        return Some(format!("{} of {total} objects go", counted.len()));
    }
    let asks = |id: &&ObjectId| {
        let object = member.old.and_then(|content| content.find(id));
        let confirm = Permission::Confirm;
        match member.new {
            Some(_) => member.manner.confirm_prune || object.is_some_and(|o| o.prune == confirm),
            None => member.manner.confirm_delete || object.is_some_and(|o| o.delete == confirm),
        }
    };
    if let Some(id) = counted.iter().find(asks) {
        return Some(format!("{id} asks for confirmation"));
    }
    clusters.get(&member.place.cluster).cloned()
}

fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}
