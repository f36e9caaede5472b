//! A member of the fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use muster_model::{ClusterName, Location, Node};
use schemars::JsonSchema;

use crate::decode::{Decoder, Fields, child};
use crate::labels;
use crate::placement::{Taint, parse_quantity};
use crate::text_map::{TextMap, Texts};

/// The labels that say where a cluster is, as nodes carry them.
const REGION: &str = "topology.kubernetes.io/region";
const ZONE: &str = "topology.kubernetes.io/zone";

/// A member of the fleet.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// An RFC 1123 label; the agent is told its own name and nothing else.
    #[schemars(with = "String")]
    pub name: ClusterName,
    /// The name that Argo CD knows the cluster by, where that is no RFC 1123 label.
    pub argo_name: Option<String>,
    /// The server that Argo CD knows the cluster by; without one its own `{{server}}` is a value unique to it.
    pub server: Option<String>,
    /// Labels, which cluster generators select by.
    #[schemars(default)]
    pub labels: TextMap,
    /// Annotations, which templates can read.
    #[schemars(default)]
    pub annotations: TextMap,
    /// Values, which templates read as `values.<key>` unless the generator sets the same key.
    #[schemars(default)]
    pub values: TextMap,
    /// What the fleet wants of the cluster.
    #[schemars(default)]
    pub state: ClusterState,
    /// What a leaving cluster does with what it runs.
    #[schemars(default)]
    pub on_leave: OnLeave,
    /// Public keys that may sign the cluster's status.
    #[schemars(default)]
    pub status_keys: Vec<String>,
    /// The project the cluster belongs to, for `permitOnlyProjectScopedClusters`.
    #[schemars(default)]
    pub project: String,
    /// What the cluster can carry: quantities by resource (`cpu`, `memory`, `pods`, …), or `replicas` of any workload.
    #[schemars(default)]
    pub capacity: BTreeMap<String, String>,
    /// What keeps workloads that are placed by policy away.
    #[schemars(default)]
    pub taints: Vec<Taint>,
    /// Whose cluster it is, for field selectors of policies.
    pub provider: Option<String>,
    /// Where it is; unset, the label `topology.kubernetes.io/region` says so.
    pub region: Option<String>,
    /// Its zones; unset, the label `topology.kubernetes.io/zone` says so.
    #[schemars(default)]
    pub zones: Vec<String>,
    /// The addresses of its Pods.
    #[schemars(default, rename = "podCIDRs")]
    pub pod_cidrs: Vec<String>,
    /// The addresses of its Services.
    #[schemars(default, rename = "serviceCIDRs")]
    pub service_cidrs: Vec<String>,
    /// Where it is declared.
    #[schemars(skip)]
    pub declared_at: Option<Location>,
}

/// What the fleet wants of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
pub enum ClusterState {
    /// It follows the fleet.
    #[default]
    Active,
    /// It stays as it is and takes nothing new.
    Suspended,
    /// It lets go of everything, as `onLeave` says.
    Leaving,
}

/// What a leaving cluster does with what it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
pub enum OnLeave {
    /// The objects stay, without muster's marks.
    #[default]
    Preserve,
    /// The objects are deleted.
    Prune,
}

impl Cluster {
    /// A cluster with nothing but a name.
    #[must_use]
    pub fn named(name: ClusterName) -> Self {
        Self {
            name,
            argo_name: None,
            server: None,
            labels: TextMap::default(),
            annotations: TextMap::default(),
            values: TextMap::default(),
            state: ClusterState::default(),
            on_leave: OnLeave::default(),
            status_keys: Vec::new(),
            project: String::new(),
            capacity: BTreeMap::new(),
            taints: Vec::new(),
            provider: None,
            region: None,
            zones: Vec::new(),
            pod_cidrs: Vec::new(),
            service_cidrs: Vec::new(),
            declared_at: None,
        }
    }

    /// The name in generators' parameters and in `destination.name`.
    #[must_use]
    pub fn argo_name(&self) -> &str {
        self.argo_name
            .as_deref()
            .unwrap_or_else(|| self.name.as_str())
    }

    /// Where it is.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref().or_else(|| self.labels.get(REGION))
    }

    /// Its zones.
    #[must_use]
    pub fn zones(&self) -> Vec<&str> {
        if self.zones.is_empty() {
            return self.labels.get(ZONE).into_iter().collect();
        }
        self.zones.iter().map(String::as_str).collect()
    }
}

/// Reads `spec.clusters`.
pub(super) fn read_all(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Arc<Vec<Cluster>> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut servers: BTreeSet<String> = BTreeSet::new();
    let mut texts = Texts::default();
    let mut clusters = Vec::new();
    for (path, node) in decoder.items(fields, "clusters") {
        let Some(cluster) = read(decoder, node, &path, &mut texts) else {
            continue;
        };
        for name in BTreeSet::from([cluster.name.as_str(), cluster.argo_name()]) {
            if !names.insert(name.to_owned()) {
                decoder.wrong(
                    node.span.line,
                    &child(&path, "name"),
                    format!("two clusters are called `{name}`"),
                );
            }
        }
        if let Some(server) = &cluster.server
            && !servers.insert(server.trim_end_matches('/').to_owned())
        {
            decoder.wrong(
                node.span.line,
                &child(&path, "server"),
                format!("two clusters have the server {server}"),
            );
        }
        clusters.push(cluster);
    }
    clusters.shrink_to_fit();
    Arc::new(clusters)
}

fn read(decoder: &mut Decoder, node: &Node, path: &str, texts: &mut Texts) -> Option<Cluster> {
    let mut fields = decoder.fields(node, path);
    let name = decoder.text_required(&mut fields, "name");
    let name = match ClusterName::new(name) {
        Ok(name) => Some(name),
        Err(error) => {
            if !error.text.is_empty() {
                decoder.wrong(node.span.line, &child(path, "name"), error.to_string());
            }
            None
        }
    };
    let mut cluster = Cluster::named(name.clone().unwrap_or_else(placeholder));
    cluster.argo_name = decoder.text_opt(&mut fields, "argoName");
    cluster.server = decoder.text_opt(&mut fields, "server");
    cluster.labels = texts.map(decoder.text_map(&mut fields, "labels"));
    cluster.annotations = texts.map(decoder.text_map(&mut fields, "annotations"));
    cluster.values = texts.map(decoder.text_map(&mut fields, "values"));
    cluster.state = read_state(decoder, &mut fields);
    cluster.on_leave = decoder
        .word(
            &mut fields,
            "onLeave",
            &[("Preserve", OnLeave::Preserve), ("Prune", OnLeave::Prune)],
        )
        .unwrap_or_default();
    cluster.status_keys = read_keys(decoder, &mut fields);
    cluster.project = decoder.text(&mut fields, "project");
    cluster.capacity = read_capacity(decoder, &mut fields);
    cluster.taints = Taint::read_all(decoder, &mut fields);
    cluster.provider = decoder.text_opt(&mut fields, "provider");
    cluster.region = decoder.text_opt(&mut fields, "region");
    cluster.zones = decoder.texts(&mut fields, "zones");
    cluster.pod_cidrs = read_cidrs(decoder, &mut fields, "podCIDRs");
    cluster.service_cidrs = read_cidrs(decoder, &mut fields, "serviceCIDRs");
    cluster.declared_at = Some(decoder.at(node));
    check(decoder, &cluster, node, path);
    decoder.finish(fields);
    name.map(|_| cluster)
}

/// Stands in for a name that was refused, so that the other fields are still checked.
fn placeholder() -> ClusterName {
    ClusterName::new("unnamed").expect("because `unnamed` is an RFC 1123 label")
}

fn read_state(decoder: &mut Decoder, fields: &mut Fields<'_>) -> ClusterState {
    decoder
        .word(
            fields,
            "state",
            &[
                ("Active", ClusterState::Active),
                ("Suspended", ClusterState::Suspended),
                ("Leaving", ClusterState::Leaving),
            ],
        )
        .unwrap_or_default()
}

fn check(decoder: &mut Decoder, cluster: &Cluster, node: &Node, path: &str) {
    let line = |field: &str, key: &str| {
        node.at_path(&[field, key])
            .map_or(node.span.line, |value| value.span.line)
    };
    for (key, value) in cluster.labels.iter() {
        let why = labels::key_error(key).or_else(|| labels::value_error(value));
        if let Some(why) = why {
            let field = child(&child(path, "labels"), key);
            decoder.wrong(line("labels", key), &field, why);
        }
    }
    for (key, _) in cluster.annotations.iter() {
        if let Some(why) = labels::key_error(key) {
            let field = child(&child(path, "annotations"), key);
            decoder.wrong(line("annotations", key), &field, why);
        }
    }
    if let Some(server) = &cluster.server
        && !(server.starts_with("https://") || server.starts_with("http://"))
    {
        decoder.wrong(
            node.span.line,
            &child(path, "server"),
            format!("`{server}` is no http(s) URL"),
        );
    }
}

fn read_keys(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<String> {
    let mut keys = Vec::new();
    for (path, node) in decoder.items(fields, "statusKeys") {
        let Some(text) = decoder.text_of(node, &path) else {
            continue;
        };
        let mut words = text.split_whitespace();
        let algorithm = words.next().unwrap_or_default();
        let known = ["ssh-", "ecdsa-", "sk-"]
            .iter()
            .any(|p| algorithm.starts_with(p))
            && words.next().is_some_and(|body| body.len() >= 40);
        if !known {
            let problem = decoder.wrong(node.span.line, &path, "this is no OpenSSH public key");
            problem.remedy = Some("paste the line of the `.pub` file".to_owned());
        }
        keys.push(text);
    }
    keys
}

fn read_capacity(decoder: &mut Decoder, fields: &mut Fields<'_>) -> BTreeMap<String, String> {
    let Some(node) = fields.take("capacity") else {
        return BTreeMap::new();
    };
    let path = fields.path_of("capacity");
    let Some(map) = node.as_map() else {
        decoder.expected(node, &path, "a mapping");
        return BTreeMap::new();
    };
    let mut capacity = BTreeMap::new();
    for (key, value) in map.iter() {
        match value.raw_scalar() {
            Some(text) => {
                if parse_quantity(&text).is_none_or(|quantity| quantity < 0) {
                    let message = format!("`{text}` is no quantity like 500, 1.5 or 64Gi");
                    decoder.wrong(value.span.line, &child(&path, key), message);
                }
                capacity.insert(key.to_owned(), text);
            }
            None => decoder.expected(value, &child(&path, key), "a text or a number"),
        }
    }
    capacity
}

fn read_cidrs(decoder: &mut Decoder, fields: &mut Fields<'_>, name: &'static str) -> Vec<String> {
    let mut cidrs = Vec::new();
    for (path, node) in decoder.items(fields, name) {
        let Some(text) = decoder.text_of(node, &path) else {
            continue;
        };
        if !is_cidr(&text) {
            decoder.wrong(
                node.span.line,
                &path,
                format!("`{text}` is no address range like 10.0.0.0/16"),
            );
        }
        cidrs.push(text);
    }
    cidrs
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let limit = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= limit)
}
