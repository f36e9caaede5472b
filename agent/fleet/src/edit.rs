//! Changes to the fleet file by place: comments, order and layout of everything else stay as they are.
//!
//! Every edit is checked by reading the result: it has to be a valid fleet file that differs in nothing else.

use std::collections::BTreeMap;

use muster_model::{Budgets, ClusterName, Node, Problem, Reason, json, yaml};

use crate::fleet::{Cluster, ClusterState, Fleet, OnLeave};

/// A cluster to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEntry {
    /// Its name.
    pub name: ClusterName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Keys that may sign its status.
    pub status_keys: Vec<String>,
    /// The server Argo CD knows it by, if any.
    pub server: Option<String>,
    /// The name Argo CD knows it by, where that is another one.
    pub argo_name: Option<String>,
    /// The addresses of its Pods.
    pub pod_cidrs: Vec<String>,
    /// The addresses of its Services.
    pub service_cidrs: Vec<String>,
}

impl ClusterEntry {
    /// A cluster with nothing but a name.
    #[must_use]
    pub fn named(name: ClusterName) -> Self {
        Self {
            name,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            status_keys: Vec::new(),
            server: None,
            argo_name: None,
            pod_cidrs: Vec::new(),
            service_cidrs: Vec::new(),
        }
    }

    /// The lines of the entry, without indentation.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("- name: {}", self.name)];
        let texts = [("argoName", &self.argo_name), ("server", &self.server)];
        for (field, text) in texts {
            lines.extend(
                text.as_ref()
                    .map(|text| format!("  {field}: {}", quoted(text))),
            );
        }
        for (field, texts) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !texts.is_empty() {
                lines.push(format!("  {field}:"));
            }
            for (key, value) in texts {
                lines.push(format!("    {}: {}", quoted(key), quoted(value)));
            }
        }
        let lists = [
            ("statusKeys", &self.status_keys),
            ("podCIDRs", &self.pod_cidrs),
            ("serviceCIDRs", &self.service_cidrs),
        ];
        for (field, texts) in lists {
            if !texts.is_empty() {
                lines.push(format!("  {field}:"));
            }
            lines.extend(texts.iter().map(|text| format!("    - {}", quoted(text))));
        }
        lines
    }
}

/// Adds a cluster at the end of `spec.clusters`.
///
/// # Errors
/// When the file is not valid, has the cluster already, or is laid out so that it cannot be changed by place.
pub fn add_cluster(text: &str, entry: &ClusterEntry) -> Result<String, Problem> {
    let before = parse(text)?;
    if before.cluster(&entry.name).is_some() {
        return Err(refused(format!(
            "cluster `{}` is there already",
            entry.name
        )));
    }
    let list = ClusterList::find(text)?;
    let indent = " ".repeat(list.indent);
    let added: Vec<String> = entry
        .lines()
        .iter()
        .map(|line| format!("{indent}{line}"))
        .collect();
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    match list.items.last() {
        Some(item) => drop(lines.splice(item.end..item.end, added)),
        None => {
            let head = lines[list.line].clone();
            let key = head.split(':').next().unwrap_or_default().to_owned();
            lines.splice(
                list.line..=list.line,
                [vec![format!("{key}:")], added].concat(),
            );
        }
    }
    let changed = joined(&lines);
    let after = parse(&changed)?;
    let (names, kept) = (names(&after), names(&before));
    if names.len() == kept.len() + 1 && names.starts_with(&kept) {
        Ok(changed)
    } else {
        Err(by_hand())
    }
}

/// Takes a cluster out, with the comment right above it.
///
/// # Errors
/// When the file is not valid, has no such cluster, or is laid out so that it cannot be changed by place.
pub fn remove_cluster(text: &str, name: &ClusterName) -> Result<String, Problem> {
    let before = parse(text)?;
    let index = index_of(&before, name)?;
    let list = ClusterList::find(text)?;
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let item = list.items.get(index).ok_or_else(by_hand)?;
    let mut start = item.start;
    let prefix = format!("{}#", " ".repeat(list.indent));
    while start > list.line + 1 && lines[start - 1].starts_with(&prefix) {
        start -= 1;
    }
    lines.drain(start..item.end);
    if list.items.len() == 1 {
        lines[list.line] = format!("{} []", lines[list.line].trim_end());
    }
    let changed = joined(&lines);
    let after = parse(&changed)?;
    let mut kept = names(&before);
    kept.remove(index);
    if names(&after) == kept {
        Ok(changed)
    } else {
        Err(by_hand())
    }
}

/// Sets the state of a cluster.
///
/// # Errors
/// When the file is not valid, has no such cluster, or is laid out so that it cannot be changed by place.
pub fn set_state(text: &str, name: &ClusterName, state: ClusterState) -> Result<String, Problem> {
    let word = match state {
        ClusterState::Active => "Active",
        ClusterState::Suspended => "Suspended",
        ClusterState::Leaving => "Leaving",
    };
    set(text, name, ("state", word), |c| c.state == state)
}

/// Sets what a cluster does with what it runs when it leaves.
///
/// # Errors
/// When the file is not valid, has no such cluster, or is laid out so that it cannot be changed by place.
pub fn set_on_leave(text: &str, name: &ClusterName, on_leave: OnLeave) -> Result<String, Problem> {
    let word = match on_leave {
        OnLeave::Preserve => "Preserve",
        OnLeave::Prune => "Prune",
    };
    set(text, name, ("onLeave", word), |c| c.on_leave == on_leave)
}

/// Sets one field of a cluster to a word.
fn set(
    text: &str,
    name: &ClusterName,
    (field, word): (&str, &str),
    is_set: impl Fn(&Cluster) -> bool,
) -> Result<String, Problem> {
    let before = parse(text)?;
    let index = index_of(&before, name)?;
    let document = document(text)?;
    let clusters = document
        .at_path(&["spec", "clusters"])
        .and_then(Node::as_list);
    let node = clusters
        .and_then(|list| list.get(index))
        .ok_or_else(by_hand)?;
    let changed = match node.get(field) {
        Some(old) => replaced(text, old, word)?,
        None => inserted(text, node, (field, word))?,
    };
    let after = parse(&changed)?;
    let same = names(&after) == names(&before);
    if same && after.cluster(name).is_some_and(is_set) {
        Ok(changed)
    } else {
        Err(by_hand())
    }
}

fn replaced(text: &str, old: &Node, word: &str) -> Result<String, Problem> {
    let place = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
    let (start, end) = (place(old.span.start), place(old.span.end));
    match (text.get(..start), text.get(end..)) {
        (Some(before), Some(after)) if start < end => Ok(format!("{before}{word}{after}")),
        _ => Err(by_hand()),
    }
}

/// Puts a field right after `name`.
fn inserted(text: &str, node: &Node, (field, word): (&str, &str)) -> Result<String, Problem> {
    let member = node.as_map().and_then(|map| map.member("name"));
    let name = member.ok_or_else(by_hand)?;
    let end = usize::try_from(name.value.span.end).unwrap_or(usize::MAX);
    let start = usize::try_from(name.key_span.start).unwrap_or(usize::MAX);
    let (Some(before), Some(after)) = (text.get(..end), text.get(end..)) else {
        return Err(by_hand());
    };
    let line_start = text
        .get(..start)
        .map_or(0, |head| head.rfind('\n').map_or(0, |at| at + 1));
    let lead = text.get(line_start..start).unwrap_or_default();
    if lead.contains('{') {
        return Ok(format!("{before}, {field}: {word}{after}"));
    }
    let indent = " ".repeat(lead.chars().count());
    let (rest, tail) = after.split_once('\n').unwrap_or((after, ""));
    Ok(format!("{before}{rest}\n{indent}{field}: {word}\n{tail}"))
}

/// The entries of `spec.clusters` as ranges of lines, from 0.
struct ClusterList {
    /// The line of the key.
    line: usize,
    /// Columns before the dash.
    indent: usize,
    items: Vec<Item>,
}

struct Item {
    start: usize,
    /// One past the last line.
    end: usize,
}

impl ClusterList {
    fn find(text: &str) -> Result<Self, Problem> {
        let lines: Vec<&str> = text.lines().collect();
        let document = document(text)?;
        let spec = document.get("spec").and_then(Node::as_map);
        let member = spec
            .and_then(|spec| spec.member("clusters"))
            .ok_or_else(by_hand)?;
        let line = index(member.key_span.line);
        let nodes = member.value.as_list().unwrap_or_default();
        let head = lines.get(line).copied().unwrap_or_default();
        if nodes.is_empty() {
            let indent = head.len() - head.trim_start().len() + 2;
            return Ok(Self {
                line,
                indent,
                items: Vec::new(),
            });
        }
        let starts: Vec<usize> = nodes.iter().map(|node| index(node.span.line)).collect();
        let dash = |at: &usize| lines.get(*at).and_then(|line| dash_column(line));
        let indent = starts.first().and_then(dash).ok_or_else(by_hand)?;
        if starts.iter().any(|at| dash(at) != Some(indent)) {
            return Err(by_hand());
        }
        let items = starts.iter().map(|&start| Item {
            start,
            end: end_of(&lines, start, indent),
        });
        Ok(Self {
            line,
            indent,
            items: items.collect(),
        })
    }
}

fn index(line: u32) -> usize {
    usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX)
}

fn dash_column(line: &str) -> Option<usize> {
    let bare = line.trim_start();
    bare.starts_with("- ").then(|| line.len() - bare.len())
}

/// One past the last line of an entry: blank lines and comments after it are not its own.
fn end_of(lines: &[&str], start: usize, indent: usize) -> usize {
    let mut end = start + 1;
    for (at, line) in lines.iter().enumerate().skip(start + 1) {
        let bare = line.trim_start();
        let column = line.len() - bare.len();
        if bare.is_empty() || (bare.starts_with('#') && column <= indent) {
            continue;
        }
        if column <= indent {
            break;
        }
        end = at + 1;
    }
    end
}

fn document(text: &str) -> Result<Node, Problem> {
    let mut documents = yaml::read(text.as_bytes(), &Budgets::default(), 0)
        .map_err(|error| refused(format!("line {}: {error}", error.line())))?;
    documents.pop().ok_or_else(by_hand)
}

fn parse(text: &str) -> Result<Fleet, Problem> {
    match Fleet::parse("fleet.yaml", text.as_bytes()) {
        Ok((fleet, _)) => Ok(fleet),
        Err(problems) => Err(problems
            .into_iter()
            .next()
            .unwrap_or_else(|| refused("the fleet file is not valid"))),
    }
}

fn names(fleet: &Fleet) -> Vec<ClusterName> {
    let name = |cluster: &Cluster| cluster.name.clone();
    fleet.clusters.iter().map(name).collect()
}

fn index_of(fleet: &Fleet, name: &ClusterName) -> Result<usize, Problem> {
    let position = fleet.clusters.iter().position(|c| c.name == *name);
    position.ok_or_else(|| refused(format!("the fleet file has no cluster `{name}`")))
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A text as YAML: as it is where it reads as itself, else double quoted, which JSON's quoting is.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain);
    let reads_back = || {
        let read = yaml::read(text.as_bytes(), &Budgets::default(), 0);
        read.is_ok_and(|nodes| nodes.first().and_then(Node::as_str) == Some(text))
    };
    if is_plain && reads_back() {
        return text.to_owned();
    }
    json::to_string(&Node::string(text))
}

fn refused(message: impl Into<String>) -> Problem {
    Problem::new(Reason::InvalidFleetFile, message)
}

fn by_hand() -> Problem {
    refused("the list of clusters is laid out so that it cannot be changed without touching more")
        .remedy("edit the file by hand, or write one `- name: …` per line under spec.clusters")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
apiVersion: muster.dev/v1alpha1
kind: Fleet   # ours
metadata: {name: f}
spec:
  clusters:
    # the first
    - name: east   # keeps its comment
      labels:
        env: prod
    - {name: west, labels: {env: dev}}

    # the lab
    - name: lab
      state: Active

  # where
  repositories: []
";

    fn name(text: &str) -> ClusterName {
        ClusterName::new(text).expect("a name")
    }

    #[test]
    fn a_cluster_is_added_after_the_last_one_and_nothing_else_changes() {
        let mut entry = ClusterEntry::named(name("new"));
        entry.labels.insert("a.b/c".to_owned(), "true".to_owned());
        let changed = add_cluster(TEXT, &entry).expect("added");
        let added = "    - name: new\n      labels:\n        a.b/c: \"true\"\n";
        assert_eq!(
            changed,
            TEXT.replace(
                "      state: Active\n",
                &format!("      state: Active\n{added}")
            )
        );
        assert!(add_cluster(&changed, &entry).is_err());
    }

    #[test]
    fn a_cluster_goes_with_its_comment() {
        let changed = remove_cluster(TEXT, &name("lab")).expect("removed");
        assert_eq!(
            changed,
            TEXT.replace("    # the lab\n    - name: lab\n      state: Active\n", "")
        );
        assert!(remove_cluster(TEXT, &name("none")).is_err());
    }

    #[test]
    fn the_only_cluster_leaves_an_empty_list_that_can_be_filled_again() {
        let text = "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec:\n  clusters:\n    - name: a\n";
        let empty = remove_cluster(text, &name("a")).expect("removed");
        assert!(empty.ends_with("  clusters: []\n"));
        let again = add_cluster(&empty, &ClusterEntry::named(name("a"))).expect("added");
        assert_eq!(again, text);
    }

    #[test]
    fn what_a_leaving_cluster_does_is_set_beside_its_state() {
        let leaving = set_state(TEXT, &name("east"), ClusterState::Leaving).expect("set");
        let changed = set_on_leave(&leaving, &name("east"), OnLeave::Prune).expect("set");
        assert!(
            changed.contains("      onLeave: Prune\n      state: Leaving\n"),
            "{changed}"
        );
    }

    #[test]
    fn states_are_set_in_every_layout() {
        for (cluster, old, new) in [
            (
                "east",
                "- name: east   # keeps its comment\n",
                "- name: east   # keeps its comment\n      state: Leaving\n",
            ),
            ("west", "{name: west,", "{name: west, state: Leaving,"),
            ("lab", "state: Active", "state: Leaving"),
        ] {
            let changed = set_state(TEXT, &name(cluster), ClusterState::Leaving).expect("set");
            assert_eq!(changed, TEXT.replace(old, new), "{cluster}");
        }
    }
}
