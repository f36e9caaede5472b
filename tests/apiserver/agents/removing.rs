//! Objects that leave Git.

use serde_json::{Value, json};

use super::Agents;
use super::server::stays;
use super::site::{Site, config_map, stateful_set};

pub(super) fn an_object_that_left_git_goes(agents: &Agents) {
    let objects: Vec<Value> = ["one", "two", "three"]
        .iter()
        .map(|name| config_map(name, &json!({"colour": "blue"})))
        .collect();
    let site = Site::new(agents.cluster(), &objects);
    let agent = site.start();
    site.is_synced(&agent);
    let (gone, kept) = objects.split_at(1);
    let uids = site.metadata(kept, "uid");

    site.withdraw(gone);
    site.waits(&agent, "the object goes", || {
        !stays(site.cluster, &site.path_of(&gone[0]))
    });
    assert_eq!(site.metadata(kept, "uid"), uids, "the others stay");
}

pub(super) fn a_stateful_set_goes_once_a_commit_approves(agents: &Agents) {
    let objects = [
        config_map("one", &json!({"colour": "blue"})),
        config_map("two", &json!({})),
        stateful_set("data"),
    ];
    let site = Site::new(agents.cluster(), &objects);
    let agent = site.start();
    site.is_synced(&agent);
    let (kept, braked) = objects.split_at(2);
    let uids = site.metadata(&objects, "uid");

    site.withdraw(braked);
    let said = site.names(&agent, "NeedsApproval");
    site.heals(&agent, "one", "colour");
    assert_eq!(
        site.metadata(&objects, "uid"),
        uids,
        "nothing is deleted without approval"
    );

    let pending = &said["applications"]["all/app"]["pendingDeletions"];
    assert_eq!(pending["count"], 1, "{pending}");
    let approval = format!(
        "  approvals:\n    - {{application: app, path: app, deletions: {}, before: {}}}\n",
        pending["digest"], pending["before"]
    );
    site.commit(&[("fleet.yaml".to_owned(), site.fleet(&site.name, &approval))]);
    site.waits(&agent, "the approved object goes", || {
        !stays(site.cluster, &site.path_of(&braked[0]))
    });
    assert_eq!(site.metadata(kept, "uid"), uids[..2], "the others stay");
}

pub(super) fn all_of_an_application_stays_without_approval(agents: &Agents) {
    let objects = [
        config_map("one", &json!({"colour": "blue"})),
        config_map("two", &json!({})),
    ];
    let site = Site::new(agents.cluster(), &objects);
    let agent = site.start();
    site.is_synced(&agent);
    let uids = site.metadata(&objects, "uid");

    site.withdraw(&objects);
    site.deliver(&[config_map("three", &json!({}))]);
    site.names(&agent, "NeedsApproval");
    site.waits(&agent, "what is new is applied", || {
        stays(site.cluster, &site.config_map("three"))
    });
    assert_eq!(site.metadata(&objects, "uid"), uids, "nothing is deleted");
}
