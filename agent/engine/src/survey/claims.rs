//! Objects that two Applications of one cluster render.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_fleet::application::Application;
use muster_model::{ClusterName, ObjectId, Problem, Reason};

use super::{Content, Found};
use crate::each::{Each, collect};

/// Objects named in one problem: more say nothing new.
const MAX_NAMED: usize = 3;

/// One problem for each pair of Applications with objects in common. Without a cluster in reach nobody knows who holds
/// them: the one that does keeps them, and if none does, both are refused (DESIGN.md 3.2).
///
/// Clusters that have the same contents are looked at once: there are as many of these as there are overlays.
pub(super) fn twice(
    each: Each<'_>,
    all: &[&Application],
    found: &[Found],
    by_cluster: &BTreeMap<&ClusterName, Vec<usize>>,
) -> Vec<Problem> {
    let mut alike: BTreeMap<Vec<*const Content>, Vec<(&ClusterName, &[usize])>> = BTreeMap::new();
    for (cluster, applications) in by_cluster {
        let content = |application: &usize| match &found[*application].content {
            Ok(content) => Arc::as_ptr(content),
            Err(_) => std::ptr::null(),
        };
        let contents = applications.iter().map(content).collect();
        alike
            .entry(contents)
            .or_default()
            .push((cluster, applications));
    }
    let alike: Vec<_> = alike.into_values().collect();
    let pairs = collect(each, alike.len(), |index| {
        alike[index].first().map(|(_, first)| pairs(first, found))
    });
    let mut problems = BTreeMap::new();
    for (clusters, pairs) in alike.iter().zip(pairs) {
        for (cluster, applications) in clusters {
            for ((one, other), objects) in pairs.iter().flatten() {
                let pair = (all[applications[*one]], all[applications[*other]]);
                let problem = problem(cluster, pair, objects);
                problems.insert((*cluster, *one, *other), problem);
            }
        }
    }
    problems.into_values().collect()
}

/// Objects by the two places, among a cluster's Applications, of those that render them.
type Pairs<'a> = BTreeMap<(usize, usize), BTreeSet<&'a ObjectId>>;

fn pairs<'a>(applications: &[usize], found: &'a [Found]) -> Pairs<'a> {
    let mut claims: Vec<(&ObjectId, usize)> = Vec::new();
    for (place, application) in applications.iter().enumerate() {
        if let Ok(content) = &found[*application].content {
            claims.extend(content.objects.iter().map(|object| (&object.id, place)));
        }
    }
    claims.sort_unstable();
    let mut pairs = Pairs::new();
    for pair in claims.windows(2) {
        let ((one, first), (other, second)) = (pair[0], pair[1]);
        if one == other {
            pairs.entry((first, second)).or_default().insert(one);
        }
    }
    pairs
}

fn problem(
    cluster: &ClusterName,
    (one, other): (&Application, &Application),
    objects: &BTreeSet<&ObjectId>,
) -> Problem {
    let named: Vec<String> = objects
        .iter()
        .take(MAX_NAMED)
        .map(ToString::to_string)
        .collect();
    let more = match objects.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "{} and {} both render {}{more} on cluster {cluster}",
        one.key,
        other.key,
        named.join(", ")
    );
    Problem::new(Reason::ClaimedTwice, message)
        .at(one.origin.clone())
        .via(other.origin.clone())
}
