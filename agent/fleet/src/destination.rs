//! Whose Application it is.

use std::collections::BTreeMap;

use muster_model::{ClusterName, Node, Problem, Reason};

use crate::decode::Decoder;
use crate::fleet::Fleet;
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
                .by_name
                .get(name)
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
        let shown = directory.shown.get(cluster);
        Destination {
            server: shown
                .map_or(IN_CLUSTER_SERVER, |(server, _)| server)
                .to_owned(),
            name: shown.map_or(cluster.as_str(), |(_, name)| name).to_owned(),
            namespace: self.namespace.clone(),
        }
    }
}

/// The clusters by what destinations call them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Directory {
    by_name: BTreeMap<String, ClusterName>,
    by_server: BTreeMap<String, ClusterName>,
    /// Server and name of each cluster, as they are shown.
    shown: BTreeMap<ClusterName, (String, String)>,
    management: Option<ClusterName>,
}

impl Directory {
    /// The clusters of a fleet.
    pub(crate) fn of(fleet: &Fleet) -> Self {
        let mut directory = Self {
            management: fleet.management_cluster.clone(),
            ..Self::default()
        };
        for cluster in &fleet.clusters {
            for name in [cluster.name.as_str(), cluster.argo_name()] {
                directory
                    .by_name
                    .insert(name.to_owned(), cluster.name.clone());
            }
            let server = cluster.server.as_deref().unwrap_or(IN_CLUSTER_SERVER);
            let shown = (server.to_owned(), cluster.argo_name().to_owned());
            directory.shown.insert(cluster.name.clone(), shown);
            if let Some(server) = &cluster.server {
                let bare = server.trim_end_matches('/').to_owned();
                directory.by_server.insert(bare, cluster.name.clone());
            }
        }
        directory
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
            Some(name) => self.by_name.get(name),
            None => self.by_server.get(server.trim_end_matches('/')),
        }
    }
}
