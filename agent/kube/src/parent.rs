//! The ApplySet parent (KEP-3659): a ConfigMap that declares where our objects are, and keeps what the agent remembers.

use std::collections::BTreeSet;

use http::Method;
use muster_model::agent_state::{self, AgentState, Parent, Swap};
use muster_model::kinds::Scope;
use muster_model::observed::ParentScope;
use muster_model::{GroupKind, Node, ObjectId, Problem, Reason, marks};
use serde_json::{Value, json};

use crate::client::{ClusterClient, Inner, ParentName};
use crate::failure::{Failure, Operation};
use crate::resource::{Resource, segment};
use crate::transport::{Call, WHOLE};

/// The key of the ConfigMap that holds the state.
const STATE: &str = "state";

impl ClusterClient {
    /// Reads the parent; one that does not exist is empty.
    ///
    /// # Errors
    /// When the API server does not answer, or the state is not one this version can read.
    pub async fn parent(&self) -> Result<Parent, Problem> {
        let inner = &self.inner;
        let (resource, object) = inner.parent_object();
        let operation = Operation::new("get", resource.name(), object.namespace());
        let call = Call::get(resource.object(&object), WHOLE, operation);
        match inner.transport.call(call).await {
            Ok(live) => read(&live, &inner.parent),
            Err(Failure::NotFound(_)) => Ok(Parent::default()),
            Err(failure) => Err(failure.into_problem()),
        }
    }

    /// Stores the parent if it still has the version that was read; makes it if it did not exist.
    ///
    /// # Errors
    /// When the API server does not answer or refuses, or the state is too large.
    pub async fn swap_parent(&self, next: &Parent) -> Result<Swap, Problem> {
        let inner = &self.inner;
        let (resource, object) = inner.parent_object();
        let body = inner.parent_body(next)?;
        let call = if next.resource_version.is_empty() {
            Call {
                method: Method::POST,
                path: resource.collection(Some(object.namespace())),
                accept: WHOLE,
                body: Some(("application/json", body.to_string())),
                operation: Operation::new("create", resource.name(), object.namespace()),
                account: None,
            }
        } else {
            Call {
                method: Method::PATCH,
                path: format!(
                    "{}?fieldManager={}",
                    resource.object(&object),
                    segment(&inner.field_manager())
                ),
                accept: WHOLE,
                body: Some(("application/merge-patch+json", body.to_string())),
                operation: Operation::new("patch", resource.name(), object.namespace()),
                account: None,
            }
        };
        match inner.transport.call(call).await {
            Ok(live) => Ok(Swap::Stored(
                live.str_at(&["metadata", "resourceVersion"])
                    .unwrap_or_default()
                    .to_owned(),
            )),
            Err(Failure::Conflict(_) | Failure::NotFound(_)) => Ok(Swap::Lost),
            Err(failure) => Err(failure.into_problem()),
        }
    }
}

impl Inner {
    fn parent_object(&self) -> (Resource, ObjectId) {
        let resource = Resource::core("ConfigMap", "configmaps", Scope::Namespaced);
        let object = ObjectId::new("", "ConfigMap", &self.parent.namespace, &self.parent.name);
        (resource, object)
    }

    fn parent_body(&self, next: &Parent) -> Result<Value, Problem> {
        let Parent {
            scope,
            state,
            resource_version,
        } = next;
        let state = AgentState {
            version: agent_state::VERSION,
            ..state.clone()
        };
        let state = serde_json::to_string(&state).map_err(|_| {
            Problem::new(
                Reason::InternalError,
                "the agent's state cannot be written as JSON",
            )
        })?;
        if state.len() > agent_state::MAX_BYTES {
            let message = format!(
                "the agent's state has {} bytes, more than {}",
                state.len(),
                agent_state::MAX_BYTES
            );
            return Err(Problem::new(Reason::InternalError, message));
        }
        let mut metadata = json!({
            "name": self.parent.name,
            "namespace": self.parent.namespace,
            "labels": {marks::APPLYSET_ID: self.applyset},
            "annotations": {
                marks::APPLYSET_TOOLING: self.tooling,
                marks::APPLYSET_GROUP_KINDS: kinds_text(&scope.kinds),
                marks::APPLYSET_NAMESPACES: namespaces_text(&scope.namespaces, &self.parent.namespace),
            },
        });
        if !resource_version.is_empty() {
            metadata["resourceVersion"] = resource_version.as_str().into();
        }
        Ok(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {STATE: state}}),
        )
    }
}

fn read(live: &Node, name: &ParentName) -> Result<Parent, Problem> {
    let annotation = |key| {
        live.str_at(&["metadata", "annotations", key])
            .unwrap_or_default()
    };
    let mut namespaces: BTreeSet<String> = list(annotation(marks::APPLYSET_NAMESPACES))
        .map(ToOwned::to_owned)
        .collect();
    namespaces.insert(name.namespace.clone());
    Ok(Parent {
        scope: ParentScope {
            kinds: list(annotation(marks::APPLYSET_GROUP_KINDS))
                .map(group_kind)
                .collect(),
            namespaces,
        },
        state: read_state(live.str_at(&["data", STATE]), name)?,
        resource_version: live
            .str_at(&["metadata", "resourceVersion"])
            .unwrap_or_default()
            .to_owned(),
    })
}

/// A ConfigMap without state is a parent whose state was lost: it is rebuilt. State that cannot be read is neither
/// guessed at nor overwritten.
fn read_state(text: Option<&str>, name: &ParentName) -> Result<AgentState, Problem> {
    let Some(text) = text else {
        return Ok(AgentState::default());
    };
    let refuse = |why: &str| {
        let ParentName { namespace, name } = name;
        Problem::new(Reason::InternalError, format!("ConfigMap {namespace}/{name}: {why}"))
            .field("data.state")
            .remedy("run the version that wrote it, or delete the field to rebuild the state from the cluster")
    };
    let state: AgentState =
        serde_json::from_str(text).map_err(|_| refuse("the agent's state cannot be read"))?;
    if state.version > agent_state::VERSION {
        return Err(refuse("the agent's state was written by a newer version"));
    }
    Ok(state)
}

/// Comma-separated `Kind.group`, sorted (KEP-3659).
fn kinds_text(kinds: &BTreeSet<GroupKind>) -> String {
    let mut texts: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    texts.sort();
    texts.join(",")
}

/// Comma-separated, without the parent's own, sorted (KEP-3659).
fn namespaces_text(namespaces: &BTreeSet<String>, own: &str) -> String {
    let others: Vec<&str> = namespaces
        .iter()
        .map(String::as_str)
        .filter(|n| *n != own && !n.is_empty())
        .collect();
    others.join(",")
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

fn group_kind(text: &str) -> GroupKind {
    let (kind, group) = text.split_once('.').unwrap_or((text, ""));
    GroupKind::new(group, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> ParentName {
        ParentName {
            namespace: "muster-system".to_owned(),
            name: "muster".to_owned(),
        }
    }

    #[test]
    fn kinds_and_namespaces_read_back_what_they_print() {
        let kinds = BTreeSet::from([
            GroupKind::new("apps", "Deployment"),
            GroupKind::new("", "ConfigMap"),
        ]);
        assert_eq!(kinds_text(&kinds), "ConfigMap,Deployment.apps");
        assert_eq!(
            list(&kinds_text(&kinds))
                .map(group_kind)
                .collect::<BTreeSet<_>>(),
            kinds
        );
        let namespaces =
            BTreeSet::from(["muster-system".to_owned(), "b".to_owned(), "a".to_owned()]);
        assert_eq!(namespaces_text(&namespaces, "muster-system"), "a,b");
    }

    #[test]
    fn state_of_a_newer_version_is_refused_and_lost_state_is_empty() {
        assert_eq!(read_state(None, &name()), Ok(AgentState::default()));
        let newer = AgentState {
            version: agent_state::VERSION + 1,
            ..AgentState::default()
        };
        let text = serde_json::to_string(&newer).expect("JSON");
        assert!(read_state(Some(&text), &name()).is_err());
        assert!(read_state(Some("{"), &name()).is_err());
    }
}
