//! The planner against a cluster in memory: the hazards of the cluster side, each a test. Every plan passes the linter,
//! and every scenario ends at a fixpoint.

mod deleting;
mod drift;
mod jobs;
mod linter;
mod ordering;
mod owning;
mod random;
mod simulator;
mod yielding;

use muster_model::effect::{Cause, Effect};
use muster_model::{GroupKind, Health, Node, ObjectId, Reason, SyncState, json};
use muster_sync::{
    Evidence, Fate, IgnoreDifference, ObjectState, Policy, Removal, StepKind, deletions_digest,
};
use simulator::{World, application, automatic, commit, key};

fn config(name: &str) -> ObjectId {
    ObjectId::new("", "ConfigMap", "shop", name)
}

fn deployment(name: &str) -> ObjectId {
    ObjectId::new("apps", "Deployment", "shop", name)
}

fn configs(names: &[&str]) -> String {
    let document = |name| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\ndata: {{a: x, b: y}}\n"
        )
    };
    names.iter().copied().map(document).collect()
}

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {replicas: 4, paused: false}
";

fn numbered(n: usize) -> String {
    let names: Vec<String> = (0..n).map(|i| format!("c{i}")).collect();
    configs(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn settled(documents: &str) -> World {
    let mut world = World::new();
    world.enforce(application("web", 1, documents, automatic()));
    world.settle();
    world
}
