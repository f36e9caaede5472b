//! What the fleet file and Argo CD's files can say and this version does not do: refused by name, never passed over.

use muster_fleet::application::Application;
use muster_fleet::applicationset::Strategy;
use muster_fleet::fleet::{History, Repository};
use muster_fleet::hub::Hub;
use muster_model::{Location, Problem, Reason, RepoPath};

/// What the fleet file asks for in vain; with one of these the last good fleet file stays in force.
pub(crate) fn of_fleet(hub: &Hub, file: &RepoPath) -> Vec<Problem> {
    let mut refused = of_fleet_beside_rollouts(hub, file);
    refused.extend(of_rollouts(hub, file));
    refused
}

/// The fleet file's rollouts: they can be planned, step by step, and no agent carries them out.
pub(crate) fn of_rollouts(hub: &Hub, file: &RepoPath) -> Option<Problem> {
    let message = "spec.rollouts can be planned, but agents of this version refuse the fleet file and keep the last one without";
    let problem = place(
        hub,
        file,
        "rollouts",
        Problem::new(Reason::NotSupported, message),
    );
    let problem = problem.remedy("remove it: every cluster takes a release as soon as it sees it");
    (!hub.fleet.rollouts.is_empty()).then_some(problem)
}

/// The rest of what the fleet file asks for in vain.
pub(crate) fn of_fleet_beside_rollouts(hub: &Hub, file: &RepoPath) -> Vec<Problem> {
    let fleet = &hub.fleet;
    let status = &fleet.status;
    let keeps_no_history = |r: &Repository| r.history == History::None;
    let asked = [
        (
            fleet.expires.is_some(),
            "expires",
            "remove it: a fleet file does not expire",
        ),
        (
            status.heartbeat.is_some(),
            "status.heartbeat",
            "remove it: the heartbeat follows from the number of clusters",
        ),
        (
            status.repository.is_some(),
            "status.repository",
            "give the agents the repository with --status-repo",
        ),
        (
            status.branch.is_some(),
            "status.branch",
            "remove it: the branch is called `status`",
        ),
        (
            fleet.repositories.iter().any(keeps_no_history),
            "repositories[].history",
            "remove it, and grow spec.serial when history is rewritten",
        ),
    ];
    let refused = asked.into_iter().filter(|(is_set, _, _)| *is_set);
    let problem = |field: &str, remedy: &str| {
        let message = format!("spec.{field} is not supported");
        place(
            hub,
            file,
            field,
            Problem::new(Reason::NotSupported, message),
        )
        .remedy(remedy)
    };
    refused
        .map(|(_, field, remedy)| problem(field, remedy))
        .collect()
}

/// Says where a field of `spec` stands.
fn place(hub: &Hub, file: &RepoPath, field: &str, problem: Problem) -> Problem {
    let outermost = field.split(['.', '[']).next().unwrap_or(field);
    let line = hub.fleet.line_of(outermost).unwrap_or_default();
    problem
        .at(Location::line(file.as_str(), line))
        .field(format!("spec.{field}"))
}

/// What the Application's ApplicationSet asks for in vain; the Application stays at its last good release.
pub(crate) fn of_set(hub: &Hub, app: &Application) -> Option<Problem> {
    let set = hub.sets.get(app.set.as_ref()?)?;
    match set.strategy {
        Strategy::AllAtOnce => None,
        Strategy::RollingSync { .. } => {
            let message = format!(
                "ApplicationSet `{}` rolls out in steps, which agents of this version do not: they hold its Applications at their last release",
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
