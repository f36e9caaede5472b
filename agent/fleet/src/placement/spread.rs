//! Which of the clusters that fit are used: spread constraints.

use std::collections::BTreeMap;

use muster_model::Node;

use super::affinity::ClusterField;
use super::policy::{Placement, Strategy};
use crate::decode::{Decoder, Fields};
use crate::fleet::Cluster;
use crate::labels;

/// Steps of the search for groups; beyond it the constraint asks for more combinations than can be looked at.
const MAX_STEPS: u32 = 200_000;

/// One entry of `spreadConstraints`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpreadConstraint {
    by: By,
    min: usize,
    max: usize,
}

/// What clusters are grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    /// Each cluster is a group.
    Cluster,
    /// A field of the cluster's.
    Field(ClusterField),
    /// A label.
    Label(String),
}

/// A cluster that fits, and how many replicas it can carry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) available: i64,
}

impl SpreadConstraint {
    /// Reads `spreadConstraints`.
    pub(super) fn read_all(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<Self> {
        let at = fields.path_of("spreadConstraints");
        let line = fields.line_of("spreadConstraints");
        let mut constraints: Vec<Self> = Vec::new();
        let mut by_field = false;
        for (path, node) in decoder.items(fields, "spreadConstraints") {
            by_field |= node.get("spreadByField").is_some();
            let Some(constraint) = Self::read(decoder, node, &path) else {
                continue;
            };
            if constraints.iter().any(|other| other.by == constraint.by) {
                let line = node.span.line;
                decoder.wrong(line, &path, "two constraints spread by the same thing");
            }
            constraints.push(constraint);
        }
        let by_cluster = constraints.iter().any(|c| c.by == By::Cluster);
        if by_field && !by_cluster {
            decoder.wrong(
                line,
                &at,
                "one of the constraints must spread by `cluster` where another spreads by field",
            );
        }
        if constraints.iter().filter(|c| c.groups()).count() > 1 {
            decoder.wrong(
                line,
                &at,
                "clusters are grouped by region or by one label, not by two things",
            );
        }
        constraints
    }

    fn read(decoder: &mut Decoder, node: &Node, path: &str) -> Option<Self> {
        let line = node.span.line;
        let mut f = decoder.fields(node, path);
        let field = decoder.word(
            &mut f,
            "spreadByField",
            &[
                ("cluster", None),
                ("region", Some(ClusterField::Region)),
                ("zone", Some(ClusterField::Zone)),
                ("provider", Some(ClusterField::Provider)),
            ],
        );
        let label = decoder.text(&mut f, "spreadByLabel");
        let min = read_count(decoder, &mut f, "minGroups").filter(|min| *min > 0);
        let max = read_count(decoder, &mut f, "maxGroups").filter(|max| *max > 0);
        decoder.finish(f);
        let (min, max) = (min.unwrap_or(1), max.unwrap_or(usize::MAX));
        if max < min {
            decoder.wrong(line, path, "maxGroups is lower than minGroups");
        }
        let by = match (field, label.is_empty()) {
            (Some(_), false) => {
                let why = "spreadByField and spreadByLabel exclude each other";
                decoder.wrong(line, path, why);
                return None;
            }
            (Some(Some(field)), true) => By::Field(field),
            (Some(None) | None, true) => By::Cluster,
            (None, false) => {
                if let Some(why) = labels::key_error(&label) {
                    decoder.wrong(line, path, why);
                }
                By::Label(label)
            }
        };
        Some(Self { by, min, max })
    }

    /// True when clusters are chosen group by group: Karmada groups by region; by a label, muster does.
    fn groups(&self) -> bool {
        matches!(self.by, By::Label(_) | By::Field(ClusterField::Region))
    }

    /// Why the cluster cannot be used under this constraint.
    pub(super) fn rejects(&self, cluster: &Cluster) -> Option<String> {
        match &self.by {
            By::Cluster => None,
            By::Field(field) => field
                .values(cluster)
                .is_empty()
                .then(|| format!("it has no {field:?}").to_lowercase()),
            By::Label(key) => cluster
                .labels
                .get(key)
                .is_none()
                .then(|| format!("it has no label `{key}`")),
        }
    }

    fn group_of<'c>(&self, cluster: &'c Cluster) -> Option<&'c str> {
        match &self.by {
            By::Cluster => Some(cluster.name.as_str()),
            By::Field(field) => field.values(cluster).first().copied(),
            By::Label(key) => cluster.labels.get(key),
        }
    }
}

fn read_count(decoder: &mut Decoder, f: &mut Fields<'_>, name: &'static str) -> Option<usize> {
    let count = decoder.int_opt(f, name)?;
    let read = usize::try_from(count).ok();
    if read.is_none() {
        let (line, at) = (f.line(), f.path_of(name));
        decoder.wrong(line, &at, format!("`{name}` is a number from 0 on"));
    }
    read
}

/// Sorts candidates as they are preferred: those that carry more first, then by name.
pub(super) fn sort(candidates: &mut [Candidate<'_>]) {
    candidates.sort_by(|a, b| {
        b.available
            .cmp(&a.available)
            .then_with(|| a.cluster.name.cmp(&b.cluster.name))
    });
}

/// The clusters that are used, of sorted candidates.
pub(super) fn select<'c>(
    placement: &Placement,
    mut candidates: Vec<Candidate<'c>>,
    replicas: i64,
) -> Result<Vec<Candidate<'c>>, String> {
    let constraints = &placement.spread;
    // With weights written down, Karmada does not heed the constraints.
    let is_static = match &placement.strategy {
        Strategy::Static(None) => true,
        Strategy::Static(Some(list)) => !list.is_empty(),
        Strategy::Duplicated | Strategy::Aggregated | Strategy::Dynamic => false,
    };
    if constraints.is_empty() || is_static {
        return Ok(candidates);
    }
    let by_cluster = constraints.iter().find(|c| c.by == By::Cluster);
    if let Some(grouping) = constraints.iter().find(|c| c.groups()) {
        return by_group(placement, grouping, by_cluster, &candidates, replicas);
    }
    let Some(constraint) = by_cluster else {
        return Err("clusters are spread by `cluster`, region or a label".to_owned());
    };
    if candidates.len() < constraint.min {
        return Err(format!(
            "{} clusters fit, and the placement asks for at least {}",
            candidates.len(),
            constraint.min
        ));
    }
    let count = candidates.len().min(constraint.max);
    if placement.strategy == Strategy::Duplicated {
        candidates.truncate(count);
        return Ok(candidates);
    }
    by_capacity(candidates, count, replicas)
        .ok_or_else(|| format!("no {count} clusters can carry {replicas} replicas together"))
}

/// The preferred clusters; from the last on, one that carries more takes the place of one that carries less until the
/// sum suffices.
fn by_capacity(
    mut candidates: Vec<Candidate<'_>>,
    count: usize,
    replicas: i64,
) -> Option<Vec<Candidate<'_>>> {
    let mut rest = candidates.split_off(count);
    let enough =
        |chosen: &[Candidate<'_>]| chosen.iter().map(|c| c.available).sum::<i64>() >= replicas;
    for index in (0..candidates.len()).rev() {
        if enough(&candidates) {
            break;
        }
        let most = rest.iter_mut().rev().max_by_key(|c| c.available);
        if let (Some(mine), Some(most)) = (candidates.get_mut(index), most)
            && most.available > mine.available
        {
            std::mem::swap(mine, most);
        }
    }
    enough(&candidates).then_some(candidates)
}

struct Group<'c> {
    name: &'c str,
    clusters: Vec<Candidate<'c>>,
    score: i64,
}

/// The best groups, the best cluster of each, then the best of the rest.
fn by_group<'c>(
    placement: &Placement,
    grouping: &SpreadConstraint,
    by_cluster: Option<&SpreadConstraint>,
    candidates: &[Candidate<'c>],
    replicas: i64,
) -> Result<Vec<Candidate<'c>>, String> {
    let mut members: BTreeMap<&'c str, Vec<Candidate<'c>>> = BTreeMap::new();
    for candidate in candidates {
        if let Some(name) = grouping.group_of(candidate.cluster) {
            members.entry(name).or_default().push(*candidate);
        }
    }
    if members.len() < grouping.min {
        return Err(format!(
            "the clusters that fit lie in {} groups, and the placement asks for at least {}",
            members.len(),
            grouping.min
        ));
    }
    let clusters_min = by_cluster.map_or(0, |c| c.min);
    let groups: Vec<Group<'c>> = members
        .into_iter()
        .map(|(name, clusters)| Group {
            name,
            score: score(placement, &clusters, replicas, grouping.min, clusters_min),
            clusters,
        })
        .collect();
    let chosen = best_groups(groups, grouping.min, grouping.max, clusters_min)?;
    let mut selected = Vec::new();
    let mut rest = Vec::new();
    for group in chosen {
        let mut clusters = group.clusters.into_iter();
        selected.extend(clusters.next());
        rest.extend(clusters);
    }
    let most = by_cluster.map_or(usize::MAX, |c| c.max);
    sort(&mut rest);
    rest.truncate(most.saturating_sub(selected.len()));
    selected.extend(rest);
    Ok(selected)
}

/// How good a group is, as Karmada counts it with every cluster's own score at zero: what it can carry of its share.
fn score(
    placement: &Placement,
    clusters: &[Candidate<'_>],
    replicas: i64,
    groups_min: usize,
    clusters_min: usize,
) -> i64 {
    /// Karmada's `weightUnit`.
    const UNIT: i64 = 1000;
    if placement.strategy == Strategy::Duplicated {
        let able = clusters.iter().filter(|c| c.available >= replicas).count();
        return i64::try_from(able).unwrap_or(i64::MAX / UNIT) * UNIT;
    }
    let parts = i64::try_from(groups_min.max(1)).unwrap_or(1);
    let share = replicas.div_euclid(parts) + i64::from(replicas.rem_euclid(parts) != 0);
    let mut sum = 0_i64;
    for (index, cluster) in clusters.iter().enumerate() {
        sum = sum.saturating_add(cluster.available);
        if index + 1 >= clusters_min.max(groups_min) && sum >= share {
            break;
        }
    }
    sum.min(share).saturating_mul(UNIT)
}

/// The combination of groups with the greatest score whose clusters suffice: as few groups as `min` allows.
fn best_groups(
    mut groups: Vec<Group<'_>>,
    min: usize,
    max: usize,
    clusters: usize,
) -> Result<Vec<Group<'_>>, String> {
    groups.sort_by(|a, b| {
        let size = |g: &Group<'_>| g.clusters.len();
        size(a)
            .cmp(&size(b))
            .then(b.score.cmp(&a.score))
            .then(a.name.cmp(b.name))
    });
    let mut search = Search {
        groups: &groups,
        min,
        max,
        clusters,
        path: Vec::new(),
        found: Vec::new(),
        steps: 0,
    };
    search.from(0, 0)?;
    let mut found = search.found;
    let path = |indexes: &[usize]| -> (Vec<usize>, i64, usize) {
        let mut indexes = indexes.to_vec();
        let group = |index: &usize| groups.get(*index);
        indexes.sort_by_key(|index| group(index).map(|g| (std::cmp::Reverse(g.score), g.name)));
        let score = indexes.iter().filter_map(group).map(|g| g.score).sum();
        let size = indexes
            .iter()
            .filter_map(group)
            .map(|g| g.clusters.len())
            .sum();
        (indexes, score, size)
    };
    let mut paths: Vec<(Vec<usize>, i64, usize)> = found.drain(..).map(|p| path(&p)).collect();
    // Stable: of equals the one found first.
    paths.sort_by(|a, b| b.1.cmp(&a.1).then(b.2.cmp(&a.2)));
    let mut paths = paths.into_iter().map(|(indexes, _, _)| indexes);
    let mut best = paths
        .next()
        .ok_or_else(|| format!("no groups of clusters have {clusters} clusters together"))?;
    for shorter in paths {
        if shorter.len() < best.len() && best.starts_with(&shorter) {
            best = shorter;
        }
    }
    let mut slots: Vec<Option<Group<'_>>> = groups.into_iter().map(Some).collect();
    Ok(best
        .into_iter()
        .filter_map(|index| slots.get_mut(index)?.take())
        .collect())
}

/// A depth-first search over combinations; one that suffices is not extended.
struct Search<'g, 'c> {
    groups: &'g [Group<'c>],
    min: usize,
    max: usize,
    clusters: usize,
    path: Vec<usize>,
    found: Vec<Vec<usize>>,
    steps: u32,
}

impl Search<'_, '_> {
    fn from(&mut self, begin: usize, sum: usize) -> Result<(), String> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(format!(
                "{} groups of clusters have too many combinations to look at",
                self.groups.len()
            ));
        }
        if sum >= self.clusters && (self.min..=self.max).contains(&self.path.len()) {
            self.found.push(self.path.clone());
            return Ok(());
        }
        if self.path.len() >= self.max {
            return Ok(());
        }
        for index in begin..self.groups.len() {
            let size = self.groups.get(index).map_or(0, |g| g.clusters.len());
            self.path.push(index);
            self.from(index + 1, sum + size)?;
            self.path.pop();
            // All groups are needed: there is no other combination.
            if self.groups.len() == self.min {
                break;
            }
        }
        Ok(())
    }
}
