//! Secrets of the agent's own: the signing key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use muster_model::kinds::Scope;
use muster_model::{Node, ObjectId, Problem, Reason};
use serde_json::json;

use crate::client::{ClusterClient, Inner};
use crate::failure::{Failure, Operation};
use crate::resource::Resource;
use crate::transport::{Call, WHOLE};

/// The key of the Secret that holds the bytes.
const KEY: &str = "key";

impl ClusterClient {
    /// The bytes of a Secret in the agent's namespace, made by `make` when there is none yet. Of two agents that make
    /// it at once, both get what the first one stored.
    ///
    /// # Errors
    /// When the API server does not answer or refuses, or the Secret holds something else.
    pub async fn load_or_create_secret(
        &self,
        name: &str,
        make: impl FnOnce() -> Vec<u8> + Send,
    ) -> Result<Vec<u8>, Problem> {
        let inner = &self.inner;
        if let Some(bytes) = inner.load_secret(name).await? {
            return Ok(bytes);
        }
        let bytes = make();
        match inner.create_secret(name, &bytes).await {
            Ok(_) => Ok(bytes),
            Err(Failure::Conflict(_)) => inner.load_secret(name).await?.ok_or_else(|| {
                Problem::new(
                    Reason::InternalError,
                    format!("Secret {name} comes and goes"),
                )
            }),
            Err(failure) => Err(failure.into_problem()),
        }
    }
}

impl Inner {
    async fn load_secret(&self, name: &str) -> Result<Option<Vec<u8>>, Problem> {
        let namespace = &self.parent.namespace;
        let resource = secrets();
        let operation = Operation::new("get", resource.name(), namespace);
        let path = resource.object(&ObjectId::new("", "Secret", namespace, name));
        match self.transport.call(Call::get(path, WHOLE, operation)).await {
            Ok(live) => decode(&live, namespace, name).map(Some),
            Err(Failure::NotFound(_)) => Ok(None),
            Err(failure) => Err(failure.into_problem()),
        }
    }

    async fn create_secret(&self, name: &str, bytes: &[u8]) -> Result<Node, Failure> {
        let namespace = &self.parent.namespace;
        let resource = secrets();
        let body = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "type": "Opaque",
            "data": {KEY: STANDARD.encode(bytes)},
        });
        let call = Call {
            method: Method::POST,
            path: resource.collection(Some(namespace)),
            accept: WHOLE,
            body: Some(("application/json", body.to_string())),
            operation: Operation::new("create", resource.name(), namespace),
            account: None,
        };
        self.transport.call(call).await
    }
}

fn secrets() -> Resource {
    Resource::core("Secret", "secrets", Scope::Namespaced)
}

fn decode(live: &Node, namespace: &str, name: &str) -> Result<Vec<u8>, Problem> {
    live.str_at(&["data", KEY])
        .and_then(|text| STANDARD.decode(text).ok())
        .ok_or_else(|| {
            Problem::new(Reason::InvalidField, format!("Secret {namespace}/{name} holds no key"))
                .field(format!("data.{KEY}"))
                .remedy("delete the Secret to have a new key made, then put its public half into the fleet file")
        })
}
