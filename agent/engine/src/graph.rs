//! The topology of a fleet: which directories go to which clusters, through which ApplicationSet and project.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use muster_fleet::application::Application;
use muster_fleet::applicationset::Strategy;
use muster_fleet::fleet::ClusterState;
use muster_model::problem::visible;
use muster_model::{ClusterName, Revision};
use serde::Serialize;

use crate::lines::{Lines, Tone, at, count, some};
use crate::survey::Survey;

/// Clusters named in a line, or in a node.
const NAMED: usize = 6;

/// The topology of one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Graph {
    /// The fleet's name.
    pub fleet: String,
    /// The commit.
    pub commit: Revision,
    /// ApplicationSets, and at the end the Applications of none.
    pub sets: Vec<SetNode>,
    /// Clusters that have the same: each cluster in one group.
    pub groups: Vec<ClusterGroup>,
}

/// One ApplicationSet, or the Applications that are written down by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetNode {
    /// Its name; `None` for Applications of no set.
    pub name: Option<String>,
    /// The projects of its Applications.
    pub projects: BTreeSet<String>,
    /// How changes proceed, in words.
    pub rollout: String,
    /// Its sources.
    pub sources: Vec<SourceNode>,
}

/// One directory at one revision, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceNode {
    /// The repository, as the file writes it.
    pub repository: String,
    /// Branch, tag or commit.
    pub revision: String,
    /// The directory.
    pub path: String,
    /// Applications with it.
    pub applications: usize,
    /// Their clusters.
    pub clusters: BTreeSet<ClusterName>,
}

/// Clusters that have the same sources and the same state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterGroup {
    /// Their state.
    pub state: &'static str,
    /// The labels that all of them have.
    pub labels: BTreeMap<String, String>,
    /// Their names.
    pub clusters: Vec<ClusterName>,
    /// Applications on each.
    pub applications: usize,
}

type SourceKey = (String, String, String);

impl Graph {
    /// Draws a survey.
    #[must_use]
    pub fn of(survey: &Survey) -> Self {
        let mut sets: BTreeMap<(bool, Option<String>), SetNode> = BTreeMap::new();
        for name in survey.hub.sets.keys() {
            let key = (false, Some(name.clone()));
            sets.insert(key, empty(survey, Some(name)));
        }
        let mut sources: BTreeMap<(Option<String>, SourceKey), SourceNode> = BTreeMap::new();
        for found in survey.all() {
            let application = found.application;
            let key = (application.set.is_none(), application.set.clone());
            let node = sets
                .entry(key)
                .or_insert_with(|| empty(survey, application.set.as_deref()));
            node.projects.insert(application.key.project.clone());
            for key in keys(application) {
                let source = sources
                    .entry((application.set.clone(), key.clone()))
                    .or_insert_with(|| SourceNode {
                        repository: key.0,
                        revision: key.1,
                        path: key.2,
                        applications: 0,
                        clusters: BTreeSet::new(),
                    });
                source.applications += 1;
                source.clusters.insert(application.cluster.clone());
            }
        }
        for ((set, _), source) in sources {
            let key = (set.is_none(), set);
            sets.entry(key).and_modify(|node| node.sources.push(source));
        }
        Self {
            fleet: survey.hub.fleet.name.clone(),
            commit: survey.revision.clone(),
            groups: groups(survey),
            sets: sets.into_values().collect(),
        }
    }

    /// As a tree for a terminal.
    #[must_use]
    pub fn lines(&self) -> Lines {
        let mut lines = Lines::default();
        let clusters: usize = self.groups.iter().map(|group| group.clusters.len()).sum();
        lines.push(
            Tone::Heading,
            format!(
                "fleet {} at {}: {}",
                self.fleet,
                at(&self.commit),
                count(clusters, "cluster")
            ),
        );
        for set in &self.sets {
            let projects: Vec<String> = set.projects.iter().cloned().collect();
            let applications: usize = set.sources.iter().map(|source| source.applications).sum();
            lines.push(
                Tone::Busy,
                format!(
                    "├─ {}: {}, project {}, {}",
                    title(set),
                    count(applications, "Application"),
                    some(&projects, NAMED),
                    set.rollout
                ),
            );
            for (index, source) in set.sources.iter().enumerate() {
                let branch = if index + 1 == set.sources.len() {
                    "└─"
                } else {
                    "├─"
                };
                let names: Vec<String> = source.clusters.iter().map(ToString::to_string).collect();
                lines.plain(format!(
                    "│  {branch} {} ─▶ {}",
                    place(source),
                    some(&names, NAMED)
                ));
            }
        }
        for (index, group) in self.groups.iter().enumerate() {
            let branch = if index + 1 == self.groups.len() {
                "└─"
            } else {
                "├─"
            };
            let tone = if group.applications == 0 {
                Tone::Bad
            } else {
                Tone::Good
            };
            lines.push(
                tone,
                format!(
                    "{branch} {}: {}{}",
                    names(&group.clusters),
                    count(group.applications, "Application"),
                    attributes(group)
                ),
            );
        }
        lines
    }

    /// As a flowchart of mermaid, which forges draw.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut out = "flowchart LR\n".to_owned();
        for (index, group) in self.groups.iter().enumerate() {
            let label = format!("{}{}", names(&group.clusters), attributes(group));
            let _ = writeln!(out, "  g{index}([\"{}\"])", quoted(&label));
        }
        for (number, set) in self.sets.iter().enumerate() {
            let _ = writeln!(out, "  subgraph s{number}[\"{}\"]", quoted(&title(set)));
            for (index, source) in set.sources.iter().enumerate() {
                let _ = writeln!(out, "    s{number}p{index}[\"{}\"]", quoted(&place(source)));
            }
            out.push_str("  end\n");
            for (index, source) in set.sources.iter().enumerate() {
                for (group, _) in self.reached(source) {
                    let _ = writeln!(out, "  s{number}p{index} --> g{group}");
                }
            }
        }
        out
    }

    /// The groups that a source goes to, by number.
    pub fn reached(&self, source: &SourceNode) -> impl Iterator<Item = (usize, &ClusterGroup)> {
        let reaches = |group: &ClusterGroup| {
            group
                .clusters
                .first()
                .is_some_and(|first| source.clusters.contains(first))
        };
        self.groups
            .iter()
            .enumerate()
            .filter(move |(_, group)| reaches(group))
    }
}

/// How a set is called.
#[must_use]
pub fn title(set: &SetNode) -> String {
    match &set.name {
        Some(name) => format!("ApplicationSet {name}"),
        None => "Applications of no set".to_owned(),
    }
}

/// A source in a line; the repository's last part only.
#[must_use]
pub fn place(source: &SourceNode) -> String {
    let path = if source.path.is_empty() {
        "."
    } else {
        &source.path
    };
    let repository = source
        .repository
        .trim_end_matches('/')
        .trim_end_matches(".git");
    let repository = repository.rsplit('/').next().unwrap_or_default();
    format!("{repository}@{} {path}", source.revision)
}

/// A few names, and how many more there are.
#[must_use]
pub fn names(clusters: &[ClusterName]) -> String {
    let names: Vec<String> = clusters.iter().map(ToString::to_string).collect();
    some(&names, NAMED)
}

/// The state where it is not the usual one, and the labels that all have.
#[must_use]
pub fn attributes(group: &ClusterGroup) -> String {
    let labels: Vec<String> = group
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    let mut out = String::new();
    if group.state != "Active" {
        let _ = write!(out, ", {}", group.state);
    }
    if !labels.is_empty() {
        let _ = write!(out, " ({})", some(&labels, NAMED));
    }
    out
}

fn empty(survey: &Survey, name: Option<&str>) -> SetNode {
    let set = name.and_then(|name| survey.hub.sets.get(name));
    let rollout = match set.map(|set| &set.strategy) {
        Some(Strategy::RollingSync { steps, .. }) => count(steps.len(), "rollout step"),
        Some(Strategy::AllAtOnce) | None => "all clusters at once".to_owned(),
    };
    SetNode {
        name: name.map(ToOwned::to_owned),
        projects: BTreeSet::new(),
        rollout,
        sources: Vec::new(),
    }
}

fn keys(application: &Application) -> Vec<SourceKey> {
    let key = |source: &muster_fleet::source::Source| {
        let revision = match source.target_revision.as_str() {
            "" => "HEAD",
            name => name,
        };
        (
            source.repo_url.clone(),
            revision.to_owned(),
            source.path.as_str().to_owned(),
        )
    };
    application.sources.iter().map(key).collect()
}

/// Clusters with the same sources and state, in the order of the fleet file.
fn groups(survey: &Survey) -> Vec<ClusterGroup> {
    type Key<'s> = (&'static str, BTreeSet<(Option<&'s str>, SourceKey)>);
    let mut numbers: BTreeMap<Key<'_>, usize> = BTreeMap::new();
    let mut groups: Vec<ClusterGroup> = Vec::new();
    for cluster in survey.hub.fleet.clusters.iter() {
        let state = match cluster.state {
            ClusterState::Active => "Active",
            ClusterState::Suspended => "Suspended",
            ClusterState::Leaving => "Leaving",
        };
        let mut sources = BTreeSet::new();
        let mut applications = 0;
        for found in survey.of(&cluster.name) {
            applications += 1;
            let set = found.application.set.as_deref();
            sources.extend(keys(found.application).into_iter().map(|key| (set, key)));
        }
        let number = *numbers.entry((state, sources)).or_insert_with(|| {
            groups.push(ClusterGroup {
                state,
                labels: cluster.labels.to_map(),
                clusters: Vec::new(),
                applications,
            });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(number) {
            group
                .labels
                .retain(|key, value| cluster.labels.get(key) == Some(value.as_str()));
            group.clusters.push(cluster.name.clone());
        }
    }
    groups
}

/// Text inside mermaid's quotes: entities for what ends it.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '`' => out.push_str("#96;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(
            quoted("a\"] --> b<script>#"),
            "a#quot;] --#gt; b#lt;script#gt;#35;"
        );
    }
}
