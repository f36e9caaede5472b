//! A cluster as an operator with kubectl sees it.

use std::path::Path;
use std::time::Duration;

use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::runtime::Handle;

use super::DemoError;

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The manager that changes by hand are recorded under.
const BY_HAND: &str = "fieldManager=kubectl-edit";

/// One cluster's API.
#[derive(Clone)]
pub(super) struct Live {
    client: kube::Client,
    runtime: Handle,
}

impl Live {
    /// Connects with the kubeconfig's current context.
    pub(super) fn connect(kubeconfig: &Path, runtime: &Handle) -> Result<Self, DemoError> {
        let broken = |source| DemoError::Kubeconfig {
            path: kubeconfig.to_owned(),
            source,
        };
        let file = Kubeconfig::read_from(kubeconfig).map_err(broken)?;
        let options = KubeConfigOptions::default();
        let mut config = runtime
            .block_on(kube::Config::from_custom_kubeconfig(file, &options))
            .map_err(broken)?;
        // It would wait for minutes.
        config.default_retry = false;
        config.read_timeout = Some(TIMEOUT);
        let _in_runtime = runtime.enter();
        let client = kube::Client::try_from(config).map_err(api("make a client"))?;
        Ok(Self {
            client,
            runtime: runtime.clone(),
        })
    }

    /// The object at a path, `None` when there is none.
    pub(super) fn get(&self, path: &str) -> Result<Option<Value>, DemoError> {
        match self.send("GET", path, "application/json", Vec::new()) {
            Ok(found) => Ok(Some(found)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(api(format!("GET {path}"))(error)),
        }
    }

    /// Makes a namespace, unless it is there.
    pub(super) fn make_namespace(&self, name: &str) -> Result<(), DemoError> {
        let body = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        match self.send(
            "POST",
            "/api/v1/namespaces",
            "application/json",
            body.to_string().into_bytes(),
        ) {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(api(format!("make the namespace {name}"))(error)),
        }
    }

    /// Changes fields by hand.
    pub(super) fn edit(&self, path: &str, change: &Value) -> Result<(), DemoError> {
        let kind = "application/strategic-merge-patch+json";
        self.send(
            "PATCH",
            &format!("{path}?{BY_HAND}"),
            kind,
            change.to_string().into_bytes(),
        )
        .map(drop)
        .map_err(api(format!("edit {path}")))
    }

    /// Deletes what is at a path, if anything is.
    pub(super) fn delete(&self, path: &str) -> Result<(), DemoError> {
        match self.send("DELETE", path, "application/json", Vec::new()) {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(api(format!("delete {path}"))(error)),
        }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<Value, kube::Error> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", kind)
            .body(body)
            .map_err(kube::Error::HttpError)?;
        self.runtime.block_on(self.client.request(request))
    }
}

fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> DemoError {
    let what = what.into();
    |source| DemoError::Api {
        what,
        source: Box::new(source),
    }
}
