//! Whose Application it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::{ClusterName, Node, Problem, Reason};

use crate::decode::Decoder;
use crate::fleet::{Cluster, Fleet};
use crate::generator::{IN_CLUSTER, IN_CLUSTER_SERVER, sentinel_cluster};

/// Where an Application runs, as it is shown and matched against projects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Destination {
    /// The server; that of a cluster without one is `https://kubernetes.default.svc`.
    pub server: String,
    /// The cluster's name.
    pub name: String,
    /// The namespace of objects that name none.
    pub namespace: String,
}

/// A destination as the file writes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Written {
    pub(crate) server: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl Written {
    /// Reads `destination`.
    pub(crate) fn read(decoder: &mut Decoder, node: Option<&Node>, path: &str, line: u32) -> Self {
        let Some(node) = node else {
            decoder.refuse(Reason::MissingField, line, path, "`destination` is missing");
            return Self::default();
        };
        let mut fields = decoder.fields(node, path);
        let written = Self {
            server: decoder.text(&mut fields, "server"),
            name: decoder.text(&mut fields, "name"),
            namespace: decoder.text(&mut fields, "namespace"),
        };
        decoder.finish(fields);
        written
    }

    /// The cluster that is meant.
    ///
    /// # Errors
    /// [`Reason::DestinationUnknown`] with the remedy.
    pub(crate) fn resolve(&self, directory: &Directory) -> Result<ClusterName, Problem> {
        let unknown = |message: String| Problem::new(Reason::DestinationUnknown, message);
        match (self.server.as_str(), self.name.as_str()) {
            ("", "") => Err(unknown(
                "the destination names neither server nor name".to_owned(),
            )),
            ("", IN_CLUSTER) | (IN_CLUSTER_SERVER, "") => {
                directory.management(&format!("{}{}", self.server, self.name))
            }
            ("", name) => directory
                .by_name(name)
                .cloned()
                .ok_or_else(|| unknown(format!("no cluster of the fleet is called `{name}`"))),
            (server, "") => directory
                .by_server(server)
                .cloned()
                .ok_or_else(|| unknown(format!("no cluster of the fleet has the server {server}"))),
            (_, _) => Err(unknown(
                "the destination names both server and name; Argo CD accepts one of them"
                    .to_owned(),
            )
            .remedy("keep `server: '{{.server}}'` or `name: '{{.name}}'`")),
        }
    }

    /// As it is shown, once the cluster is known.
    pub(crate) fn shown(&self, directory: &Directory, cluster: &ClusterName) -> Destination {
        let found = directory.cluster(cluster.as_str());
        let server = found.and_then(|cluster| cluster.server.as_deref());
        Destination {
            server: server.unwrap_or(IN_CLUSTER_SERVER).to_owned(),
            name: found
                .map_or(cluster.as_str(), Cluster::argo_name)
                .to_owned(),
            namespace: self.namespace.clone(),
        }
    }
}

/// The clusters by what destinations call them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Directory {
    clusters: Arc<Vec<Cluster>>,
    /// The numbers of all clusters, by name.
    by_name: Vec<u32>,
    /// Those that Argo CD knows by another name.
    by_argo_name: BTreeMap<String, ClusterName>,
    by_server: BTreeMap<String, ClusterName>,
    management: Option<ClusterName>,
}

impl Directory {
    /// The clusters of a fleet.
    pub(crate) fn of(fleet: &Fleet) -> Self {
        let clusters = Arc::clone(&fleet.clusters);
        let mut by_name: Vec<u32> = (0..).take(clusters.len()).collect();
        by_name.sort_by_key(|number| clusters.get(index(*number)).map(|c| &c.name));
        let mut directory = Self {
            management: fleet.management_cluster.clone(),
            by_name,
            ..Self::default()
        };
        for cluster in clusters.iter() {
            if let Some(name) = &cluster.argo_name {
                let name = name.clone();
                directory.by_argo_name.insert(name, cluster.name.clone());
            }
            if let Some(server) = &cluster.server {
                let bare = server.trim_end_matches('/').to_owned();
                directory.by_server.insert(bare, cluster.name.clone());
            }
        }
        directory.clusters = clusters;
        directory
    }

    /// The cluster of that name.
    fn cluster(&self, name: &str) -> Option<&Cluster> {
        let at = |number: &u32| self.clusters.get(index(*number));
        let name_of = |number: &u32| at(number).map(|cluster| cluster.name.as_str());
        let found = self.by_name.binary_search_by_key(&Some(name), name_of);
        at(self.by_name.get(found.ok()?)?)
    }

    /// The cluster that is called so, here or by Argo CD.
    fn by_name(&self, name: &str) -> Option<&ClusterName> {
        let found = self.cluster(name).map(|cluster| &cluster.name);
        found.or_else(|| self.by_argo_name.get(name))
    }

    fn management(&self, literal: &str) -> Result<ClusterName, Problem> {
        let here = self.by_server.get(IN_CLUSTER_SERVER);
        self.management.as_ref().or(here).cloned().ok_or_else(|| {
            Problem::new(
                Reason::DestinationUnknown,
                format!("`{literal}` means the cluster Argo CD runs in, and the fleet names none"),
            )
            .remedy("set spec.managementCluster in the fleet file, or use '{{.server}}'")
        })
    }

    fn by_server(&self, server: &str) -> Option<&ClusterName> {
        match sentinel_cluster(server) {
            Some(name) => self.by_name(name),
            None => self.by_server.get(server.trim_end_matches('/')),
        }
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
