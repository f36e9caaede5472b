//! What one cluster should have at one view of Git: target, render, normalise, check.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_fleet::{Application, Approval, Hub, OnLeave};
use muster_model::kinds::Scopes;
use muster_model::release::Release;
use muster_model::status::ClusterState;
use muster_model::{ApplicationKey, BlobId, ClusterName, GroupKind, Manifest, Problem, Reason, RepoPath, Revision};
use muster_sync::{DesiredObject, DesiredSet, OwnObjects};

use crate::commits::{Commits, SourceRef};
use crate::policy::policy;
use crate::render::{Input, Renders, Rendering, render};
use crate::scopes::learn;

/// What is asked, the same in every pass.
#[derive(Debug, Clone)]
pub struct Request {
    /// The cluster that asks.
    pub cluster: ClusterName,
    /// Path of the fleet file in the hub repository.
    pub fleet_file: RepoPath,
    /// Only this Application, when there is one.
    pub only: Option<ApplicationKey>,
    /// The cluster's own key, for the digests of Secrets.
    pub key: Vec<u8>,
    /// The objects that are the agent itself.
    pub own: OwnObjects,
    /// Renders that are remembered from pass to pass.
    pub renders: Arc<Renders>,
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
    /// True when every ApplicationSet could be evaluated: only then is an Application that is not there really gone.
    pub complete: bool,
    /// Problems of the fleet file and the Argo CD files as a whole.
    pub problems: Vec<Problem>,
    /// What should be looked at but stops nothing.
    pub warnings: Vec<Problem>,
}

/// One Application of one cluster.
#[derive(Debug, Clone)]
pub struct DesiredApplication {
    /// The ApplicationSet it comes from.
    pub set: Option<String>,
    /// Path of its first source.
    pub path: String,
    /// What the cluster should have; `None` when that is not known.
    pub content: Option<Arc<DesiredSet>>,
    /// Why the newest release cannot be enforced, or is not.
    pub problems: Vec<Problem>,
}

/// Answers, or says what is missing.
///
/// # Errors
/// [`Need`].
pub fn desire(request: &Request, commits: &Commits, scopes: &Scopes) -> Result<Desired, Need> {
    let hub_failure = |failure| match failure {
        muster_fleet::Failure::NotFetched(blobs) => Need::Blobs(commits.hub_repository.clone(), blobs),
        muster_fleet::Failure::Refused(problems) => Need::Refused(problems),
    };
    let hub = muster_fleet::load(&*commits.hub_tree, &request.fleet_file).map_err(hub_failure)?;
    let mut desired = of_hub(request, commits, &hub);
    if desired.state == ClusterState::Unassigned {
        return Ok(desired);
    }
    let targets = muster_fleet::targets(&hub, &request.cluster, &*commits.hub_tree).map_err(hub_failure)?;
    desired.complete = targets.problems.is_empty();
    desired.problems = targets.problems;
    desired.warnings = targets.warnings;
    let wanted = |app: &&Application| request.only.as_ref().is_none_or(|only| *only == app.key);
    let applications: Vec<&Application> = targets.applications.iter().filter(wanted).collect();
    let renderings = render_all(request, commits, &hub, &applications)?;
    let mut scopes = scopes.clone();
    for (kind, scope) in &hub.fleet.kinds {
        scopes.learn(kind.clone(), *scope);
    }
    learn(renderings.iter().flatten().flat_map(|r| &r.objects), &mut scopes);
    for (application, rendering) in applications.into_iter().zip(renderings) {
        let content = rendering.and_then(|rendering| finish(request, commits, &hub, application, rendering, &scopes));
        let (content, problems) = match content {
            Ok(set) => (Some(Arc::new(set)), Vec::new()),
            Err(problems) => (None, problems),
        };
        let path = application.sources.first().map(|s| s.path.as_str().to_owned()).unwrap_or_default();
        let entry = DesiredApplication { set: application.set.clone(), path, content, problems };
        desired.applications.insert(application.key.clone(), entry);
    }
    Ok(desired)
}

fn of_hub(request: &Request, commits: &Commits, hub: &Hub) -> Desired {
    let fleet = &hub.fleet;
    let member = fleet.clusters.iter().find(|c| c.name == request.cluster);
    Desired {
        fleet: fleet.name.clone(),
        hub: commits.hub.clone(),
        serial: fleet.serial,
        state: member.map_or(ClusterState::Unassigned, |c| match c.state {
            muster_fleet::ClusterState::Active => ClusterState::Active,
            muster_fleet::ClusterState::Suspended => ClusterState::Suspended,
            muster_fleet::ClusterState::Leaving => ClusterState::Leaving,
        }),
        on_leave: member.map_or(OnLeave::Preserve, |c| c.on_leave),
        members: fleet.clusters.iter().map(|c| (c.name.clone(), c.status_keys.clone())).collect(),
        approvals: fleet.approvals.clone(),
        protected: fleet.protected_kinds.iter().cloned().collect(),
        applications: BTreeMap::new(),
        complete: true,
        problems: Vec::new(),
        warnings: Vec::new(),
    }
}

type Rendered = Result<Rendering, Vec<Problem>>;

/// Renders every Application, or collects everything that is missing for any of them: one round of fetching for all.
fn render_all(request: &Request, commits: &Commits, hub: &Hub, applications: &[&Application]) -> Result<Vec<Rendered>, Need> {
    let mut missing_sources = BTreeSet::new();
    let mut missing_blobs: BTreeMap<String, BTreeSet<BlobId>> = BTreeMap::new();
    let mut renderings = Vec::with_capacity(applications.len());
    for application in applications {
        match render(&Input { application, hub, commits, renders: &request.renders }) {
            Ok(rendering) => renderings.push(Ok(rendering)),
            Err(Need::Refused(problems)) => renderings.push(Err(problems)),
            Err(Need::Sources(sources)) => missing_sources.extend(sources),
            Err(Need::Blobs(repository, blobs)) => missing_blobs.entry(repository).or_default().extend(blobs),
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

/// From rendered objects to a set that may be planned: namespaces, guardrails, reserved objects, options.
fn finish(request: &Request, commits: &Commits, hub: &Hub, app: &Application, rendering: Rendering, scopes: &Scopes) -> Result<DesiredSet, Vec<Problem>> {
    let objects = muster_fleet::normalise_namespaces(rendering.objects, &app.destination.namespace, scopes)?;
    let Some(project) = hub.projects.get(&app.key.project) else {
        return Err(vec![Problem::new(Reason::UnknownProject, format!("project {:?} is not declared", app.key.project)).at(app.origin.clone())]);
    };
    let policy = policy(app)?;
    let mut problems = muster_fleet::check_objects(project, app, &objects, scopes);
    problems.extend(muster_sync::check_reserved(&objects, &request.own));
    problems.extend(duplicates(&objects));
    let mut ready = Vec::with_capacity(objects.len());
    for object in objects {
        match DesiredObject::new(object, &request.key) {
            Ok(object) => ready.push(object),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(DesiredSet {
        application: app.key.clone(),
        release: Release { hub: commits.hub.clone(), sources: rendering.revisions, inputs: rendering.inputs },
        objects: ready,
        policy,
        evidence: muster_sync::Evidence { trusted: true, fleet_parsed: true, rendered: true },
        applied_before: false,
    })
}

/// Objects that became one by normalising their namespaces.
fn duplicates(objects: &[Manifest]) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    let twice = objects.iter().map(Manifest::id).filter(|id| !seen.insert(id.clone()));
    twice.map(|id| Problem::new(Reason::DuplicateObject, format!("{id} is rendered twice"))).collect()
}
