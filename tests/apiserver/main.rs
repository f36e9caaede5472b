//! `agent/kube` against a real API server: what its answers become, and what the rest of muster believes of Kubernetes.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod acting;
mod adopting;
mod agents;
mod contract;
mod discovering;
mod fixture;
mod parent;
mod refusals;
mod watching;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use muster_tests::testbed::{Programs, Testbed};

use fixture::Plane;

macro_rules! trials {
    ($plane:expr, $($module:ident: [$($name:ident),* $(,)?]),* $(,)?) => {
        vec![$($(fixture::trial($plane, concat!(stringify!($module), "::", stringify!($name)), $module::$name)),*),*]
    };
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let programs = if arguments.list {
        None
    } else {
        Programs::find_or_skip()
    };
    let plane = programs.map(|programs| {
        let testbed = Testbed::start(programs).expect("etcd starts");
        let cluster = testbed.cluster("contract").expect("the API server starts");
        Arc::new(Plane { cluster, testbed })
    });
    let mut trials = trials(plane.as_ref());
    trials.extend(contract_trials(plane.as_ref()));
    trials.extend(agents::trials(plane.as_ref()));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if conclusion.has_failed()
        && let Some(plane) = &plane
    {
        plane.testbed.keep();
    }
    drop(plane);
    conclusion.exit_code()
}

fn trials(plane: Option<&Arc<Plane>>) -> Vec<Trial> {
    trials!(plane,
        acting: [
            an_apply_creates_the_object_and_answers_with_its_record,
            an_identical_apply_makes_no_new_version,
            a_field_taken_out_of_the_source_goes,
            a_delete_of_what_changed_since_is_a_conflict,
            a_delete_of_another_uid_is_a_conflict,
            an_object_with_a_finalizer_is_deleting,
            a_dry_run_changes_nothing,
            a_probe_of_five_objects_is_a_get_for_each,
            a_probe_of_more_than_five_objects_is_one_list,
        ],
        adopting: [
            fields_of_the_former_tool_go_once_git_lacks_them,
            an_adoption_of_what_changed_since_is_a_conflict,
            a_released_object_carries_no_mark_and_is_nobodys,
            a_release_of_what_changed_since_is_a_conflict,
        ],
        discovering: [
            built_in_kinds_are_known_with_plural_scope_and_versions,
            a_new_kind_is_known_after_discovery_is_asked_again,
            a_group_whose_server_is_down_is_named_and_the_others_stay,
        ],
        parent: [
            a_parent_that_does_not_exist_is_empty,
            a_parent_is_stored_in_the_form_of_kep_3659,
            of_two_that_swap_the_same_version_one_loses,
            of_two_that_create_one_loses,
            an_agent_whose_epoch_was_taken_over_loses,
            labels_that_others_put_on_the_parent_stay,
            a_secret_is_made_once,
        ],
        refusals: [
            a_value_that_a_rejection_quotes_is_told_nowhere,
            an_undeclared_field_is_named,
            an_immutable_field_is_told_apart,
            a_field_conflict_names_the_field_and_its_owner,
            a_namespace_that_is_missing_or_going_is_told_apart,
            a_kind_or_version_that_is_not_served_is_told_apart,
            a_user_without_rights_is_told_which_are_missing,
            a_webhook_that_does_not_answer_is_told_apart,
            a_policy_that_denies_is_told_apart,
            an_exhausted_quota_is_told_apart,
            an_object_that_is_too_large_is_told_apart,
        ],
        watching: [
            the_server_begins_a_watch_with_a_list_where_asked,
            the_first_event_is_the_list_of_what_carries_our_label,
            a_list_longer_than_a_page_is_whole,
            metadata_alone_shows_that_a_field_was_changed_or_removed,
            an_object_that_loses_our_label_is_gone,
            kinds_whose_health_is_assessed_are_watched_whole,
            a_watch_of_two_namespaces_lists_both_and_no_other,
            a_kind_that_is_defined_later_is_listed_then,
            a_watch_without_the_right_says_so,
            a_watch_ends_when_nobody_listens,
            namespaces_show_which_of_them_are_going,
            after_an_outage_a_kind_is_listed_again,
        ],
    )
}

fn contract_trials(plane: Option<&Arc<Plane>>) -> Vec<Trial> {
    trials!(plane,
        contract: [
            fields_come_change_and_go,
            others_change_what_is_ours,
            two_appliers_share_and_conflict,
            what_a_client_made_is_adopted,
            cleared_managed_fields_are_tracked_anew,
            deletes_are_bound_and_finalizers_hold,
            a_secret_has_its_type_and_data,
            a_workload_has_defaults_that_nobody_owns,
            an_immutable_field_is_refused,
            a_service_keeps_its_ports_by_key,
            a_service_keeps_its_address,
            custom_lists_merge_as_their_definition_says,
            custom_fields_are_defaulted,
            a_custom_field_that_is_not_declared,
            parents_are_compared_and_swapped,
            a_watch_tells_what_happens,
        ],
    )
}
