//! Which clusters an object goes to, and with how many replicas: filter, select, assign.
//!
//! A function of the fleet file and the policy: there is no memory of an earlier division. Where Karmada would keep
//! what it had, every commit is divided anew.

use super::policy::{PropagationPolicy, Strategy};
use super::quantity::{UNLIMITED, available};
use super::spread::{Candidate, select, sort};
use super::webster::{Party, divide};
use super::workload::Workload;
use crate::fleet::{Cluster, ClusterState, Fleet};

/// Replicas of one object that are divided one by one: far beyond what a fleet runs of one workload.
const MAX_REPLICAS: i64 = 1_000_000;

/// An object's share on one cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share<'c> {
    pub(super) cluster: &'c Cluster,
    /// Replicas; `None` for an object that runs none.
    pub(super) replicas: Option<i64>,
}

/// The clusters an object goes to, by name.
///
/// # Errors
/// Why it goes nowhere.
pub(super) fn schedule<'c>(
    fleet: &'c Fleet,
    policy: &PropagationPolicy,
    workload: Option<&Workload>,
) -> Result<Vec<Share<'c>>, String> {
    let workload = workload.filter(|workload| workload.is_counted());
    if let Some(workload) = workload
        && workload.replicas > MAX_REPLICAS
    {
        return Err(format!(
            "{} replicas are more than the {MAX_REPLICAS} that are divided",
            workload.replicas
        ));
    }
    let groups = policy.placement.affinities.len().max(1);
    let mut first = None;
    for group in 0..groups {
        match schedule_group(fleet, policy, workload, group) {
            Ok(mut shares) => {
                shares.sort_by(|a, b| a.cluster.name.cmp(&b.cluster.name));
                return Ok(shares);
            }
            Err(why) => drop(first.get_or_insert(why)),
        }
    }
    Err(first.unwrap_or_default())
}

fn schedule_group<'c>(
    fleet: &'c Fleet,
    policy: &PropagationPolicy,
    workload: Option<&Workload>,
    group: usize,
) -> Result<Vec<Share<'c>>, String> {
    let mut candidates = Vec::new();
    let mut rejected = Vec::new();
    for cluster in fleet.clusters.iter() {
        match reject(policy, group, cluster) {
            None => candidates.push(Candidate {
                cluster,
                available: carries(cluster, workload),
            }),
            Some(why) => rejected.push(format!("{}: {why}", cluster.name)),
        }
    }
    if candidates.is_empty() {
        /// Clusters that are named; more say nothing new.
        const SHOWN: usize = 5;
        let more = rejected.len().saturating_sub(SHOWN);
        rejected.truncate(SHOWN);
        let more = if more > 0 {
            format!(", and {more} more")
        } else {
            String::new()
        };
        return Err(format!("no cluster fits ({}{more})", rejected.join(", ")));
    }
    sort(&mut candidates);
    let replicas = workload.map_or(0, |workload| workload.replicas);
    let selected = select(&policy.placement, candidates, replicas)?;
    let Some(workload) = workload else {
        let share = |c: Candidate<'c>| Share {
            cluster: c.cluster,
            replicas: None,
        };
        return Ok(selected.into_iter().map(share).collect());
    };
    assign(&policy.placement.strategy, selected, workload.replicas)
}

impl PropagationPolicy {
    /// Why the policy never chooses the cluster; nothing when some of its groups may.
    #[must_use]
    pub fn turns_away(&self, cluster: &Cluster) -> Option<String> {
        let groups = 0..self.placement.affinities.len().max(1);
        let reasons: Option<Vec<String>> =
            groups.map(|group| reject(self, group, cluster)).collect();
        reasons.map(|reasons| reasons.join("; "))
    }
}

/// Why a cluster is no candidate.
fn reject(policy: &PropagationPolicy, group: usize, cluster: &Cluster) -> Option<String> {
    match cluster.state {
        ClusterState::Active => {}
        ClusterState::Suspended => return Some("it is suspended".to_owned()),
        ClusterState::Leaving => return Some("it leaves the fleet".to_owned()),
    }
    let placement = &policy.placement;
    let affinity = placement.affinities.get(group);
    if let Some(why) = affinity.and_then(|(_, affinity)| affinity.rejects(cluster)) {
        return Some(why);
    }
    let repels = |taint: &&super::Taint| taint.repels(&placement.tolerations);
    if let Some(taint) = cluster.taints.iter().find(repels) {
        return Some(format!("its taint {taint} is not tolerated"));
    }
    placement.spread.iter().find_map(|c| c.rejects(cluster))
}

/// How many replicas the cluster can carry. A cluster that declares nothing is taken for empty-handed.
fn carries(cluster: &Cluster, workload: Option<&Workload>) -> i64 {
    match workload {
        Some(workload) if workload.replicas > 0 => {
            available(cluster, &workload.requests).unwrap_or_default()
        }
        Some(_) | None => UNLIMITED,
    }
}

/// Divides the replicas; a cluster without any is left out.
fn assign<'c>(
    strategy: &Strategy,
    mut clusters: Vec<Candidate<'c>>,
    replicas: i64,
) -> Result<Vec<Share<'c>>, String> {
    let weights: Vec<(&'c Cluster, i64)> = match strategy {
        Strategy::Duplicated => {
            let share = |c: Candidate<'c>| Share {
                cluster: c.cluster,
                replicas: Some(replicas),
            };
            let placed = clusters.into_iter().filter(|_| replicas > 0);
            return Ok(placed.map(share).collect());
        }
        Strategy::Static(list) => static_weights(list.as_deref().unwrap_or_default(), &clusters),
        Strategy::Aggregated | Strategy::Dynamic => {
            let sum: i64 = clusters.iter().map(|c| c.available).sum();
            if sum < replicas {
                return Err(format!(
                    "the clusters can carry {sum} replicas, and {replicas} are asked for"
                ));
            }
            if *strategy == Strategy::Aggregated {
                keep_fewest(&mut clusters, replicas);
            }
            clusters.iter().map(|c| (c.cluster, c.available)).collect()
        }
    };
    let parties: Vec<Party<'_>> = weights
        .iter()
        .map(|(cluster, weight)| Party {
            name: cluster.name.as_str(),
            votes: *weight,
        })
        .collect();
    let seats = divide(replicas, &parties);
    let share = |((cluster, _), seats): ((&'c Cluster, i64), i64)| Share {
        cluster,
        replicas: Some(seats),
    };
    let shares = weights.into_iter().zip(seats).map(share);
    Ok(shares.filter(|share| share.replicas != Some(0)).collect())
}

/// The greatest weight that is written down for each cluster; a cluster without one gets nothing. Where no cluster has
/// one, all have the same.
fn static_weights<'c>(
    list: &[(super::affinity::ClusterAffinity, i64)],
    clusters: &[Candidate<'c>],
) -> Vec<(&'c Cluster, i64)> {
    let weight = |cluster: &Cluster| {
        let matching = list
            .iter()
            .filter(|(affinity, _)| affinity.matches(cluster));
        matching
            .map(|(_, weight)| *weight)
            .max()
            .unwrap_or_default()
    };
    let weighed = clusters.iter().map(|c| (c.cluster, weight(c.cluster)));
    let weighed: Vec<_> = weighed.filter(|(_, weight)| *weight > 0).collect();
    if weighed.is_empty() {
        return clusters.iter().map(|c| (c.cluster, 1)).collect();
    }
    weighed
}

/// Keeps the clusters that carry most, as few as suffice.
fn keep_fewest(clusters: &mut Vec<Candidate<'_>>, replicas: i64) {
    clusters.sort_by_key(|c| std::cmp::Reverse(c.available));
    let mut sum = 0;
    let enough = clusters.iter().position(|c| {
        sum += c.available;
        sum >= replicas
    });
    if let Some(last) = enough {
        clusters.truncate(last + 1);
    }
}
