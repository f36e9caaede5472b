//! Checks an Application, and what it renders, against its project.

use muster_model::kinds::{Scope, Scopes};
use muster_model::{Manifest, ObjectId, Problem, Reason};

use super::Project;
use crate::application::Application;
use crate::fleet::Fleet;
use crate::git_url;

/// Which project a cluster belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoped<'a> {
    /// The project's name; empty for none.
    To(&'a str),
}

impl<'a> Scoped<'a> {
    /// The project of the cluster an Application runs on.
    #[must_use]
    pub fn of(fleet: &'a Fleet, application: &Application) -> Self {
        let cluster = fleet.cluster(&application.cluster);
        Self::To(cluster.map_or("", |cluster| cluster.project.as_str()))
    }
}

/// Checks the Application itself: its sources and its destination.
///
/// # Errors
/// Everything the project does not permit.
pub fn check_application(
    project: &Project,
    application: &Application,
    scoped: Scoped<'_>,
) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    let mut deny = |message: String| {
        problems.push(Problem::new(Reason::ProjectDenied, message).at(application.origin.clone()));
    };
    for source in &application.sources {
        if !project.permits_source(&source.repo_url) {
            deny(format!(
                "project `{}` does not permit the repository {}",
                project.name,
                git_url::shown(&source.repo_url)
            ));
        }
    }
    let to = &application.destination;
    if !project.permits_destination(&to.server, &to.name, &to.namespace) {
        deny(format!(
            "project `{}` does not permit the destination {} (cluster {}), namespace `{}`",
            project.name, to.server, to.name, to.namespace
        ));
    }
    let Scoped::To(owner) = scoped;
    if project.only_scoped_clusters && owner != project.name {
        deny(format!(
            "project `{}` permits only its own clusters, and {} is none of them",
            project.name, application.cluster
        ));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// Checks final objects, their namespaces already normalised (HAZARDS.md T-51).
#[must_use]
pub fn check_objects(
    project: &Project,
    application: &Application,
    objects: &[Manifest],
    scopes: &Scopes,
) -> Vec<Problem> {
    objects
        .iter()
        .filter_map(|object| {
            let scope = scopes.of(&object.gvk().group_kind());
            check_object(project, application, &object.id(), scope)
        })
        .collect()
}

/// Checks final objects of which only the identities are at hand: once namespaces are normalised, an object that has one
/// is namespaced, and one that has none is not.
#[must_use]
pub fn check_ids<'o>(
    project: &Project,
    application: &Application,
    ids: impl IntoIterator<Item = &'o ObjectId>,
) -> Vec<Problem> {
    let scope = |id: &ObjectId| {
        if id.namespace().is_empty() {
            Scope::Cluster
        } else {
            Scope::Namespaced
        }
    };
    ids.into_iter()
        .filter_map(|id| check_object(project, application, id, Some(scope(id))))
        .collect()
}

fn check_object(
    project: &Project,
    application: &Application,
    id: &ObjectId,
    scope: Option<Scope>,
) -> Option<Problem> {
    let kind = id.group_kind();
    let problem = |reason, message: String| {
        Some(Problem::new(reason, message).at(application.origin.clone()))
    };
    let Some(scope) = scope else {
        return problem(
            Reason::ScopeUnknown,
            format!("it is not known whether {kind} is namespaced ({id})"),
        );
    };
    let namespaced = scope == Scope::Namespaced;
    if !project.permits_object(&kind, namespaced, id.name()) {
        let list = match scope {
            Scope::Cluster => "clusterResourceWhitelist",
            Scope::Namespaced => "namespaceResourceWhitelist and namespaceResourceBlacklist",
        };
        return problem(
            Reason::ProjectDenied,
            format!(
                "project `{}` does not permit {id}: see {list}",
                project.name
            ),
        );
    }
    let to = &application.destination;
    if namespaced && !project.permits_destination(&to.server, &to.name, id.namespace()) {
        return problem(
            Reason::ProjectDenied,
            format!(
                "project `{}` does not permit the namespace `{}` ({id})",
                project.name,
                id.namespace()
            ),
        );
    }
    None
}

#[cfg(test)]
mod tests;
