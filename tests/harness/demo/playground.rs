//! Everything that runs: clusters, the Git server, the agents. Dropping it ends all of it.

use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;

use super::agents::AgentProcess;
use super::fleet::Goal;
use super::hub::HubRepository;
use super::live::Live;
use super::{DemoError, Options, Stop};
use crate::git_server::GitServer;
use crate::testbed::{Cluster, Programs, Testbed};

/// The clusters of `hub-config/fleet.yaml`, and how the demonstration calls them.
pub const NAMES: [&str; 3] = ["hub", "east", "west"];

/// Where agents keep their own objects.
const AGENT_NAMESPACE: &str = "muster-system";
/// What the fleet deploys outside its namespace, besides the namespace itself.
const DEPLOYED: [&str; 2] = [
    "/api/v1/namespaces/shop",
    "/apis/scheduling.k8s.io/v1/priorityclasses/shop-data",
];

/// One cluster and its agent.
pub struct Site {
    /// Its name in the fleet file.
    pub name: &'static str,
    /// Its kubeconfig.
    pub kubeconfig: PathBuf,
    /// Its API.
    pub(super) live: Live,
    agent: Option<AgentProcess>,
    _cluster: Option<Cluster>,
}

/// Everything that runs. Fields are dropped in this order: agents and clusters before etcd, the runtime last.
pub struct Playground {
    sites: Vec<Site>,
    hub: HubRepository,
    _server: GitServer,
    testbed: Option<Testbed>,
    dir: PathBuf,
    /// The user's wish to stop.
    pub stop: Stop,
    _runtime: Runtime,
}

impl Playground {
    /// Starts the clusters, or connects to existing ones, and the Git server; `dir` takes data and logs.
    ///
    /// # Errors
    /// When something does not start.
    pub fn start(options: &Options, dir: &Path, stop: Stop) -> Result<Self, DemoError> {
        let runtime = Runtime::new().map_err(DemoError::io("start a runtime"))?;
        let (testbed, sites) = match &options.kubeconfigs {
            Some(files) => (None, existing(files, &runtime)?),
            None => {
                let testbed = Testbed::start_at(Programs::find()?, &dir.join("clusters"))?;
                let sites = started(&testbed, &runtime, &stop)?;
                (Some(testbed), sites)
            }
        };
        let server = GitServer::start(&dir.join("git"));
        let url = server.create("hub-config").url().to_owned();
        let hub_config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hub-config");
        let hub = HubRepository::fill(url, dir.join("hub-config"), &hub_config)?;
        Ok(Self {
            sites,
            hub,
            _server: server,
            testbed,
            dir: dir.to_owned(),
            stop,
            _runtime: runtime,
        })
    }

    /// Starts every agent, each with what `deploy/base` would give it.
    pub(super) fn start_agents(&mut self) -> Result<(), DemoError> {
        for site in &mut self.sites {
            site.live.make_namespace(AGENT_NAMESPACE)?;
            let agent =
                AgentProcess::start(site.name, self.hub.url(), &site.kubeconfig, &self.dir)?;
            site.agent = Some(agent);
        }
        Ok(())
    }

    /// Fails once an agent has ended.
    pub(super) fn check_agents(&self) -> Result<(), DemoError> {
        self.sites
            .iter()
            .filter_map(|site| site.agent.as_ref())
            .try_for_each(AgentProcess::check)
    }

    /// The clusters.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The API of a cluster.
    pub(super) fn live(&self, name: &str) -> Result<&Live, DemoError> {
        let site = self.sites.iter().find(|site| site.name == name);
        site.map(|site| &site.live)
            .ok_or_else(|| DemoError::Unexpected(format!("no cluster {name}")))
    }

    /// The hub repository.
    #[must_use]
    pub fn hub(&self) -> &HubRepository {
        &self.hub
    }

    /// Existing clusters may have no metrics, and cannot pull images that do not exist.
    pub(super) fn goal(&self) -> Goal {
        if self.testbed.is_some() {
            Goal::Healthy
        } else {
            Goal::Synced
        }
    }

    /// Ends the agents, and takes what they made away from clusters that were there before.
    ///
    /// # Errors
    /// When an API server refuses.
    pub fn clean_up(mut self) -> Result<(), DemoError> {
        let existed = self.testbed.is_none();
        for site in &mut self.sites {
            site.agent = None;
            if existed {
                for path in DEPLOYED {
                    site.live.delete(path)?;
                }
                site.live
                    .delete(&format!("/api/v1/namespaces/{AGENT_NAMESPACE}"))?;
            }
        }
        Ok(())
    }
}

fn existing(files: &[PathBuf; 3], runtime: &Runtime) -> Result<Vec<Site>, DemoError> {
    let sites = NAMES.into_iter().zip(files);
    sites
        .map(|(name, kubeconfig)| {
            Ok(Site {
                name,
                live: Live::connect(kubeconfig, runtime.handle())?,
                kubeconfig: kubeconfig.clone(),
                agent: None,
                _cluster: None,
            })
        })
        .collect()
}

/// Starts the clusters side by side: each spends half its start waiting.
fn started(testbed: &Testbed, runtime: &Runtime, stop: &Stop) -> Result<Vec<Site>, DemoError> {
    let clusters = std::thread::scope(|scope| {
        let starts = NAMES.map(|name| scope.spawn(move || cluster(testbed, name)));
        starts.map(|start| {
            start
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    });
    let mut sites = Vec::new();
    for (name, cluster) in NAMES.into_iter().zip(clusters) {
        let cluster = cluster?;
        stop.check()?;
        sites.push(Site {
            name,
            kubeconfig: cluster.kubeconfig_path.clone(),
            live: Live::connect(&cluster.kubeconfig_path, runtime.handle())?,
            agent: None,
            _cluster: Some(cluster),
        });
    }
    Ok(sites)
}

fn cluster(testbed: &Testbed, name: &str) -> Result<Cluster, DemoError> {
    let mut cluster = testbed.cluster(name)?;
    cluster.start_controllers()?;
    cluster.start_nodes(1)?;
    Ok(cluster)
}
