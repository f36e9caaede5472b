//! Bad news from Git: nothing is deleted, the reason is named, and drift is healed all the same.

use muster_tests::git_server::{Auth, Fault};
use serde_json::{Value, json};

use super::Agents;
use super::site::{Site, config_map};

/// Breaks something and expects the reason, the objects and the healing.
fn withstands(agents: &Agents, reason: &str, break_it: impl Fn(&Site<'_>)) {
    let objects: Vec<Value> = ["one", "two", "three"]
        .iter()
        .map(|name| config_map(name, &json!({"colour": "blue"})))
        .collect();
    let site = Site::new(agents.cluster(), &objects);
    let agent = site.start();
    site.is_synced(&agent);
    let uids = site.metadata(&objects, "uid");

    break_it(&site);
    site.names(&agent, reason);
    site.heals(&agent, "one", "colour");
    assert_eq!(site.metadata(&objects, "uid"), uids, "nothing is deleted");
}

pub(super) fn a_force_push_deletes_nothing(agents: &Agents) {
    withstands(agents, "NonFastForward", |site| {
        let fewer = [config_map("two", &json!({"colour": "red"}))];
        site.rewrite(&site.files(&fewer));
    });
}

pub(super) fn a_force_push_of_what_cannot_be_read_is_named_as_one(agents: &Agents) {
    withstands(agents, "NonFastForward", |site| {
        site.rewrite(&site.files(&[])[..1]);
    });
}

pub(super) fn a_deleted_branch_deletes_nothing(agents: &Agents) {
    withstands(agents, "SourceMissing", |site| {
        site.hub.delete_branch("main");
    });
}

pub(super) fn a_refusal_of_the_credentials_deletes_nothing(agents: &Agents) {
    withstands(agents, "GitAuth", |site| {
        site.hub_server.set_auth(Auth::Bearer("another".to_owned()));
    });
}

pub(super) fn a_failing_server_deletes_nothing(agents: &Agents) {
    withstands(agents, "GitServerError", |site| {
        site.hub_server
            .set_fault(Some(Fault::Status(500, Vec::new())));
    });
}

pub(super) fn a_login_page_deletes_nothing(agents: &Agents) {
    withstands(agents, "NotGit", |site| {
        site.hub_server.set_fault(Some(Fault::Html));
    });
}

pub(super) fn a_removed_fleet_entry_deletes_nothing(agents: &Agents) {
    withstands(agents, "Unassigned", |site| {
        site.commit(&[("fleet.yaml".to_owned(), site.fleet("somebody-else", ""))]);
    });
}

pub(super) fn a_render_error_deletes_nothing(agents: &Agents) {
    withstands(agents, "InvalidYaml", |site| {
        site.commit(&[(
            "app/broken.yaml".to_owned(),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: [".to_owned(),
        )]);
    });
}
