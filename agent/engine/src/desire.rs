//! What one cluster should have at one view of Git: target, render, normalise, check.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_fleet::application::Application;
use muster_fleet::children::{child_applications, is_argo_object, is_followed};
use muster_fleet::failure::Failure;
use muster_fleet::fleet::{self, Approval, OnLeave};
use muster_fleet::hub::Hub;
use muster_fleet::namespaces::{normalise_namespaces, scopes_of};
use muster_fleet::project::{Project, Scoped, check_application, check_objects};
use muster_fleet::targets::{Incomplete, Targets};
use muster_model::kinds::Scopes;
use muster_model::release::Release;
use muster_model::status::ClusterState;
use muster_model::{
    ApplicationKey, BlobId, ClusterName, Digest, GroupKind, Manifest, Problem, Reason, RepoPath,
    Revision,
};
use muster_sync::{DesiredObject, DesiredSet, OwnObjects};

use crate::commits::{Commits, SourceRef};
use crate::known_targets::{Answer, Whose};
use crate::placing;
use crate::policy::policy;
use crate::render::{Input, Objects, Rendering, manifests, render};
use crate::renders::{Ready, Renders};
use crate::survey::ready;
use crate::unbuilt;

/// What is asked, the same in every pass.
#[derive(Debug, Clone)]
pub struct Request {
    /// The cluster that asks.
    pub cluster: ClusterName,
    /// Path of the fleet file in the hub repository.
    pub fleet_file: RepoPath,
    /// Only this Application, as it was at a release, when there is one.
    pub only: Option<Recall>,
    /// The cluster's own key, for the digests of Secrets.
    pub key: Vec<u8>,
    /// The objects that are the agent itself.
    pub own: OwnObjects,
    /// The namespaces that the agent looks after; all when not said.
    pub namespaces: Option<BTreeSet<String>>,
    /// Renders that are remembered from pass to pass.
    pub renders: Arc<Renders>,
}

/// An Application at a release that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// The Application.
    pub key: ApplicationKey,
    /// The commits of its sources, in their order.
    pub sources: Vec<Revision>,
}

/// What is missing before the question can be answered, or why it never can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// These blobs of a repository.
    Blobs(String, Vec<BlobId>),
    /// These refs.
    Sources(BTreeSet<SourceRef>),
    /// The fleet file cannot be used: the last good one stays in force.
    Refused(Vec<Problem>),
}

/// What one cluster should have.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The fleet's name.
    pub fleet: String,
    /// The hub commit.
    pub hub: Revision,
    /// `spec.serial`.
    pub serial: u64,
    /// What the fleet file says of this cluster.
    pub state: ClusterState,
    /// What happens when it leaves.
    pub on_leave: OnLeave,
    /// Every cluster of the fleet and the keys it may sign with.
    pub members: BTreeMap<ClusterName, Vec<String>>,
    /// Deletions that were approved.
    pub approvals: Vec<Approval>,
    /// Kinds whose deletion always needs an approval.
    pub protected: BTreeSet<GroupKind>,
    /// This cluster's Applications.
    pub applications: BTreeMap<ApplicationKey, DesiredApplication>,
    /// What may have more Applications than were found: of these, one that is not there is not gone.
    pub incomplete: Incomplete,
    /// Problems of the fleet file and the Argo CD files as a whole.
    pub problems: Vec<Problem>,
    /// What should be looked at but stops nothing.
    pub warnings: Vec<Problem>,
}

/// One Application of one cluster.
#[derive(Debug, Clone)]
pub struct DesiredApplication {
    /// The ApplicationSet, or the placement, it comes from.
    pub set: Option<String>,
    /// The name of the Application that rendered it.
    pub parent: Option<String>,
    /// Path of its first source.
    pub path: String,
    /// What the cluster should have; `None` when that is not known.
    pub content: Option<Arc<DesiredSet>>,
    /// Why the newest release cannot be enforced, or is not.
    pub problems: Vec<Problem>,
}

impl DesiredApplication {
    /// True when the source renders no object though that was not asked for: no reason to empty a cluster (P6).
    #[must_use]
    pub fn is_emptied(&self) -> bool {
        self.content
            .as_ref()
            .is_some_and(|set| set.objects.is_empty() && !set.policy.allow_empty)
    }

    /// Keeps the content of before, when the newest release has none that may be enforced.
    pub fn keep(&mut self, before: &Arc<DesiredSet>) {
        if self.is_emptied() && !before.objects.is_empty() {
            let message = format!(
                "{} renders no object; {} stay",
                self.path,
                before.objects.len()
            );
            self.problems
                .push(Problem::new(Reason::EmptyRender, message));
        } else if self.content.is_some() {
            return;
        }
        self.content = Some(Arc::clone(before));
    }
}

/// Answers, or says what is missing.
///
/// # Errors
/// [`Need`].
pub fn desire(request: &Request, commits: &Commits, scopes: &Scopes) -> Result<Desired, Need> {
    request.renders.begin();
    let (hub, targets) = targeted(request, commits)?;
    let refused = unbuilt::of_fleet(&hub, &request.fleet_file);
    if !refused.is_empty() {
        return Err(Need::Refused(refused));
    }
    let mut desired = of_hub(request, commits, &hub);
    if desired.state == ClusterState::Unassigned {
        return Ok(desired);
    }
    let targets = Targets::clone(&targets);
    let mut found = with_children(request, commits, &hub, targets, &mut desired)?;
    let templates = placing::templates(request, commits, &hub)?;
    let mut all_scopes = scopes_of(&hub.fleet);
    all_scopes.extend(scopes);
    for rendering in found.iter().filter_map(|(_, r)| r.as_ref().ok()) {
        rendering.objects.teach(&mut all_scopes);
    }
    placing::teach(&templates, &mut all_scopes);
    let placed = placing::place(request, &hub, templates, &all_scopes, &mut desired);
    found.extend(placed);
    refuse_shared_names(&mut found);
    let view = View {
        request,
        commits,
        hub: &hub,
        scopes: &all_scopes,
        projects: digests_of_projects(&hub),
    };
    for (application, rendering) in found {
        if !request.wants(&application.key) {
            continue;
        }
        let finished = match rendering {
            Ok(rendering) => view.finish(&application, rendering),
            Err(problems) => Err(Need::Refused(problems)),
        };
        let (content, problems) = match finished {
            Ok(set) => (Some(Arc::new(set)), Vec::new()),
            Err(Need::Refused(problems)) => (None, problems),
            Err(need @ (Need::Blobs(..) | Need::Sources(_))) => return Err(need),
        };
        let path = application.sources.first();
        let entry = DesiredApplication {
            path: path.map_or_else(String::new, |s| s.path.as_str().to_owned()),
            set: application.set,
            parent: application.parent.map(|parent| parent.name.clone()),
            content,
            problems,
        };
        desired.applications.insert(application.key, entry);
    }
    if request.only.is_none() {
        request.renders.end();
    }
    Ok(desired)
}

/// The fleet file and this cluster's targets.
fn targeted(request: &Request, commits: &Commits) -> Result<Answer, Need> {
    let known = request.renders.targets();
    let whose = Whose::Of(&request.cluster);
    let answer = known.of(whose, &request.fleet_file, &*commits.hub_tree);
    answer.map_err(|failure| match failure {
        Failure::NotFetched(blobs) => Need::Blobs(commits.hub_repository.clone(), blobs),
        Failure::Refused(problems) => Need::Refused(problems),
    })
}

impl Request {
    /// True when the answer is asked to hold this Application.
    fn wants(&self, key: &ApplicationKey) -> bool {
        self.only.as_ref().is_none_or(|only| only.key == *key)
    }

    /// The commits of a placement's templates, when one of its Applications is recalled.
    pub(crate) fn recalled_placement(&self, placement: &str) -> Option<&[Revision]> {
        let is_of = |key: &ApplicationKey| {
            let rest = key.name.strip_prefix(placement);
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        let only = self.only.as_ref().filter(|only| is_of(&only.key))?;
        Some(&only.sources)
    }

    /// The commits of the sources of an Application that is recalled.
    fn recalled(&self, key: &ApplicationKey) -> Option<&[Revision]> {
        let only = self.only.as_ref().filter(|only| only.key == *key)?;
        Some(&only.sources)
    }
}

/// An Application that another renders, or a policy makes, may be called like one of the files: then neither is known.
fn refuse_shared_names(found: &mut Found) {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for (application, _) in &*found {
        *count.entry(application.key.name.clone()).or_default() += 1;
    }
    for (application, rendering) in found {
        if count.get(&application.key.name).is_some_and(|n| *n > 1) {
            let message = format!("two Applications are called `{}`", application.key.name);
            let problem = Problem::new(Reason::DuplicateApplication, message);
            *rendering = Err(vec![problem.at(application.origin.clone())]);
        }
    }
}

pub(crate) type Found = Vec<(Application, Result<Rendering, Vec<Problem>>)>;

/// Renders the Applications, then those that they render, level by level (DESIGN.md 3.2, app-of-apps). Applications of
/// other clusters are rendered only for what they render for this one.
fn with_children(
    request: &Request,
    commits: &Commits,
    hub: &Hub,
    targets: Targets,
    desired: &mut Desired,
) -> Result<Found, Need> {
    desired.incomplete = targets.incomplete;
    desired.problems = targets.problems;
    desired.warnings = targets.warnings;
    let mut level = targets.applications;
    level.extend(targets.parents);
    // What is recalled and stands in a file needs nobody else.
    if level
        .iter()
        .any(|app| request.only.is_some() && request.wants(&app.key))
    {
        level.retain(|app| request.wants(&app.key));
    }
    let mut found: Found = Vec::new();
    while !level.is_empty() {
        let renderings = render_all(request, commits, hub, &level)?;
        let mut next = Vec::new();
        for (application, rendering) in std::mem::take(&mut level).into_iter().zip(renderings) {
            let is_own = application.cluster == request.cluster;
            let followed = is_followed(hub, &application);
            let rendering = rendering.map(|mut rendering| {
                if !rendering.objects.has_argo_objects() {
                    return rendering;
                }
                let mut objects = rendering.objects.manifests().unwrap_or_default();
                let children = child_applications(hub, &application, &objects);
                if !children.problems.is_empty() {
                    let incomplete = &mut desired.incomplete;
                    incomplete.doubt_children_of(&application, followed);
                }
                if is_own {
                    desired.problems.extend(children.problems);
                }
                let wanted = |child: &Application| {
                    child.cluster == request.cluster || is_followed(hub, child)
                };
                next.extend(children.applications.into_iter().filter(wanted));
                objects.retain(|object| !is_argo_object(object));
                rendering.objects = Objects::Chosen(objects);
                rendering
            });
            if rendering.is_err() {
                let incomplete = &mut desired.incomplete;
                incomplete.doubt_children_of(&application, followed);
            }
            if is_own {
                found.push((application, rendering));
            }
        }
        level = next;
    }
    Ok(found)
}

fn of_hub(request: &Request, commits: &Commits, hub: &Hub) -> Desired {
    let fleet = &hub.fleet;
    let member = fleet.clusters.iter().find(|c| c.name == request.cluster);
    Desired {
        fleet: fleet.name.clone(),
        hub: commits.hub.clone(),
        serial: fleet.serial,
        state: member.map_or(ClusterState::Unassigned, |c| match c.state {
            fleet::ClusterState::Active => ClusterState::Active,
            fleet::ClusterState::Suspended => ClusterState::Suspended,
            fleet::ClusterState::Leaving => ClusterState::Leaving,
        }),
        on_leave: member.map_or(OnLeave::Preserve, |c| c.on_leave),
        members: fleet
            .clusters
            .iter()
            .map(|c| (c.name.clone(), c.status_keys.clone()))
            .collect(),
        approvals: fleet.approvals.clone(),
        protected: fleet.protected_kinds.iter().cloned().collect(),
        applications: BTreeMap::new(),
        incomplete: Incomplete::default(),
        problems: Vec::new(),
        warnings: Vec::new(),
    }
}

type Rendered = Result<Rendering, Vec<Problem>>;

/// Renders every Application, or collects everything that is missing for any of them: one round of fetching for all.
fn render_all(
    request: &Request,
    commits: &Commits,
    hub: &Hub,
    applications: &[Application],
) -> Result<Vec<Rendered>, Need> {
    let mut missing_sources = BTreeSet::new();
    let mut missing_blobs: BTreeMap<String, BTreeSet<BlobId>> = BTreeMap::new();
    let mut renderings = Vec::with_capacity(applications.len());
    for application in applications {
        match render(&Input {
            application,
            hub,
            commits,
            renders: &request.renders,
            recalled: request.recalled(&application.key),
        }) {
            Ok(rendering) => renderings.push(Ok(rendering)),
            Err(Need::Refused(problems)) => renderings.push(Err(problems)),
            Err(Need::Sources(sources)) => missing_sources.extend(sources),
            Err(Need::Blobs(repository, blobs)) => {
                missing_blobs.entry(repository).or_default().extend(blobs);
            }
        }
    }
    if !missing_sources.is_empty() {
        return Err(Need::Sources(missing_sources));
    }
    if let Some((repository, blobs)) = missing_blobs.into_iter().next() {
        return Err(Need::Blobs(repository, blobs.into_iter().collect()));
    }
    Ok(renderings)
}

/// What the objects of every Application are judged by.
struct View<'a> {
    request: &'a Request,
    commits: &'a Commits,
    hub: &'a Hub,
    scopes: &'a Scopes,
    /// Each project's digest: a thousand Applications share a few.
    projects: BTreeMap<String, Digest>,
}

fn digests_of_projects(hub: &Hub) -> BTreeMap<String, Digest> {
    let digest = |project: &Project| Digest::of(format!("{project:?}").as_bytes());
    let projects = hub.projects.iter();
    projects
        .map(|(name, project)| (name.clone(), digest(project)))
        .collect()
}

impl View<'_> {
    /// From rendered objects to a set that may be planned: namespaces, guardrails, reserved objects, options.
    fn finish(&self, app: &Application, rendering: Rendering) -> Result<DesiredSet, Need> {
        let Some(project) = self.hub.projects.get(&app.key.project) else {
            let message = format!("project {:?} is not declared", app.key.project);
            let problem = Problem::new(Reason::UnknownProject, message).at(app.origin.clone());
            return Err(Need::Refused(vec![problem]));
        };
        let scoped = Scoped::of(&self.hub.fleet, app);
        check_application(project, app, scoped).map_err(Need::Refused)?;
        if let Some(problem) = unbuilt::of_set(self.hub, app) {
            return Err(Need::Refused(vec![problem]));
        }
        let policy = policy(app, project).map_err(Need::Refused)?;
        Ok(DesiredSet {
            application: app.key.clone(),
            release: Release {
                hub: self.commits.hub.clone(),
                sources: rendering.revisions,
                inputs: rendering.inputs,
            },
            objects: self.objects(app, project, (rendering.inputs, rendering.objects))?,
            policy,
            evidence: muster_sync::Evidence {
                trusted: true,
                fleet_parsed: true,
                rendered: true,
            },
            applied_before: false,
        })
    }

    /// The objects, ready to be planned: those of before where nothing they were made from has changed.
    fn objects(
        &self,
        app: &Application,
        project: &Project,
        (inputs, rendered): (Digest, Objects),
    ) -> Result<Arc<Vec<DesiredObject>>, Need> {
        let renders = &self.request.renders;
        let of_project = self.projects.get(&app.key.project).copied();
        let terms = Digest::of(format!("{app:?} {of_project:?}").as_bytes());
        if let Some(known) = renders.ready(&app.key)
            && known.answers(inputs, terms, self.scopes)
        {
            return Ok(Arc::clone(&known.objects));
        }
        let manifests = match rendered.manifests() {
            Some(manifests) => manifests,
            None => manifests(&self.input(app))?,
        };
        let kinds: BTreeSet<GroupKind> = manifests.iter().map(|m| m.gvk().group_kind()).collect();
        let objects = Arc::new(
            self.judged(app, project, manifests)
                .map_err(Need::Refused)?,
        );
        // What Argo CD's objects were taken out of is looked at in every pass.
        if self.request.only.is_none()
            && matches!(rendered, Objects::Rendered(_) | Objects::Ready(_))
        {
            let of = |kind: GroupKind| (kind.clone(), self.scopes.of(&kind));
            let ready = Ready {
                inputs,
                terms,
                scopes: kinds.into_iter().map(of).collect(),
                objects: Arc::clone(&objects),
            };
            renders.keep_ready(&app.key, ready);
        }
        Ok(objects)
    }

    fn judged(
        &self,
        app: &Application,
        project: &Project,
        manifests: Vec<Manifest>,
    ) -> Result<Vec<DesiredObject>, Vec<Problem>> {
        let (request, scopes) = (self.request, self.scopes);
        let objects = normalise_namespaces(manifests, &app.destination.namespace, scopes)?;
        let mut problems = check_objects(project, app, &objects, scopes);
        problems.extend(out_of_scope(request, &objects));
        let ready = ready(objects, &request.own, &request.key).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            Vec::new()
        });
        if problems.is_empty() {
            Ok(ready)
        } else {
            Err(problems)
        }
    }

    fn input<'i>(&'i self, application: &'i Application) -> Input<'i> {
        Input {
            application,
            hub: self.hub,
            commits: self.commits,
            renders: &self.request.renders,
            recalled: self.request.recalled(&application.key),
        }
    }
}

/// Objects in namespaces that the agent does not look after: it may not read there, and could not tell what is there.
fn out_of_scope(request: &Request, objects: &[Manifest]) -> Vec<Problem> {
    let Some(scope) = &request.namespaces else {
        return Vec::new();
    };
    objects
        .iter()
        .filter(|object| !object.namespace().is_empty() && !scope.contains(object.namespace()))
        .map(|object| {
            let what = format!(
                "{} is in a namespace that this agent does not look after",
                object.id()
            );
            Problem::new(Reason::OutOfScope, what)
        })
        .collect()
}
