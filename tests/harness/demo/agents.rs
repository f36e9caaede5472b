//! One agent as it is shipped: a process with a cluster's name, the hub repository's URL and a kubeconfig.

use std::path::{Path, PathBuf};

use super::DemoError;
use crate::binary;
use crate::testbed::process::Process;

/// Often, so that nobody waits in a demonstration; the default is 15 s.
const POLL_SECONDS: u32 = 1;
/// Lines of a log that are shown when an agent ends.
const LAST_WORDS: usize = 12;

/// A running `muster agent`.
#[derive(Debug)]
pub(super) struct AgentProcess {
    cluster: String,
    process: Process,
    log: PathBuf,
}

impl AgentProcess {
    /// Starts the agent of a cluster; its store and its log go to `dir`.
    pub(super) fn start(
        cluster: &str,
        repo: &str,
        kubeconfig: &Path,
        dir: &Path,
    ) -> Result<Self, DemoError> {
        let dir = dir.join(format!("agent-{cluster}"));
        std::fs::create_dir_all(&dir).map_err(DemoError::io(format!("make {}", dir.display())))?;
        let poll = POLL_SECONDS.to_string();
        let (store, kubeconfig) = (dir.join("store"), kubeconfig.display().to_string());
        let arguments = [
            "agent",
            "--cluster",
            cluster,
            "--repo",
            repo,
            "--kubeconfig",
            &kubeconfig,
            "--store",
            &store.display().to_string(),
            "--poll-seconds",
            &poll,
            // Any free port: nobody asks in the demonstration.
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "text",
        ]
        .map(str::to_owned);
        let process = Process::start("agent", &binary("muster"), &arguments, &dir)?;
        Ok(Self {
            cluster: cluster.to_owned(),
            process,
            log: dir.join("agent.log"),
        })
    }

    /// Fails once the agent has ended.
    pub(super) fn check(&self) -> Result<(), DemoError> {
        if self.process.is_running() {
            return Ok(());
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n");
        Err(DemoError::AgentEnded {
            cluster: self.cluster.clone(),
            words: last,
            log: self.log.clone(),
        })
    }
}
