//! Which kinds are served, at which versions, in which scope: two requests (aggregated discovery, Kubernetes 1.26).

use std::collections::BTreeMap;

use muster_model::GroupKind;
use muster_model::kinds::Scope;
use muster_model::observed::{Discovery, ServedKind};
use serde::Deserialize;

use crate::failure::{Failure, Operation};
use crate::transport::{Call, Transport};

/// The stable form and the one that Kubernetes 1.28 and 1.29 have.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                      application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

#[derive(Debug, Deserialize)]
struct Groups {
    items: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

/// One version of a group; the preferred one comes first.
#[derive(Debug, Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
    #[serde(default)]
    freshness: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource: String,
    response_kind: Option<Kind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    kind: String,
}

/// Asks for the core group and for all others.
pub(crate) async fn ask(transport: &Transport) -> Result<Discovery, Failure> {
    let mut discovery = Discovery::default();
    for path in ["/api", "/apis"] {
        let operation = Operation::new("get", path, "");
        let bytes = transport
            .bytes(Call::get(path.to_owned(), ACCEPT, operation.clone()))
            .await?;
        let groups: Groups =
            serde_json::from_slice(&bytes).map_err(|_| Failure::not_json(&operation))?;
        for group in groups.items {
            add(&mut discovery, group);
        }
    }
    Ok(discovery)
}

fn add(discovery: &mut Discovery, group: Group) {
    let name = group.metadata.name;
    for version in group.versions {
        // The last answer of an aggregated API server that does not answer now.
        if version.freshness == "Stale" {
            discovery.failed_groups.insert(name.clone());
        }
        for resource in version.resources {
            add_kind(&mut discovery.kinds, &name, &version.version, resource);
        }
    }
}

/// A kind seen at a further version only adds the version; at one version the first resource of a kind counts.
fn add_kind(
    kinds: &mut BTreeMap<GroupKind, ServedKind>,
    group: &str,
    version: &str,
    resource: Resource,
) {
    let Some(kind) = resource.response_kind else {
        return;
    };
    let scope = if resource.scope == "Namespaced" {
        Scope::Namespaced
    } else {
        Scope::Cluster
    };
    let served = kinds
        .entry(GroupKind::new(group, kind.kind))
        .or_insert_with(|| ServedKind {
            plural: resource.resource.clone(),
            scope,
            versions: Vec::new(),
            verbs: resource.verbs.into_iter().collect(),
        });
    if served.plural == resource.resource && !served.versions.iter().any(|v| v == version) {
        served.versions.push(version.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_whose_server_is_down_is_named_and_the_others_stay() {
        let group = |text| serde_json::from_str(text).expect("a group");
        let mut discovery = Discovery::default();
        add(
            &mut discovery,
            group(
                r#"{"metadata":{"name":"metrics.k8s.io"},"versions":[{"version":"v1","freshness":"Stale"}]}"#,
            ),
        );
        add(
            &mut discovery,
            group(
                r#"{"metadata":{"name":"apps"},"versions":[{"version":"v1","freshness":"Current","resources":[
                {"resource":"deployments","responseKind":{"group":"","kind":"Deployment","version":""},"scope":"Namespaced","verbs":["get","list"]}]}]}"#,
            ),
        );
        assert!(discovery.failed_groups.contains("metrics.k8s.io"));
        let served = &discovery.kinds[&GroupKind::new("apps", "Deployment")];
        assert_eq!(
            (served.plural.as_str(), served.versions.len()),
            ("deployments", 1)
        );
    }
}
