//! Everything of one hub commit, parsed once: the fleet file and the Argo CD files it names.

mod validate;

use std::collections::BTreeMap;

use muster_model::tree::{EntryKind, TreeError};
use muster_model::{Budgets, ClusterName, Location, Node, Problem, Reason, RepoPath, Tree, yaml};

use crate::application::{ARGO_API_VERSION, Definition};
use crate::applicationset::ApplicationSet;
use crate::decode::Decoder;
use crate::destination::Directory;
use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::generator::Members;
use crate::placement::{self, Placement};
use crate::project::Project;

/// Everything of one hub commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Hub {
    /// The fleet file.
    pub fleet: Fleet,
    /// The projects, by name.
    pub projects: BTreeMap<String, Project>,
    /// The ApplicationSets, by name.
    pub sets: BTreeMap<String, ApplicationSet>,
    /// Applications written down one by one, by name.
    pub(crate) applications: BTreeMap<String, Definition>,
    /// The placements, by name.
    pub placements: BTreeMap<String, Placement>,
    /// What is declared but not valid, with what is wrong: nothing of it is applied or deleted.
    pub broken: Broken,
    /// What is worth knowing.
    pub warnings: Vec<Problem>,
    pub(crate) members: Members,
    pub(crate) directory: Directory,
}

/// Declarations that are not valid, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Broken {
    /// ApplicationSets.
    pub sets: BTreeMap<String, Vec<Problem>>,
    /// Applications.
    pub applications: BTreeMap<String, Vec<Problem>>,
    /// Projects.
    pub projects: BTreeMap<String, Vec<Problem>>,
    /// Placements.
    pub placements: BTreeMap<String, Vec<Problem>>,
}

impl Broken {
    /// Everything that is wrong, in order.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let all = [
            &self.projects,
            &self.sets,
            &self.applications,
            &self.placements,
        ];
        all.into_iter().flat_map(BTreeMap::values).flatten()
    }
}

impl Hub {
    /// True when every cluster looks for Applications in what this Application renders, and not only its own cluster:
    /// it runs where Argo CD would keep Applications, or the fleet file lists it.
    pub(crate) fn follows_everywhere(&self, application: &str, cluster: &ClusterName) -> bool {
        let fleet = &self.fleet;
        fleet.management_cluster.as_ref() == Some(cluster)
            || fleet.admin_applications.iter().any(|a| a == application)
    }

    /// Names of the Applications that are written down one by one.
    pub fn application_names(&self) -> impl Iterator<Item = &str> {
        self.applications.keys().map(String::as_str)
    }
}

/// Reads the fleet file at `path` and every file it names.
///
/// An Argo CD object that is not valid is set apart in [`Hub::broken`]; a fleet file that is not valid, or a file whose
/// objects cannot be told, refuses the whole.
///
/// # Errors
/// [`Failure::NotFetched`] with everything that is still needed, or everything that is wrong.
pub fn load(tree: &dyn Tree, path: &RepoPath) -> Result<Hub, Failure> {
    let bytes = read_file(tree, path)?;
    let (fleet, warnings) = Fleet::parse(path.as_str(), &bytes).map_err(Failure::Refused)?;
    let mut hub = Hub {
        members: Members::of(&fleet),
        directory: Directory::of(&fleet),
        fleet,
        projects: BTreeMap::new(),
        sets: BTreeMap::new(),
        applications: BTreeMap::new(),
        placements: BTreeMap::new(),
        broken: Broken::default(),
        warnings,
    };
    let mut failure: Option<Failure> = None;
    for entry in hub.fleet.placements.clone() {
        if let Err(missing) = hub.read_placement(tree, entry) {
            failure = Some(missing);
        }
    }
    for resource in hub.fleet.resources.clone() {
        if let Err(error) = hub.read_resource(tree, &resource, path) {
            failure = Some(match failure {
                Some(first) => first.and(error),
                None => error,
            });
        }
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    hub.permit_placements(path);
    validate::hub(&mut hub, path);
    Ok(hub)
}

/// The kinds of Argo CD that a hub commit declares.
#[derive(Clone, Copy)]
enum Kind {
    Set,
    Project,
    Application,
}

impl Hub {
    fn read_resource(
        &mut self,
        tree: &dyn Tree,
        resource: &str,
        fleet_file: &RepoPath,
    ) -> Result<(), Failure> {
        let path = RepoPath::new(resource)
            .map_err(|error| Failure::of(Reason::PathEscapesRepo, error.to_string()))?;
        let bytes = read_file(tree, &path).map_err(|failure| {
            failure.map(|problem| problem.via(Location::file(fleet_file.as_str())))
        })?;
        let documents = yaml::read(&bytes, &Budgets::default(), 0).map_err(|error| {
            let at = Location::line(path.as_str(), error.line());
            Failure::from(Problem::new(Reason::InvalidYaml, error.to_string()).at(at))
        })?;
        let mut problems = Vec::new();
        for document in documents.iter().flat_map(unlisted) {
            self.read_document(path.as_str(), document, &mut problems);
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Failure::Refused(problems))
        }
    }

    /// Reads a placement's policies. What is wrong with them stays with it.
    fn read_placement(
        &mut self,
        tree: &dyn Tree,
        entry: placement::PlacementEntry,
    ) -> Result<(), Failure> {
        match placement::read_policy_files(tree, &entry) {
            Ok((policies, warnings)) => {
                self.warnings.extend(warnings);
                let name = entry.name.clone();
                self.placements.insert(name, Placement { entry, policies });
            }
            Err(Failure::Refused(problems)) => {
                self.broken.placements.insert(entry.name, problems);
            }
            Err(missing @ Failure::NotFetched(_)) => return Err(missing),
        }
        Ok(())
    }

    /// Gives placements a project where neither they nor a file name one.
    fn permit_placements(&mut self, fleet_file: &RepoPath) {
        let unnamed = self.fleet.placements.iter().any(|p| p.project.is_none());
        if unnamed && self.placement_project() == placement::PROJECT {
            self.projects
                .entry(placement::PROJECT.to_owned())
                .or_insert_with(|| Project::of_placements(Location::file(fleet_file.as_str())));
        }
    }

    /// The project of placements that name none.
    pub(crate) fn placement_project(&self) -> &str {
        let is_declared = |name: &str| {
            self.projects.contains_key(name) || self.broken.projects.contains_key(name)
        };
        if is_declared("default") {
            "default"
        } else {
            placement::PROJECT
        }
    }

    /// Reads one object. What is wrong with an object whose name is known stays with it.
    fn read_document(&mut self, file: &str, node: &Node, problems: &mut Vec<Problem>) {
        let at = Location::line(file, node.span.line);
        let kind = match kind_of(node) {
            Ok(kind) => kind,
            Err(problem) => return problems.push(problem.at(at)),
        };
        let name = node
            .str_at(&["metadata", "name"])
            .unwrap_or_default()
            .to_owned();
        if name.is_empty() {
            let problem = Problem::new(Reason::MissingField, "`metadata.name` is missing");
            return problems.push(problem.at(at).field("metadata.name"));
        }
        let mut decoder = Decoder::new(file, Reason::InvalidField);
        let (broken, twice) = match kind {
            Kind::Set => {
                let set = ApplicationSet::read(&mut decoder, node);
                let twice = self.sets.insert(name.clone(), set).is_some();
                (&mut self.broken.sets, twice)
            }
            Kind::Project => {
                let project = Project::read(&mut decoder, node);
                let twice = self.projects.insert(name.clone(), project).is_some();
                (&mut self.broken.projects, twice)
            }
            Kind::Application => {
                let application = Definition::read_document(&mut decoder, node);
                let twice = self
                    .applications
                    .insert(name.clone(), application)
                    .is_some();
                (&mut self.broken.applications, twice)
            }
        };
        if twice {
            decoder.wrong(
                node.span.line,
                "metadata.name",
                format!("a second object of this kind is called `{name}`"),
            );
        }
        let (wrong, warnings) = decoder.into_problems();
        self.warnings.extend(warnings);
        if wrong.is_empty() {
            return;
        }
        broken.entry(name.clone()).or_default().extend(wrong);
        match kind {
            Kind::Set => drop(self.sets.remove(&name)),
            Kind::Project => drop(self.projects.remove(&name)),
            Kind::Application => drop(self.applications.remove(&name)),
        }
    }
}

fn kind_of(node: &Node) -> Result<Kind, Problem> {
    let version = node.str_at(&["apiVersion"]).unwrap_or_default();
    let kind = node.str_at(&["kind"]).unwrap_or_default();
    match (version, kind) {
        (ARGO_API_VERSION, "ApplicationSet") => Ok(Kind::Set),
        (ARGO_API_VERSION, "AppProject") => Ok(Kind::Project),
        (ARGO_API_VERSION, "Application") => Ok(Kind::Application),
        _ => Err(Problem::new(
            Reason::NotSupported,
            format!("`{version}` `{kind}` is not an Argo CD object"),
        )
        .remedy(format!(
            "spec.resources names files with ApplicationSet, AppProject and Application of {ARGO_API_VERSION}; deliver other objects by an Application"
        ))),
    }
}

/// The items of a `v1 List`, or the object itself.
fn unlisted(node: &Node) -> Vec<&Node> {
    let is_list =
        node.str_at(&["apiVersion"]) == Some("v1") && node.str_at(&["kind"]) == Some("List");
    match node.get("items").and_then(Node::as_list) {
        Some(items) if is_list => items.iter().collect(),
        _ => vec![node],
    }
}

/// The bytes of a file of the hub repository.
pub(crate) fn read_file(tree: &dyn Tree, path: &RepoPath) -> Result<std::sync::Arc<[u8]>, Failure> {
    let at = |problem: Problem| Failure::from(problem.at(Location::file(path.as_str())));
    let entry = tree.entry(path).map_err(Failure::from)?;
    let Some(entry) = entry else {
        return Err(at(Problem::new(
            Reason::PathNotFound,
            format!("there is no file `{path}`"),
        )));
    };
    let (reason, what) = match entry.kind {
        EntryKind::Blob => {
            let bytes = match tree.blob(&entry.id) {
                Ok(bytes) => bytes,
                Err(error @ TreeError::NotFetched(_)) => return Err(error.into()),
                Err(error) => {
                    let place = |problem: Problem| problem.at(Location::file(path.as_str()));
                    return Err(Failure::from(error).map(place));
                }
            };
            if bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
                return Err(at(Problem::new(
                    Reason::LfsPointer,
                    format!("`{path}` is a Git LFS pointer"),
                )));
            }
            return Ok(bytes);
        }
        EntryKind::Tree => (Reason::PathNotFound, "a directory; name its files"),
        EntryKind::Symlink => (Reason::SymlinkNotAllowed, "a symbolic link"),
        EntryKind::Submodule => (Reason::SubmoduleNotSupported, "a submodule"),
    };
    Err(at(Problem::new(reason, format!("`{path}` is {what}"))))
}

#[cfg(test)]
mod tests;
