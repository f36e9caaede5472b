//! How the API server is reached, and with whose credentials.

use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use muster_model::{Problem, Reason};

/// Where address and credentials come from. Nothing is guessed from the environment of a laptop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// The pod's own service account.
    InCluster,
    /// The current context of a kubeconfig file.
    Kubeconfig(PathBuf),
}

impl Access {
    /// Reads address and credentials. Nothing is sent yet.
    pub(crate) async fn connect(&self) -> Result<Client, Problem> {
        let mut config = self.config().await?;
        // The library would retry up to 15 times with delays of up to 1,000 s; when to try again is decided above.
        config.default_retry = false;
        Client::try_from(config)
            .map_err(|_| unusable("the credentials for the API server cannot be used"))
    }

    async fn config(&self) -> Result<Config, Problem> {
        match self {
            Self::InCluster => Config::incluster().map_err(|error| {
                unusable(format!("no service account of a pod: {error}"))
                    .remedy("give --kubeconfig outside a cluster")
            }),
            Self::Kubeconfig(path) => {
                let at = path.display();
                let file = Kubeconfig::read_from(path)
                    .map_err(|_| unusable(format!("kubeconfig {at} cannot be read")))?;
                Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                    .await
                    .map_err(|_| unusable(format!("kubeconfig {at} has no usable current context")))
            }
        }
    }
}

/// The library's messages may quote the file, and with it credentials: they are not passed on.
fn unusable(message: impl Into<String>) -> Problem {
    Problem::new(Reason::ApiUnreachable, message)
}
