//! App-of-apps: Applications that another Application renders.

use std::collections::BTreeSet;

use muster_model::{Manifest, Problem, Reason};

use crate::application::{ARGO_API_VERSION, Application, Definition};
use crate::decode::Decoder;
use crate::hub::Hub;

/// How deep Applications may render one another.
pub const MAX_DEPTH: u32 = 5;

/// What an Application renders in the way of Applications.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Children {
    /// The Applications, each for its own cluster.
    pub applications: Vec<Application>,
    /// What is wrong; while there is something, no child of the parent is pruned.
    pub problems: Vec<Problem>,
}

/// True when every cluster looks for its Applications in what this one renders.
#[must_use]
pub fn is_followed(hub: &Hub, application: &Application) -> bool {
    let by_hand = application.set.is_none() && application.parent.is_none();
    by_hand || hub.follows_everywhere(&application.key.name, &application.cluster)
}

/// True for Argo CD's own kinds: they are read, never applied to a cluster.
#[must_use]
pub fn is_argo_object(object: &Manifest) -> bool {
    object.gvk().api_version() == ARGO_API_VERSION
        && matches!(
            object.gvk().kind.as_str(),
            "Application" | "ApplicationSet" | "AppProject"
        )
}

/// The Applications among the objects that `parent` renders.
///
/// `hub` is the newest trusted commit: it says what a child may do.
#[must_use]
pub fn child_applications(hub: &Hub, parent: &Application, objects: &[Manifest]) -> Children {
    let mut children = Children::default();
    let mut names = BTreeSet::new();
    for object in objects.iter().filter(|object| is_argo_object(object)) {
        match child(hub, parent, object) {
            Ok(application) if names.insert(application.key.name.clone()) => {
                children.applications.push(application);
            }
            Ok(application) => children.problems.push(place(
                parent,
                Problem::new(
                    Reason::DuplicateApplication,
                    format!("Application `{}` is rendered twice", application.key.name),
                ),
            )),
            Err(problems) => {
                let placed = problems.into_iter().map(|problem| place(parent, problem));
                children.problems.extend(placed);
            }
        }
    }
    children
}

fn child(hub: &Hub, parent: &Application, object: &Manifest) -> Result<Application, Vec<Problem>> {
    let refuse = |reason, message: String| Err(vec![Problem::new(reason, message)]);
    match object.gvk().kind.as_str() {
        "AppProject" => {
            return refuse(
                Reason::ReservedObject,
                format!(
                    "AppProject `{}` is rendered by an Application; projects are declared under spec.resources of the fleet file only",
                    object.name()
                ),
            );
        }
        "ApplicationSet" => {
            return refuse(
                Reason::NotSupported,
                format!(
                    "ApplicationSet `{}` is rendered by an Application; name its file under spec.resources of the fleet file",
                    object.name()
                ),
            );
        }
        _ => {}
    }
    if parent.depth >= MAX_DEPTH {
        return refuse(
            Reason::DepthLimit,
            format!("Applications render one another more than {MAX_DEPTH} deep"),
        );
    }
    let mut decoder = Decoder::new(&*parent.origin.file, Reason::InvalidField);
    let definition = Definition::read_document(&mut decoder, object.body());
    let (mut problems, _) = decoder.into_problems();
    problems.extend(definition.unknown_repositories(&hub.fleet));
    problems.extend(project_problem(hub, parent, &definition));
    let cluster = match definition.destination.resolve(&hub.directory) {
        Ok(cluster) => cluster,
        Err(problem) => {
            problems.push(problem);
            return Err(problems);
        }
    };
    if cluster != parent.cluster && !is_followed(hub, parent) {
        problems.push(
            Problem::new(
                Reason::DestinationUnknown,
                format!(
                    "Application `{}` is for cluster {cluster}, and its parent `{}` is generated for {}: only that cluster looks there",
                    definition.name, parent.key.name, parent.cluster
                ),
            )
            .remedy("give the parent the management cluster as destination, list it under spec.adminApplications, or declare it as an Application of its own"),
        );
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut application = definition.on(&hub.directory, cluster, None, None);
    application.parent = Some(parent.key.clone());
    application.depth = parent.depth + 1;
    application.origin = parent.origin.clone();
    Ok(application)
}

/// A child stays in its parent's project, unless the fleet file trusts the parent with others.
fn project_problem(hub: &Hub, parent: &Application, child: &Definition) -> Option<Problem> {
    if !hub.projects.contains_key(&child.project) {
        return Some(Problem::new(
            Reason::UnknownProject,
            format!(
                "Application `{}` is in project `{}`, which no file declares",
                child.name, child.project
            ),
        ));
    }
    let admin = hub.fleet.admin_applications.contains(&parent.key.name);
    (!admin && child.project != parent.key.project).then(|| {
        Problem::new(
            Reason::ProjectDenied,
            format!(
                "Application `{}` names project `{}`, and its parent `{}` is in `{}`",
                child.name, child.project, parent.key.name, parent.key.project
            ),
        )
        .remedy("name the parent's project, or list the parent under spec.adminApplications of the fleet file")
    })
}

/// A child's problem is found at its parent.
fn place(parent: &Application, problem: Problem) -> Problem {
    let place = problem.at.clone();
    let line_is_elsewhere = place.is_none_or(|at| at.file == parent.origin.file);
    if line_is_elsewhere {
        problem.at(parent.origin.clone())
    } else {
        problem
    }
}

#[cfg(test)]
mod tests;
