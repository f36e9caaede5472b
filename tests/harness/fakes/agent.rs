//! An agent on the fakes, set up the same wherever one runs.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use muster::admin::Vitals;
use muster::config::{AGENT_NAME, Config};
use muster::owner::clock::Clock;
use muster::owner::{Agent, Keys};
use muster_model::{ClusterName, ObjectId, RepoPath};
use muster_status::SigningKey;
use muster_sync::OwnObjects;
use tokio::runtime::Runtime;

use super::{FakeCluster, FakeSource, FakeStatus};

/// The cluster that agents keep.
pub const CLUSTER: &str = "east";
/// The agents' namespace.
pub const NAMESPACE: &str = "muster-system";
/// Time between polls.
pub const POLL: Duration = Duration::from_secs(15);
/// Effects that one agent may have under way.
pub const CONCURRENCY: usize = 4;

/// What the shop's Applications may deploy, and where.
pub const SHOP_PROJECT: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: shop}
spec:
  sourceRepos: ["*"]
  destinations:
    - {server: "*", namespace: shop}
    - {server: "*", namespace: books}
  clusterResourceWhitelist:
    - {group: "", kind: Namespace}
    - {group: apiextensions.k8s.io, kind: CustomResourceDefinition}
"#;

/// What runs one agent: whatever it started ends with this, as in a process that is killed. Its time passes at once when
/// there is nothing to do, and stands still while nobody waits for it.
///
/// # Panics
/// When the system gives no runtime.
#[must_use]
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// How an agent is told to follow the hub repository at `hub`.
///
/// # Panics
/// Never: the names are good ones.
#[must_use]
pub fn config(hub: &str) -> Config {
    Config {
        cluster: ClusterName::new(CLUSTER).expect("a name"),
        hub: hub.to_owned(),
        revision: "main".to_owned(),
        fleet_file: RepoPath::new("fleet.yaml").expect("a path"),
        namespace: NAMESPACE.to_owned(),
        poll: POLL,
        concurrency: CONCURRENCY,
        namespaces: None,
        audit: None,
    }
}

/// An agent with these connections, `passed` after the beginning of its world.
///
/// # Panics
/// Never: the beginning is a time.
#[must_use]
pub fn agent(
    config: Config,
    (source, cluster, status): (FakeSource, FakeCluster, FakeStatus),
    vitals: &Arc<Vitals>,
    passed: SignedDuration,
) -> Agent<FakeSource, FakeCluster, FakeStatus> {
    let start: Timestamp = "2026-06-01T00:00:00Z".parse().expect("a time");
    let own = OwnObjects {
        namespace: config.namespace.clone(),
        objects: [ObjectId::new(
            "",
            "ConfigMap",
            &*config.namespace,
            AGENT_NAME,
        )]
        .into(),
    };
    Agent {
        config,
        source: Arc::new(source),
        cluster: Arc::new(cluster),
        status: Arc::new(status),
        keys: Keys {
            signing: SigningKey::from_seed(&[7; 32]),
            digest: vec![9; 32],
        },
        own,
        vitals: Arc::clone(vitals),
        clock: Clock::starting_at(start + passed),
    }
}
