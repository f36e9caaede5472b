//! What the fleet file and Argo CD's files can say and this version does not do: refused by name, never passed over.

use muster_fleet::application::Application;
use muster_fleet::applicationset::Strategy;
use muster_fleet::fleet::History;
use muster_fleet::hub::Hub;
use muster_model::{Location, Problem, Reason, RepoPath};

/// What the fleet file asks for in vain; with one of these the last good fleet file stays in force.
pub(crate) fn of_fleet(hub: &Hub, file: &RepoPath) -> Vec<Problem> {
    let fleet = &hub.fleet;
    let asked = [
        (
            !fleet.rollouts.is_empty(),
            "spec.rollouts",
            "remove it: every cluster takes a release as soon as it sees it",
        ),
        (
            fleet.expires.is_some(),
            "spec.expires",
            "remove it: a fleet file does not expire",
        ),
        (
            fleet.status.heartbeat.is_some(),
            "spec.status.heartbeat",
            "remove it: the heartbeat follows from the number of clusters",
        ),
        (
            fleet.status.repository.is_some(),
            "spec.status.repository",
            "give the agents the repository with --status-repo",
        ),
        (
            fleet.status.branch.is_some(),
            "spec.status.branch",
            "remove it: the branch is called `status`",
        ),
        (
            fleet
                .repositories
                .iter()
                .any(|r| r.history == History::None),
            "spec.repositories[].history",
            "remove it, and grow spec.serial when history is rewritten",
        ),
    ];
    let refused = asked.into_iter().filter(|(is_set, _, _)| *is_set);
    let problem = |field: &str, remedy: &str| {
        Problem::new(Reason::NotSupported, format!("{field} is not supported"))
            .at(Location::file(file.as_str()))
            .field(field)
            .remedy(remedy)
    };
    refused
        .map(|(_, field, remedy)| problem(field, remedy))
        .collect()
}

/// What the Application's ApplicationSet asks for in vain; the Application stays at its last good release.
pub(crate) fn of_set(hub: &Hub, app: &Application) -> Option<Problem> {
    let set = hub.sets.get(app.set.as_ref()?)?;
    match set.strategy {
        Strategy::AllAtOnce => None,
        Strategy::RollingSync { .. } => {
            let message = format!(
                "ApplicationSet `{}` rolls out in steps, which is not supported",
                set.name
            );
            Some(
                Problem::new(Reason::NotSupported, message)
                    .at(set.origin.clone())
                    .field("spec.strategy")
                    .remedy(
                        "remove spec.strategy: every cluster takes a release as soon as it sees it",
                    ),
            )
        }
    }
}
