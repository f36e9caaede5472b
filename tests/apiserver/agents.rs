//! `muster agent` as it is shipped: the built binary, a real API server, a real Git server.

mod adopting;
mod bookstore;
mod deploying;
mod ending;
mod healing;
mod policies;
mod refusing;
mod removing;
mod rights;
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
            let mut cluster = testbed.cluster("agents").expect("the API server starts");
            cluster
                .start_some_controllers("namespace-controller")
                .expect("the controller manager starts");
            cluster
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
    let mut all = tests!(
        running: [
            an_agent_answers_and_ends_on_sigterm,
            a_stopped_agent_that_goes_on_writes_nothing,
            what_a_rejection_quotes_is_told_nowhere,
        ],
        rights: [
            the_restricted_overlay_suffices_for_its_namespaces_and_no_other,
            rights_that_go_are_named_delete_nothing_and_are_used_again_once_they_return,
            an_application_is_applied_and_deleted_as_its_projects_account,
            an_aggregated_api_that_is_down_concerns_its_own_kinds_alone,
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
    );
    all.extend(applying());
    all
}

/// What an agent does to objects.
fn applying() -> Vec<(&'static str, Test)> {
    tests!(
        healing: [
            drift_is_healed_and_a_restart_writes_nothing,
            without_self_heal_drift_is_reported_alone,
            without_automated_nothing_is_applied_and_the_difference_is_reported,
            ignored_differences_are_left_and_others_healed,
            somebody_who_keeps_changing_an_object_is_named,
            a_secret_is_healed_and_cleared_managed_fields_leave_nothing_behind,
            what_admission_rewrites_is_reported_and_not_fought,
            an_audit_heals_what_metadata_hides,
        ],
        adopting: [
            from_kubectl_client_side_apply,
            from_kubectl_server_side_apply,
            from_helm,
            from_argo_cd,
            from_flux,
            an_object_that_moves_and_an_application_that_is_renamed_keep_their_uids,
            a_second_claim_on_an_object_is_refused,
        ],
        policies: [
            a_wave_waits_for_the_health_of_the_one_before,
            a_definition_and_its_instance_come_in_one_commit_without_a_failure,
            an_immutable_field_is_named_with_its_remedy_which_works,
            a_namespace_is_made_with_its_managed_metadata,
            prune_confirm_waits_for_a_commit,
            retries_keep_the_applications_pace,
            allow_empty_is_needed_and_does_not_release_the_brake,
        ],
        ending: [
            an_application_without_the_finalizer_leaves_its_objects_running,
            an_application_that_ends_goes_with_an_approval_by_the_policy_it_had,
            a_cluster_leaves_in_two_commits_and_without_its_entry_nothing_goes,
            a_finalizer_that_never_finishes_is_named_and_blocks_nobody_else,
            a_namespace_that_never_goes_is_named_with_what_is_in_its_way,
        ],
    )
}
