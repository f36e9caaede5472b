//! Fleets: which Applications each cluster has.
//!
//! A folder is a fleet when it has `clusters.yaml` (Argo CD cluster Secrets), `expected_per_cluster.yaml` and files
//! with ApplicationSets. The expectation lists Applications by cluster, or by `<kind>_generator` and then by cluster.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_fleet::application::Application;
use muster_fleet::hub::{Hub, load};
use muster_fleet::targets::targets;
use muster_model::{ClusterName, Map, MemoryTree, Node, RepoPath, yaml};

use crate::corpus::{Case, Corpus, Outcome};

const FLEET_FILE: &str = "fleet.yaml";
const EXPECTED: &str = "expected_per_cluster.yaml";
const CLUSTERS: &str = "clusters.yaml";

/// One corpus for each fleet, or for each section of its expectation.
pub(crate) fn corpora(folder: &Path) -> Vec<Corpus> {
    let files = super::files_below(folder);
    let expectations = files.iter().filter(|path| path.ends_with(EXPECTED));
    expectations
        .flat_map(|path| fleet_corpora(folder, path))
        .collect()
}

fn fleet_corpora(root: &Path, expected: &Path) -> Vec<Corpus> {
    let folder = expected.parent().unwrap_or(root).to_owned();
    let name = folder.strip_prefix(root).unwrap_or(&folder);
    let name = format!("fleet/{}", name.display());
    let Ok(documents) = super::documents(expected) else {
        return Vec::new();
    };
    let mut corpora = Vec::new();
    for document in documents.iter().filter_map(Node::as_map) {
        let sections: Vec<(&str, &Map)> = document
            .iter()
            .filter_map(|(key, node)| Some((key.strip_suffix("_generator")?, node.as_map()?)))
            .collect();
        if sections.is_empty() {
            corpora.push(section(&name, &folder, "", document));
        }
        for (kind, clusters) in sections {
            corpora.push(section(&format!("{name}/{kind}"), &folder, kind, clusters));
        }
    }
    corpora
}

/// One case for each cluster.
fn section(name: &str, folder: &Path, kind: &str, clusters: &Map) -> Corpus {
    let paths: BTreeSet<String> = clusters
        .values()
        .flat_map(|rows| rows.as_list().unwrap_or_default())
        .filter_map(|row| row.str_at(&["path"]).map(ToOwned::to_owned))
        .collect();
    let fleet = Arc::new(Fleet {
        folder: folder.to_owned(),
        kind: kind.to_owned(),
        paths,
    });
    let case = |(cluster, rows): (&str, &Node)| {
        let (fleet, rows, cluster) = (Arc::clone(&fleet), rows.clone(), cluster.to_owned());
        Case {
            name: cluster.clone(),
            run: Box::new(move || {
                fleet
                    .check(&cluster, &rows)
                    .unwrap_or_else(Outcome::Refused)
            }),
        }
    };
    Corpus {
        name: name.to_owned(),
        cases: clusters.iter().map(case).collect(),
    }
}

/// One fleet, with the ApplicationSets whose first generator is of one kind.
struct Fleet {
    folder: PathBuf,
    kind: String,
    paths: BTreeSet<String>,
}

impl Fleet {
    fn check(&self, cluster: &str, rows: &Node) -> Result<Outcome, String> {
        let (hub, tree) = self.hub()?;
        let entry = hub
            .fleet
            .clusters
            .iter()
            .find(|entry| entry.argo_name() == cluster)
            .ok_or_else(|| format!("no cluster is called {cluster}"))?;
        let found = targets(&hub, &entry.name, &tree).map_err(|failure| format!("{failure:?}"))?;
        let rows = rows.as_list().unwrap_or_default();
        let expected: BTreeSet<String> = rows.iter().map(|row| show_row(row, row)).collect();
        let got: BTreeSet<String> = found
            .applications
            .iter()
            .map(|application| {
                let name = Some(application.key.name.as_str());
                let same = |row: &&Node| row.str_at(&["application"]) == name;
                let row = rows.iter().find(same).cloned().unwrap_or_default();
                show_row(&to_row(application), &row)
            })
            .collect();
        if got == expected {
            return Ok(Outcome::Exact);
        }
        let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        let problems = problems.join("\n");
        Ok(Outcome::Wrong(format!(
            "expected {expected:#?}\ngot {got:#?}\nproblems {problems}"
        )))
    }

    fn hub(&self) -> Result<(Hub, MemoryTree), String> {
        let mut sets = Vec::new();
        for path in super::files_below(&self.folder) {
            let is_yaml = path
                .extension()
                .is_some_and(|extension| extension == "yaml");
            let other = path.ends_with(EXPECTED) || path.ends_with(CLUSTERS);
            if is_yaml && !other {
                sets.extend(super::documents(&path)?);
            }
        }
        sets.retain(|set| self.is_wanted(set));
        let secrets = super::documents(&self.folder.join(CLUSTERS))?;
        let mut tree = MemoryTree::new();
        let mut insert = |path: &str, text: String| {
            let path = RepoPath::new(path).map_err(|error| error.to_string())?;
            tree.insert(path, text.into_bytes());
            Ok::<(), String>(())
        };
        insert(FLEET_FILE, fleet_file(&secrets, &sets))?;
        insert("sets.yaml", yaml::write_documents(&sets))?;
        insert("projects.yaml", yaml::write_documents(&projects(&sets)))?;
        for path in &self.paths {
            if !path.contains("{{") {
                insert(&format!("{path}/kustomization.yaml"), String::new())?;
            }
        }
        let path = RepoPath::new(FLEET_FILE).map_err(|error| error.to_string())?;
        let hub = load(&tree, &path).map_err(|failure| format!("{failure:?}"))?;
        Ok((hub, tree))
    }

    fn is_wanted(&self, set: &Node) -> bool {
        let generators = set.at_path(&["spec", "generators"]).and_then(Node::as_list);
        let first = generators.and_then(<[Node]>::first).and_then(Node::as_map);
        self.kind.is_empty()
            || first.is_some_and(|map| map.keys().any(|key| key.starts_with(&self.kind)))
    }
}

/// The columns that the expected row has, as one line.
fn show_row(row: &Node, columns: &Node) -> String {
    const COMPARED: &[&str] = &[
        "applicationset",
        "application",
        "path",
        "repoURL",
        "namespace",
        "server",
    ];
    let always = columns.as_map().is_none();
    let shown = COMPARED
        .iter()
        .filter(|column| always || columns.get(column).is_some());
    let cell = |column: &&str| format!("{column}={}", row.str_at(&[column]).unwrap_or_default());
    shown.map(cell).collect::<Vec<_>>().join(" ")
}

fn to_row(application: &Application) -> Node {
    let source = &application.sources[0];
    let cells = [
        (
            "applicationset",
            application.set.as_deref().unwrap_or_default(),
        ),
        ("application", &*application.key.name),
        ("path", source.path.as_str()),
        ("repoURL", &*source.repo_url),
        ("namespace", &*application.destination.namespace),
        ("server", &*application.destination.server),
    ];
    Node::map(
        cells
            .map(|(key, text)| (key, Node::string(text)))
            .into_iter()
            .collect(),
    )
}

/// A fleet file for the Secrets: every repository the sets name is taken for the hub repository.
fn fleet_file(secrets: &[Node], sets: &[Node]) -> String {
    let text = |text: &str| Node::string(text);
    let clusters: Vec<Node> = secrets.iter().enumerate().map(cluster_entry).collect();
    let mut urls = BTreeSet::new();
    for set in sets {
        collect(set, "repoURL", &mut urls);
    }
    let repository = |url: &String| {
        Node::map(
            [("url", text(url)), ("self", Node::bool(true))]
                .into_iter()
                .collect(),
        )
    };
    let resources = ["sets.yaml", "projects.yaml"].map(text).to_vec();
    let spec = Map::from_iter([
        ("clusters", Node::list(clusters)),
        (
            "repositories",
            Node::list(
                urls.iter()
                    .filter(|url| is_url(url))
                    .map(repository)
                    .collect(),
            ),
        ),
        ("resources", Node::list(resources)),
    ]);
    let metadata = Map::from_iter([("name", text("conformance"))]);
    let file = Map::from_iter([
        ("apiVersion", text("muster.dev/v1alpha1")),
        ("kind", text("Fleet")),
        ("metadata", Node::map(metadata)),
        ("spec", Node::map(spec)),
    ]);
    yaml::to_string(&Node::map(file))
}

fn is_url(text: &str) -> bool {
    muster_fleet::git_url::error(text).is_none()
}

fn cluster_entry((index, secret): (usize, &Node)) -> Node {
    let data = |name: &str| secret.str_at(&["stringData", name]).unwrap_or_default();
    let name = data("name");
    let mut entry = Map::new();
    if ClusterName::new(name).is_ok() {
        entry.insert("name", Node::string(name));
    } else {
        entry.insert("name", Node::string(format!("cluster-{index}")));
        entry.insert("argoName", Node::string(name));
    }
    for field in ["server", "project"] {
        if !data(field).is_empty() {
            entry.insert(field, Node::string(data(field)));
        }
    }
    for field in ["labels", "annotations"] {
        if let Some(map) = secret.at_path(&["metadata", field]) {
            entry.insert(field, map.clone());
        }
    }
    Node::map(entry)
}

/// A project that permits everything for each project the sets name.
fn projects(sets: &[Node]) -> Vec<Node> {
    let mut names = BTreeSet::from(["default".to_owned()]);
    for set in sets {
        collect(set, "project", &mut names);
    }
    let project = |name: &String| {
        let metadata = Map::from_iter([("name", Node::string(name))]);
        let map = Map::from_iter([
            ("apiVersion", Node::string("argoproj.io/v1alpha1")),
            ("kind", Node::string("AppProject")),
            ("metadata", Node::map(metadata)),
            ("spec", Node::map(Map::new())),
        ]);
        Node::map(map)
    };
    names
        .iter()
        .filter(|name| !name.contains("{{"))
        .map(project)
        .collect()
}

/// Every text under a key, at any depth.
fn collect(node: &Node, wanted: &str, into: &mut BTreeSet<String>) {
    for item in node.as_list().unwrap_or_default() {
        collect(item, wanted, into);
    }
    for (key, value) in node.as_map().into_iter().flat_map(Map::iter) {
        match value.as_str() {
            Some(text) if key == wanted => {
                into.insert(text.to_owned());
            }
            _ => collect(value, wanted, into),
        }
    }
}
