//! Drift by hand, and a restart.

use serde_json::{Value, json};

use super::Agents;
use super::server::stays;
use super::site::{Site, config_map, stateful_set};

pub(super) fn drift_is_healed_and_a_restart_writes_nothing(agents: &Agents) {
    let objects = [
        config_map("settings", &json!({"colour": "blue"})),
        config_map("other", &json!({"size": "12"})),
        stateful_set("data"),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": {"user": "me"}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
    ];
    let site = Site::new(agents.cluster(), &objects);
    let agent = site.start();
    site.is_synced(&agent);

    site.heals(&agent, "settings", "colour");
    let path = site.config_map("other");
    assert_eq!(site.cluster.request("DELETE", &path, "", "").status, 200);
    site.waits(&agent, "the object is made again", || {
        stays(site.cluster, &path)
    });

    let sequence = |said: &Value| said["sequence"].as_u64().unwrap_or_default();
    let said = site.is_synced(&agent);
    let versions = site.metadata(&objects, "resourceVersion");
    drop(agent);
    let agent = site.start();
    site.says(&agent, "a word after the restart, all in sync", |new| {
        sequence(new) > sequence(&said) && new["applications"]["all/app"]["sync"] == "Synced"
    });
    site.heals(&agent, "settings", "colour");
    let again = site.metadata(&objects, "resourceVersion");
    assert_eq!(
        again[1..],
        versions[1..],
        "only what was changed by hand is written"
    );
}
