//! Why the demonstration ended early.

use std::path::PathBuf;
use std::time::Duration;

use crate::testbed::TestbedError;

/// Why the demonstration ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The user wants to stop.
    #[error("stopped")]
    Stopped,
    /// The control plane did not start.
    #[error(transparent)]
    Testbed(#[from] TestbedError),
    /// What a step expects did not come.
    #[error("{what}: not within {} s; {seen}", limit.as_secs())]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// What was seen last.
        seen: String,
    },
    /// What a step expects is not so.
    #[error("{0}")]
    Unexpected(String),
    /// An agent ended.
    #[error("the agent of {cluster} has ended; its last words:\n{words}\nmore in {}", log.display())]
    AgentEnded {
        /// Its cluster.
        cluster: String,
        /// The end of its log.
        words: String,
        /// Its log.
        log: PathBuf,
    },
    /// A program failed.
    #[error("{command}: {message}")]
    Command {
        /// The command line.
        command: String,
        /// What it wrote to standard error.
        message: String,
    },
    /// An API server refused.
    #[error("cannot {what}")]
    Api {
        /// The operation and its object.
        what: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// A kubeconfig cannot be used.
    #[error("{}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: kube::config::KubeconfigError,
    },
    /// A file could not be read or written.
    #[error("cannot {what}")]
    Io {
        /// The operation and its object.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl DemoError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        |source| Self::Io { what, source }
    }
}
