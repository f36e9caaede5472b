//! `muster agent` as it is shipped: the built binary, a real API server, a real Git server.

mod bookstore;
mod deploying;
mod healing;
mod refusing;
mod removing;
mod running;
mod server;
mod site;

use std::sync::{Arc, OnceLock};

use libtest_mimic::Trial;
use muster_tests::testbed::Cluster;

use crate::fixture::Plane;

/// One test.
type Test = fn(&Agents);

macro_rules! tests {
    ($($module:ident: [$($name:ident),* $(,)?]),* $(,)?) => {
        vec![$($((concat!(stringify!($module), "::", stringify!($name)), $module::$name as Test)),*),*]
    };
}

/// The API server that the agents share, apart from the one whose discovery and webhooks other tests break.
#[derive(Debug)]
pub(crate) struct Agents {
    cluster: OnceLock<Cluster>,
    plane: Arc<Plane>,
}

impl Agents {
    fn cluster(&self) -> &Cluster {
        self.cluster.get_or_init(|| {
            let testbed = &self.plane.testbed;
            testbed.cluster("agents").expect("the API server starts")
        })
    }
}

/// Every test of this module; ignored where there is no control plane.
pub(crate) fn trials(plane: Option<&Arc<Plane>>) -> Vec<Trial> {
    let agents = plane.map(|plane| {
        let plane = Arc::clone(plane);
        let cluster = OnceLock::new();
        Arc::new(Agents { cluster, plane })
    });
    let ignored = agents.is_none();
    let trial = |(name, test): (&str, Test)| {
        let agents = agents.clone();
        let run = move || {
            test(&agents.expect("because a trial without a plane is ignored"));
            Ok(())
        };
        Trial::test(format!("agents::{name}"), run).with_ignored_flag(ignored)
    };
    tests().into_iter().map(trial).collect()
}

/// Every test of this module.
fn tests() -> Vec<(&'static str, Test)> {
    tests!(
        running: [
            an_agent_answers_and_ends_on_sigterm,
            what_a_rejection_quotes_is_told_nowhere,
        ],
        healing: [
            drift_is_healed_and_a_restart_writes_nothing,
        ],
        refusing: [
            a_force_push_deletes_nothing,
            a_force_push_of_what_cannot_be_read_is_named_as_one,
            a_deleted_branch_deletes_nothing,
            a_refusal_of_the_credentials_deletes_nothing,
            a_failing_server_deletes_nothing,
            a_login_page_deletes_nothing,
            a_removed_fleet_entry_deletes_nothing,
            a_render_error_deletes_nothing,
        ],
        removing: [
            an_object_that_left_git_goes,
            a_stateful_set_goes_once_a_commit_approves,
            all_of_an_application_stays_without_approval,
        ],
        deploying: [
            the_agent_works_with_the_rights_of_the_base,
        ],
        bookstore: [
            three_clusters_run_their_overlays,
        ],
    )
}
