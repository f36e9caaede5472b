//! Objects that two Applications of one cluster render.

use std::collections::{BTreeMap, BTreeSet};

use muster_fleet::application::Application;
use muster_model::{ClusterName, ObjectId, Problem, Reason};

use super::Found;
use crate::each::{Each, collect};

/// Objects named in one problem: more say nothing new.
const MAX_NAMED: usize = 3;

/// One problem for each pair of Applications with objects in common. Without a cluster in reach nobody knows who holds
/// them: the one that does keeps them, and if none does, both are refused (DESIGN.md 3.2).
pub(super) fn twice(
    each: Each<'_>,
    all: &[&Application],
    found: &[Found],
    by_cluster: &BTreeMap<&ClusterName, Vec<usize>>,
) -> Vec<Problem> {
    let clusters: Vec<_> = by_cluster.iter().collect();
    let problems = collect(each, clusters.len(), |index| {
        let (cluster, applications) = clusters[index];
        let pairs = pairs(applications, found);
        let problem = |((one, other), objects): (&(usize, usize), &BTreeSet<&ObjectId>)| {
            problem(cluster, (all[*one], all[*other]), objects)
        };
        pairs.iter().map(problem).collect::<Vec<_>>()
    });
    problems.into_iter().flatten().collect()
}

type Pairs<'a> = BTreeMap<(usize, usize), BTreeSet<&'a ObjectId>>;

fn pairs<'a>(applications: &[usize], found: &'a [Found]) -> Pairs<'a> {
    let mut claims: Vec<(&ObjectId, usize)> = Vec::new();
    for application in applications {
        if let Ok(content) = &found[*application].content {
            claims.extend(
                content
                    .objects
                    .iter()
                    .map(|object| (&object.id, *application)),
            );
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
