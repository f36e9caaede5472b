//! The order of the output.

use muster_model::Reason;

use crate::failure::{Step, failed};
use crate::id::Gvk;
use crate::kustomization::SortOptions;
use crate::options::Reorder;
use crate::resmap::ResMap;
use crate::resource::Resource;

/// Kinds that kustomize's legacy order puts first.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
/// Kinds that it puts last.
const LAST: [&str; 2] = [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Where a kind stands among field specs.
pub(crate) fn default_rank(gvk: &Gvk<'_>) -> (isize, String) {
    (rank_in(&gvk.kind, &FIRST, &LAST), gvk.sort_text())
}

/// Orders the objects as the kustomization says, else as the caller does.
pub(crate) fn sort(map: &mut ResMap, options: Option<&SortOptions>, reorder: Reorder) -> Step<()> {
    let (first, last): (Vec<&str>, Vec<&str>) = match options {
        None => match reorder {
            Reorder::None => return Ok(()),
            Reorder::Legacy => (FIRST.to_vec(), LAST.to_vec()),
        },
        Some(options) => match (&*options.order, &options.legacy) {
            ("fifo", None) => return Ok(()),
            ("fifo", Some(_)) => {
                let message = "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'";
                return Err(failed(message)
                    .field("sortOptions.legacySortOptions")
                    .into());
            }
            ("legacy", None) => (FIRST.to_vec(), LAST.to_vec()),
            ("legacy", Some((first, last))) => (
                first.iter().map(|s| &**s).collect(),
                last.iter().map(|s| &**s).collect(),
            ),
            _ => {
                let mut problem =
                    failed("the field 'sortOptions.order' must be one of [fifo, legacy]")
                        .field("sortOptions.order");
                problem.reason = Reason::InvalidField;
                return Err(problem.into());
            }
        },
    };
    map.list_mut()
        .sort_by_cached_key(|r| Key::of(r, &first, &last));
    map.check_unique()
}

/// What two objects are compared by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    rank: isize,
    kind: KindKey,
    identity: String,
}

/// Kinds in the order of their texts; Namespaces of any group the other way round.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum KindKey {
    Up(String),
    Down(std::cmp::Reverse<String>),
}

impl Key {
    fn of(resource: &Resource, first: &[&str], last: &[&str]) -> Self {
        let id = resource.id();
        let text = id.gvk.sort_text();
        let or = |text: &str, other: &str| {
            if text.is_empty() {
                other.to_owned()
            } else {
                text.to_owned()
            }
        };
        Self {
            rank: rank_in(&id.gvk.kind, first, last),
            kind: if id.gvk.kind == "Namespace" {
                KindKey::Down(std::cmp::Reverse(text))
            } else {
                KindKey::Up(text)
            },
            identity: format!(
                "{}|{}|{}",
                id.gvk,
                or(&id.namespace, "~X"),
                or(&id.name, "~N")
            ),
        }
    }
}

/// Kinds of the one list come first, those of the other last; in both, and within each, the last mention counts.
fn rank_in(kind: &str, first: &[&str], last: &[&str]) -> isize {
    let place = |list: &[&str]| list.iter().rposition(|k| *k == kind);
    let signed = |n: usize| isize::try_from(n).unwrap_or(isize::MAX);
    match (place(last), place(first)) {
        (Some(place), _) => signed(place) + 1,
        (None, Some(place)) => signed(place) - signed(first.len()),
        (None, None) => 0,
    }
}
