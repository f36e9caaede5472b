//! What the project permits of an Application's content, and how it is applied.

use std::sync::Arc;

use muster_fleet::application::Application;
use muster_fleet::hub::Hub;
use muster_fleet::project::{Scoped, check_application, check_ids};
use muster_model::{Problem, Reason};
use muster_sync::Policy;
use serde::Serialize;

use super::content::Content;
use super::render::Outcome;
use crate::policy::policy;
use crate::unbuilt;

/// How an Application is applied, as far as a plan depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manner {
    /// Without, it is compared and reported, not applied.
    pub automated: bool,
    /// Objects that left Git are deleted.
    pub prune: bool,
    /// Each deletion waits for a confirmation.
    pub confirm_prune: bool,
    /// The Application's own end waits for a confirmation.
    pub confirm_delete: bool,
    /// A render without objects is taken as meant.
    pub allow_empty: bool,
    /// Objects of a removed Application are released, not deleted.
    pub preserve: bool,
}

/// What the guardrails leave.
pub(super) struct Judged {
    pub(super) content: Outcome,
    pub(super) manner: Manner,
    pub(super) held: Option<Problem>,
}

/// Checks an Application and its content, in the order in which an agent does.
pub(super) fn judge(hub: &Hub, app: &Application, outcome: Outcome, scoped: Scoped<'_>) -> Judged {
    let held = unbuilt::of_set(hub, app);
    let Some(project) = hub.projects.get(&app.key.project) else {
        let message = format!("project {:?} is not declared", app.key.project);
        let problem = Problem::new(Reason::UnknownProject, message).at(app.origin.clone());
        return Judged {
            content: outcome.and_then(|_| Err(Arc::from([problem]))),
            manner: Manner::default(),
            held,
        };
    };
    let policy = policy(app, project);
    let manner = policy.as_ref().map(Manner::of).unwrap_or_default();
    let permitted = outcome.and_then(|content: Arc<Content>| {
        check_application(project, app, scoped)?;
        policy?;
        let ids = content.objects.iter().map(|object| &object.id);
        let problems = check_ids(project, app, ids);
        if problems.is_empty() {
            Ok(content)
        } else {
            Err(problems.into())
        }
    });
    let permitted = permitted.map_err(|problems| placed(problems, app));
    Judged {
        content: permitted,
        manner,
        held,
    }
}

/// Problems that name no file are found where the Application is defined.
fn placed(problems: Arc<[Problem]>, app: &Application) -> Arc<[Problem]> {
    if problems.iter().all(|problem| problem.at.is_some()) {
        return problems;
    }
    let place = |problem: &Problem| match problem.at {
        Some(_) => problem.clone(),
        None => problem.clone().at(app.origin.clone()),
    };
    problems.iter().map(place).collect()
}

impl Manner {
    fn of(policy: &Policy) -> Self {
        Self {
            automated: policy.automated,
            prune: policy.prune,
            confirm_prune: policy.confirm_prune,
            confirm_delete: policy.confirm_delete,
            allow_empty: policy.allow_empty,
            preserve: policy.preserve_on_deletion,
        }
    }
}
