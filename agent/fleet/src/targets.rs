//! Which Applications a cluster has.
//!
//! ```text
//!   each set: generators ─▶ parameters ─▶ name + destination ─▶ for this cluster? ─▶ whole template ─▶ Application
//! ```
//! Only names and destinations are rendered for other clusters: names have to be unique in the whole fleet.

mod expand;
mod names;

use std::collections::BTreeSet;

use muster_model::{BlobId, ClusterName, Location, Problem, Reason, Tree};

use crate::application::{Application, Definition};
use crate::failure::Failure;
use crate::hub::Hub;
use crate::template::Renderer;
use names::Names;

/// What one cluster, or every cluster, runs at one hub commit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Targets {
    /// The Applications, by name.
    pub applications: Vec<Application>,
    /// Applications of other clusters that may render Applications for this one (DESIGN.md 3.2, app-of-apps).
    pub parents: Vec<Application>,
    /// What is wrong; it takes nothing else away.
    pub problems: Vec<Problem>,
    /// What is worth knowing.
    pub warnings: Vec<Problem>,
    /// Of what something may be missing.
    pub incomplete: Incomplete,
}

/// What may have more Applications than were found: nothing of it is pruned (HAZARDS.md P1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Incomplete {
    /// ApplicationSets.
    pub sets: BTreeSet<String>,
    /// Single Applications.
    pub applications: BTreeSet<String>,
    /// Applications that may render others.
    pub parents: BTreeSet<String>,
    /// True when one of these is known to be there for that: Applications may be missing whose names nobody knows.
    pub unknown_children: bool,
}

impl Incomplete {
    /// True when an Application that is not among the targets may only be missing by error.
    #[must_use]
    pub fn covers(&self, set: Option<&str>, parent: Option<&str>, name: &str) -> bool {
        self.applications.contains(name)
            || set.is_some_and(|set| self.sets.contains(set))
            || parent.is_some_and(|parent| self.parents.contains(parent))
    }

    /// True when Applications may be missing whose names nobody knows.
    #[must_use]
    pub fn hides_any(&self) -> bool {
        !self.sets.is_empty() || self.unknown_children
    }

    /// Of what this Application may render, something may be missing.
    pub fn doubt_children_of(&mut self, parent: &Application, is_followed: bool) {
        self.parents.insert(parent.key.name.clone());
        self.unknown_children |= is_followed;
    }
}

/// Problems of one ApplicationSet that are reported: more say nothing new.
const MAX_PROBLEMS: usize = 20;

/// Evaluates every generator and template, and keeps what runs on `cluster`.
///
/// # Errors
/// When the cluster is not in the fleet, or something is not fetched yet.
pub fn targets(hub: &Hub, cluster: &ClusterName, hub_tree: &dyn Tree) -> Result<Targets, Failure> {
    if hub.fleet.cluster(cluster).is_none() {
        return Err(Failure::of(
            Reason::Unassigned,
            format!("the fleet file has no cluster `{cluster}`"),
        ));
    }
    let search = Search::new(hub, Wanted::One(cluster), Share::WHOLE);
    search.run(hub_tree).finish()
}

/// Evaluates every generator and template once, for all clusters: the same Applications that [`targets`] finds for each.
///
/// # Errors
/// When something is not fetched yet.
pub fn all_targets(hub: &Hub, hub_tree: &dyn Tree) -> Result<Targets, Failure> {
    join(vec![part_of_targets(hub, hub_tree, Share::WHOLE)])
}

/// A share of the work of [`all_targets`]; [`join`] puts the shares together.
#[must_use]
pub fn part_of_targets<'a>(hub: &'a Hub, hub_tree: &dyn Tree, share: Share) -> Part<'a> {
    Part(Search::new(hub, Wanted::All, share).run(hub_tree))
}

/// A share of all targets.
pub struct Part<'a>(Search<'a>);

/// Which share of the elements of each generator is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The number of this share.
    pub part: usize,
    /// How many there are.
    pub of: usize,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { part: 0, of: 1 };

    fn has(self, number: usize) -> bool {
        number % self.of.max(1) == self.part
    }

    fn is_first(self) -> bool {
        self.part == 0
    }
}

/// Puts the shares of one hub commit together.
///
/// # Errors
/// When something is not fetched yet, or there is no share.
pub fn join(parts: Vec<Part<'_>>) -> Result<Targets, Failure> {
    let mut parts = parts.into_iter().map(|Part(search)| search);
    let Some(mut whole) = parts.next() else {
        return Ok(Targets::default());
    };
    for part in parts {
        whole.add(part);
    }
    whole.finish()
}

/// Whose Applications are looked for.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    One(&'a ClusterName),
    All,
}

impl Wanted<'_> {
    fn has(self, cluster: &ClusterName) -> bool {
        match self {
            Self::One(one) => one == cluster,
            Self::All => true,
        }
    }
}

/// Who gives an Application its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Set(String),
    Single(String),
}

struct Search<'a> {
    hub: &'a Hub,
    wanted: Wanted<'a>,
    share: Share,
    found: Vec<(Owner, Application)>,
    parents: Vec<Application>,
    names: Names,
    /// The problems so far, to say each once.
    said: BTreeSet<Problem>,
    missing: BTreeSet<BlobId>,
    targets: Targets,
}

impl<'a> Search<'a> {
    fn new(hub: &'a Hub, wanted: Wanted<'a>, share: Share) -> Self {
        Self {
            hub,
            wanted,
            share,
            found: Vec::new(),
            parents: Vec::new(),
            names: Names::default(),
            said: BTreeSet::new(),
            missing: BTreeSet::new(),
            targets: Targets {
                warnings: hub.warnings.clone(),
                ..Targets::default()
            },
        }
    }

    fn run(mut self, hub_tree: &dyn Tree) -> Self {
        let mut renderer = Renderer::new();
        for set in self.hub.sets.values() {
            self.set(set, hub_tree, &mut renderer);
        }
        // What is not an element of anything is looked at once.
        if self.share.is_first() {
            self.broken();
            for definition in self.hub.applications.values() {
                self.single(definition);
            }
        }
        self
    }

    /// Takes over what another share found.
    fn add(&mut self, other: Self) {
        self.found.extend(other.found);
        self.parents.extend(other.parents);
        self.names.add(&other.names);
        self.missing.extend(other.missing);
        let Targets {
            applications: _,
            parents: _,
            problems,
            warnings: _,
            incomplete,
        } = other.targets;
        for problem in problems {
            self.say(problem);
        }
        let Incomplete {
            sets,
            applications,
            parents,
            unknown_children,
        } = incomplete;
        let whole = &mut self.targets.incomplete;
        whole.sets.extend(sets);
        whole.applications.extend(applications);
        whole.parents.extend(parents);
        whole.unknown_children |= unknown_children;
    }

    /// What is declared but not valid.
    fn broken(&mut self) {
        let hub = self.hub;
        let broken = &hub.broken;
        for problem in broken.problems() {
            self.say(problem.clone());
        }
        self.targets
            .incomplete
            .sets
            .extend(broken.sets.keys().cloned());
        // A placement's Applications name it as their set.
        self.targets
            .incomplete
            .sets
            .extend(broken.placements.keys().cloned());
        let singles = broken.applications.keys().cloned();
        self.targets.incomplete.applications.extend(singles);
    }

    /// Marks something as possibly incomplete.
    fn doubt(&mut self, owner: &Owner) {
        let incomplete = &mut self.targets.incomplete;
        match owner {
            Owner::Set(name) => incomplete.sets.insert(name.clone()),
            Owner::Single(name) => incomplete.applications.insert(name.clone()),
        };
    }

    fn problem(&mut self, owner: &Owner, problem: Problem) {
        self.doubt(owner);
        self.say(problem);
    }

    fn say(&mut self, problem: Problem) {
        if self.said.insert(problem.clone()) {
            self.targets.problems.push(problem);
        }
    }

    fn single(&mut self, definition: &Definition) {
        let owner = Owner::Single(definition.name.clone());
        self.names.give(&definition.name, &owner);
        match definition.destination.resolve(&self.hub.directory) {
            Ok(cluster) if self.wanted.has(&cluster) => {
                let application = definition
                    .clone()
                    .on(&self.hub.directory, cluster, None, None);
                self.accept(owner, definition, application);
            }
            Ok(cluster) => {
                let directory = &self.hub.directory;
                let application = definition.clone().on(directory, cluster, None, None);
                self.parent(definition, application);
            }
            Err(problem) => {
                let place = definition.origin.clone();
                self.problem(&owner, problem.at(place).field("spec.destination"));
            }
        }
    }

    /// Takes an Application of this cluster, unless its repository or project is unknown.
    fn accept(&mut self, owner: Owner, definition: &Definition, application: Application) {
        let mut problems = definition.unknown_repositories(&self.hub.fleet);
        problems.extend(self.unknown_project(&application));
        if problems.is_empty() {
            return self.found.push((owner, application));
        }
        for problem in problems {
            self.problem(&owner, problem);
        }
    }

    /// Remembers an Application of another cluster, for what it may render. What is wrong with it is said where it runs.
    fn parent(&mut self, definition: &Definition, application: Application) {
        let is_sound = definition.unknown_repositories(&self.hub.fleet).is_empty()
            && self.unknown_project(&application).is_none();
        if is_sound {
            self.parents.push(application);
        } else {
            self.targets
                .incomplete
                .doubt_children_of(&application, true);
        }
    }

    fn unknown_project(&self, application: &Application) -> Option<Problem> {
        let project = &application.key.project;
        if self.hub.projects.contains_key(project) {
            return None;
        }
        let why = if self.hub.broken.projects.contains_key(project) {
            "is not valid"
        } else {
            "is declared by no file"
        };
        Some(
            Problem::new(
                Reason::UnknownProject,
                format!(
                    "Application `{}` is in project `{project}`, which {why}",
                    application.key.name
                ),
            )
            .at(application.origin.clone()),
        )
    }

    /// Refuses names that are there twice, and gives the answer.
    fn finish(mut self) -> Result<Targets, Failure> {
        if !self.missing.is_empty() {
            return Err(Failure::NotFetched(self.missing.into_iter().collect()));
        }
        let twice = std::mem::take(&mut self.names).twice();
        for (name, owners) in &twice {
            let problem = duplicate(name, owners, self.hub);
            for owner in owners {
                self.problem(owner, problem.clone());
            }
        }
        let mut targets = self.targets;
        targets.parents = self.parents;
        targets
            .parents
            .retain(|parent| !twice.contains_key(&parent.key.name));
        targets.applications = self
            .found
            .into_iter()
            .map(|(_, application)| application)
            .filter(|application| !twice.contains_key(&application.key.name))
            .collect();
        targets
            .applications
            .sort_by(|a, b| a.key.name.cmp(&b.key.name));
        Ok(targets)
    }
}

fn duplicate(name: &str, owners: &[Owner], hub: &Hub) -> Problem {
    let place = |owner: &Owner| -> Option<Location> {
        match owner {
            Owner::Set(set) => hub.sets.get(set).map(|set| set.origin.clone()),
            Owner::Single(name) => hub.applications.get(name).map(|a| a.origin.clone()),
        }
    };
    let describe = |owner: &Owner| match owner {
        Owner::Set(set) => format!("ApplicationSet `{set}`"),
        Owner::Single(_) => "an Application".to_owned(),
    };
    let names: BTreeSet<String> = owners.iter().map(describe).collect();
    let names: Vec<String> = names.into_iter().collect();
    let mut problem = Problem::new(
        Reason::DuplicateApplication,
        format!(
            "{} Applications are called `{name}`: {}",
            owners.len(),
            names.join(", ")
        ),
    );
    problem.at = owners.first().and_then(place);
    problem
}

#[cfg(test)]
mod tests;
