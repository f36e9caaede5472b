//! What every cluster of the fleet should have at one view of Git: the steps of [`crate::desire()`], each distinct thing
//! done once.
//!
//! ```text
//!   hub commit ─▶ targets of all clusters ─▶ units (distinct sources) ─▶ renders ─▶ contents ─▶ guardrails, claims
//!                        ▲                            ▲
//!                        └────────── Memory: what was seen of the trees, and what came of it
//! ```

mod claims;
mod content;
mod judge;
mod memory;
mod render;
mod unit;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_fleet::application::Application;
use muster_fleet::children::{child_applications, is_followed};
use muster_fleet::hub::Hub;
use muster_fleet::namespaces::{learn_scopes, scopes_of};
use muster_fleet::placement::{Assignment, Placement, assign};
use muster_fleet::project::Scoped;
use muster_fleet::targets::{Incomplete, Targets};
use muster_model::kinds::Scopes;
use muster_model::{ApplicationKey, ClusterName, Manifest, Problem, Reason, RepoPath, Revision};
use muster_sync::DesiredObject;

use crate::commits::Commits;
use crate::desire::Need;
use crate::each::{Each, collect};
use crate::unbuilt;
use content::Setting;
use render::Outcome;
use unit::Units;

pub(crate) use content::ready;
pub use content::{Content, ContentObject};
pub use judge::Manner;
pub use memory::Memory;

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The view of Git.
    pub commits: &'a Commits,
    /// Path of the fleet file in the hub repository.
    pub fleet_file: &'a RepoPath,
    /// What earlier surveys found.
    pub memory: &'a Memory,
    /// Who does work that may be done side by side.
    pub each: Each<'a>,
}

/// What every cluster of the fleet should have.
#[derive(Debug, Clone)]
pub struct Survey {
    /// The fleet file and the Argo CD files.
    pub hub: Arc<Hub>,
    /// The hub commit.
    pub revision: Revision,
    /// What may have more Applications than were found.
    pub incomplete: Incomplete,
    /// What is wrong with the fleet file and the Argo CD files, and objects that two Applications claim.
    pub problems: Vec<Problem>,
    /// What should be looked at but stops nothing.
    pub warnings: Vec<Problem>,
    /// Distinct renders.
    pub renders: usize,
    targets: Arc<Targets>,
    children: Vec<Application>,
    found: Vec<Found>,
    by_cluster: BTreeMap<ClusterName, Vec<usize>>,
}

/// What was found out about one Application.
#[derive(Debug, Clone)]
struct Found {
    /// What the content depends on beside the files; `None` when there is no render.
    setting: Option<Setting>,
    given: Given,
    content: Outcome,
    manner: Manner,
    held: Option<Problem>,
}

/// Objects that no source renders by itself: what a policy places.
type Given = Option<Arc<[Manifest]>>;

/// One Application of one cluster.
#[derive(Debug, Clone, Copy)]
pub struct Surveyed<'s> {
    /// Its definition.
    pub application: &'s Application,
    /// What the cluster should have, or why that cannot be enforced.
    pub content: Result<&'s Arc<Content>, &'s [Problem]>,
    /// How it is applied.
    pub manner: Manner,
    /// What the Application asks for and this version does not do; it stays at its last good release.
    pub held: Option<&'s Problem>,
    index: usize,
}

/// Answers, or says what is missing.
///
/// # Errors
/// [`Need`].
pub fn survey(question: &Question<'_>) -> Result<Survey, Need> {
    let Question {
        commits,
        fleet_file,
        memory,
        each,
    } = *question;
    let (hub, targets) = memory.targets(commits, fleet_file, each)?;
    let mut draft = Draft {
        question,
        hub: &hub,
        units: Units::default(),
        of: Vec::new(),
        children: Vec::new(),
        problems: unbuilt::of_fleet_beside_rollouts(&hub, fleet_file),
        warnings: unbuilt::of_rollouts(&hub, fleet_file)
            .into_iter()
            .chain(targets.warnings.iter().cloned())
            .collect(),
        incomplete: targets.incomplete.clone(),
    };
    draft.render(&targets.applications)?;
    draft.place(&targets.applications)?;
    let Draft {
        units,
        of,
        children,
        mut problems,
        warnings,
        incomplete,
        ..
    } = draft;
    problems.extend(targets.problems.iter().cloned());
    let all: Vec<&Application> = targets.applications.iter().chain(&children).collect();
    let by_cluster = by_cluster(&all);
    let scopes = scopes_by_cluster(&hub, &units, &of, &by_cluster);
    let settings = collect(each, all.len(), |index| {
        setting(all[index], &units, of[index], &scopes)
    });
    let mut outcomes = units.contents(question, &of, &settings)?;
    refuse_shared_names(&all, &by_cluster, &mut outcomes);
    let given: Vec<_> = of.iter().map(|unit| units.given(*unit)).collect();
    let found = judged(each, &hub, &all, (settings, given, &outcomes));
    problems.extend(claims::twice(each, &all, &found, &by_cluster));
    let by_cluster = by_cluster
        .into_iter()
        .map(|(cluster, of)| (cluster.clone(), of))
        .collect();
    Ok(Survey {
        revision: commits.hub.clone(),
        incomplete,
        problems,
        warnings,
        renders: units.count(),
        hub: Arc::clone(&hub),
        targets: Arc::clone(&targets),
        children,
        found,
        by_cluster,
    })
}

/// What the guardrails leave of each Application's content.
fn judged(
    each: Each<'_>,
    hub: &Hub,
    all: &[&Application],
    (settings, given, outcomes): (Vec<Option<Setting>>, Vec<Given>, &[Outcome]),
) -> Vec<Found> {
    let clusters = hub.fleet.clusters.iter();
    let projects: BTreeMap<&ClusterName, &str> =
        clusters.map(|c| (&c.name, c.project.as_str())).collect();
    let judged = collect(each, all.len(), |index| {
        let cluster = &all[index].cluster;
        let scoped = Scoped::To(projects.get(cluster).copied().unwrap_or_default());
        judge::judge(hub, all[index], outcomes[index].clone(), scoped)
    });
    let found = |((judged, setting), given): ((judge::Judged, Option<Setting>), Given)| Found {
        setting,
        given,
        content: judged.content,
        manner: judged.manner,
        held: judged.held,
    };
    judged
        .into_iter()
        .zip(settings)
        .zip(given)
        .map(found)
        .collect()
}

/// A survey under way.
struct Draft<'a> {
    question: &'a Question<'a>,
    hub: &'a Hub,
    units: Units,
    /// The unit of each Application.
    of: Vec<usize>,
    children: Vec<Application>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    incomplete: Incomplete,
}

impl Draft<'_> {
    /// Renders the Applications, then those that they render, level by level (DESIGN.md 3.2, app-of-apps).
    fn render(&mut self, targets: &[Application]) -> Result<(), Need> {
        let mut level = self.level(targets)?;
        while !level.is_empty() {
            let next = self.level(&level)?;
            self.children.append(&mut level);
            level = next;
        }
        Ok(())
    }

    /// Renders one level, and gives the next.
    fn level(&mut self, applications: &[Application]) -> Result<Vec<Application>, Need> {
        let first = self.of.len();
        for application in applications {
            self.of.push(self.units.intern(application));
        }
        self.units.render(self.question, self.hub)?;
        let mut next = Vec::new();
        for (application, unit) in applications.iter().zip(&self.of[first..]) {
            let followed = is_followed(self.hub, application);
            if self.units.foreign(*unit).is_none() {
                self.incomplete.doubt_children_of(application, followed);
            }
            let objects = self.units.argo_objects(*unit);
            if objects.is_empty() {
                continue;
            }
            let found = child_applications(self.hub, application, &objects);
            if !found.problems.is_empty() {
                self.incomplete.doubt_children_of(application, followed);
            }
            self.problems.extend(found.problems);
            next.extend(found.applications);
        }
        Ok(next)
    }

    /// What the policies of placements put on each cluster, as Applications of their own.
    fn place(&mut self, targets: &[Application]) -> Result<(), Need> {
        let hub = self.hub;
        let Some(first) = hub
            .fleet
            .clusters
            .first()
            .filter(|_| !hub.placements.is_empty())
        else {
            return Ok(());
        };
        let mut templates = Vec::new();
        for placement in hub.placements.values() {
            let stand_in = Application::of_templates(placement, &first.name);
            let unit = self.units.intern(&stand_in);
            self.units.render(self.question, hub)?;
            templates.push((placement, self.units.objects(self.question, unit)?));
        }
        let all: Vec<&Application> = targets.iter().chain(&self.children).collect();
        let mut scopes = scopes_by_cluster(hub, &self.units, &self.of, &by_cluster(&all));
        let scopes: Vec<Scopes> = hub
            .fleet
            .clusters
            .iter()
            .map(|cluster| {
                let known = scopes.remove(&cluster.name);
                let mut known = known.unwrap_or_else(|| scopes_of(&hub.fleet));
                let objects = templates
                    .iter()
                    .filter_map(|(_, objects)| objects.as_ref().ok());
                learn_scopes(&mut known, objects.flatten());
                known
            })
            .collect();
        for (placement, objects) in &templates {
            match objects {
                Ok(objects) => self.assign(placement, objects, &scopes),
                Err(problems) => {
                    let place =
                        |problem: &Problem| problem.clone().via(placement.entry.origin.clone());
                    self.problems.extend(problems.iter().map(place));
                    self.incomplete.sets.insert(placement.entry.name.clone());
                }
            }
        }
        Ok(())
    }

    /// One placement on every cluster; `scopes` are those of the clusters, in the order of the fleet file.
    fn assign(&mut self, placement: &Placement, objects: &[Manifest], scopes: &[Scopes]) {
        let mut assigned: Vec<(&Scopes, Assignment<'_>)> = Vec::new();
        for (cluster, scopes) in self.hub.fleet.clusters.iter().zip(scopes) {
            if Assignment::is_frozen(cluster) {
                self.incomplete.sets.insert(placement.entry.name.clone());
                continue;
            }
            let known = assigned.iter().position(|(known, _)| *known == scopes);
            let index = known.unwrap_or_else(|| {
                assigned.push((scopes, assign(self.hub, placement, objects, scopes)));
                assigned.len() - 1
            });
            for placed in assigned[index].1.on(cluster) {
                self.of.push(self.units.take(placed.objects));
                self.children.push(placed.application);
            }
        }
        for (_, assignment) in assigned {
            self.problems.extend(assignment.problems);
            self.warnings.extend(assignment.warnings);
            self.incomplete.applications.extend(assignment.in_doubt);
        }
    }
}

/// An Application that another renders, or a policy makes, may be called like one of the files: then neither is known.
fn refuse_shared_names(
    all: &[&Application],
    by_cluster: &BTreeMap<&ClusterName, Vec<usize>>,
    outcomes: &mut [Outcome],
) {
    for applications in by_cluster.values() {
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for index in applications {
            *count.entry(&all[*index].key.name).or_default() += 1;
        }
        for index in applications {
            let application = all[*index];
            if count
                .get(application.key.name.as_str())
                .is_some_and(|n| *n > 1)
            {
                let message = format!("two Applications are called `{}`", application.key.name);
                let problem = Problem::new(Reason::DuplicateApplication, message);
                outcomes[*index] = Err(Arc::from([problem.at(application.origin.clone())]));
            }
        }
    }
}

fn by_cluster<'a>(all: &[&'a Application]) -> BTreeMap<&'a ClusterName, Vec<usize>> {
    let mut by_cluster: BTreeMap<&ClusterName, Vec<usize>> = BTreeMap::new();
    for (index, application) in all.iter().enumerate() {
        by_cluster
            .entry(&application.cluster)
            .or_default()
            .push(index);
    }
    by_cluster
}

/// What each cluster knows of scopes: the fleet file, and the CustomResourceDefinitions that are rendered for it.
fn scopes_by_cluster<'a>(
    hub: &Hub,
    units: &Units,
    of: &[usize],
    by_cluster: &BTreeMap<&'a ClusterName, Vec<usize>>,
) -> BTreeMap<&'a ClusterName, Scopes> {
    let fleet = scopes_of(&hub.fleet);
    let learned = |applications: &Vec<usize>| {
        let mut scopes = fleet.clone();
        for application in applications {
            for (kind, scope) in units.scopes(of[*application]) {
                scopes.learn(kind.clone(), *scope);
            }
        }
        scopes
    };
    by_cluster
        .iter()
        .map(|(cluster, applications)| (*cluster, learned(applications)))
        .collect()
}

/// What an Application's content depends on beside its files; `None` when it has no render.
fn setting(
    application: &Application,
    units: &Units,
    unit: usize,
    scopes: &BTreeMap<&ClusterName, Scopes>,
) -> Option<Setting> {
    let foreign = units.foreign(unit)?;
    let scopes = scopes.get(&application.cluster);
    let scope = |kind: &muster_model::GroupKind| {
        let scope = scopes.and_then(|scopes| scopes.of(kind));
        scope.map(|scope| (kind.clone(), scope))
    };
    Some(Setting {
        namespace: application.destination.namespace.clone(),
        scopes: foreign.iter().filter_map(scope).collect(),
    })
}

impl Survey {
    /// The clusters that have Applications, in order.
    pub fn clusters(&self) -> impl Iterator<Item = &ClusterName> {
        self.by_cluster.keys()
    }

    /// The Applications of a cluster.
    pub fn of<'s>(&'s self, cluster: &ClusterName) -> impl Iterator<Item = Surveyed<'s>> + use<'s> {
        let indices = self.by_cluster.get(cluster).into_iter().flatten();
        indices.map(|index| self.surveyed(*index))
    }

    /// Every Application of every cluster.
    pub fn all(&self) -> impl Iterator<Item = Surveyed<'_>> {
        (0..self.found.len()).map(|index| self.surveyed(index))
    }

    /// One Application of one cluster.
    #[must_use]
    pub fn get(&self, cluster: &ClusterName, key: &ApplicationKey) -> Option<Surveyed<'_>> {
        self.of(cluster).find(|found| found.application.key == *key)
    }

    fn surveyed(&self, index: usize) -> Surveyed<'_> {
        let targets = &self.targets.applications;
        let found = &self.found[index];
        Surveyed {
            application: targets
                .get(index)
                .unwrap_or_else(|| &self.children[index - targets.len()]),
            content: found.content.as_ref().map_err(|problems| &**problems),
            manner: found.manner,
            held: found.held.as_ref(),
            index,
        }
    }

    /// The objects of an Application with their bodies, rendered again when they are not at hand. `question` is the one
    /// this survey answers.
    ///
    /// # Errors
    /// [`Need`].
    pub fn bodies(
        &self,
        question: &Question<'_>,
        application: Surveyed<'_>,
    ) -> Result<Vec<DesiredObject>, Need> {
        let found = &self.found[application.index];
        let Some(setting) = &found.setting else {
            return Ok(Vec::new());
        };
        match &found.given {
            Some(objects) => Ok(unit::given_bodies(question, objects, setting)),
            None => unit::bodies(question, &self.hub, application.application, setting),
        }
    }
}
