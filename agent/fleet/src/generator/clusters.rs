//! The cluster generator: the members of the fleet.

use std::collections::BTreeMap;

use muster_model::Node;

use super::{Scene, append_values};
use crate::decode::Decoder;
use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::params::{self, Params};
use crate::selector::{Selector, Subject};
use crate::template::normalise;

/// The name Argo CD gives the cluster it runs in.
pub const IN_CLUSTER: &str = "in-cluster";
/// The server Argo CD gives the cluster it runs in.
pub const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";
/// The label every cluster Secret of Argo CD carries.
pub const SECRET_TYPE: &str = "argocd.argoproj.io/secret-type";

/// A cluster as generators see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Member {
    /// The name Argo CD knows it by.
    pub name: String,
    /// Its server, or the value that stands for it.
    pub server: String,
    /// The project it belongs to, empty for none.
    pub project: String,
    /// Its labels, [`SECRET_TYPE`] included.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Values of the fleet file.
    pub values: BTreeMap<String, String>,
}

/// The clusters generators choose from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    /// Each cluster once.
    pub clusters: Vec<Member>,
    /// True when the cluster Argo CD runs in counts although nobody registered it.
    pub implicit_local: bool,
}

impl Members {
    /// The clusters of a fleet, in the order of the file.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        let member = |cluster: &crate::fleet::Cluster| {
            let mut labels = cluster.labels.clone();
            labels.insert(SECRET_TYPE.to_owned(), "cluster".to_owned());
            Member {
                name: cluster.argo_name().to_owned(),
                server: cluster
                    .server
                    .clone()
                    .unwrap_or_else(|| sentinel(cluster.name.as_str())),
                project: cluster.project.clone(),
                labels,
                annotations: cluster.annotations.clone(),
                values: cluster.values.clone(),
            }
        };
        Self {
            clusters: fleet.clusters.iter().map(member).collect(),
            implicit_local: false,
        }
    }
}

/// What stands between [`IN_CLUSTER_SERVER`] and the cluster's name in the value that is unique to the cluster.
const SENTINEL_MARK: &str = "#muster-cluster=";

/// The `{{server}}` of a cluster without a server of its own.
#[must_use]
pub fn sentinel(cluster: &str) -> String {
    format!("{IN_CLUSTER_SERVER}{SENTINEL_MARK}{cluster}")
}

/// The cluster that a server stands for, when it is such a value.
#[must_use]
pub fn sentinel_cluster(server: &str) -> Option<&str> {
    server
        .strip_prefix(IN_CLUSTER_SERVER)?
        .strip_prefix(SENTINEL_MARK)
}

/// A text with every sentinel shown as [`IN_CLUSTER_SERVER`].
#[must_use]
pub fn show_text(text: &str) -> Option<String> {
    if !text.contains(SENTINEL_MARK) {
        return None;
    }
    let mut parts = text.split(SENTINEL_MARK);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // A cluster's name has only letters, digits and `-`.
        let end = part
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .unwrap_or(part.len());
        out.push_str(&part[end..]);
    }
    Some(out)
}

/// Flattened parameters with every sentinel shown.
pub(super) fn shown(mut flat: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for value in flat.values_mut() {
        if let Some(shown) = show_text(value) {
            *value = shown;
        }
    }
    flat
}

/// The members of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// Which of them.
    pub selector: Selector,
    values: BTreeMap<String, String>,
    flat_list: bool,
    pub(super) template: Option<Node>,
}

impl Clusters {
    pub(super) fn read(decoder: &mut Decoder, node: &Node, path: &str) -> Self {
        let mut fields = decoder.fields(node, path);
        let selector = fields.take("selector").map(|node| {
            let path = fields.path_of("selector");
            Selector::read(decoder, node, &path, Subject::Labels)
        });
        let clusters = Self {
            selector: selector.unwrap_or_default(),
            values: decoder.text_map(&mut fields, "values"),
            flat_list: decoder.bool(&mut fields, "flatList"),
            template: fields.take("template").cloned(),
        };
        decoder.finish(fields);
        clusters
    }

    pub(super) fn generate(&self, scene: &mut Scene<'_>) -> Result<Vec<Params>, Failure> {
        let mut out = Vec::new();
        let mut has_local = false;
        let members = scene.members;
        for member in &members.clusters {
            if !self.selector.matches(&member.labels) {
                continue;
            }
            has_local |= member.server == IN_CLUSTER_SERVER;
            let mut params = parameters(member, scene.language.is_go());
            append_values(&self.values, &mut params, scene)?;
            out.push(params);
        }
        if members.implicit_local && self.selector.is_empty() && !has_local {
            let mut params = local();
            append_values(&self.values, &mut params, scene)?;
            out.push(params);
        }
        if self.flat_list {
            let all = params::list(out.into_iter().map(params::map));
            return Ok(vec![Params::from([("clusters".into(), all)])]);
        }
        Ok(out)
    }
}

fn parameters(member: &Member, go: bool) -> Params {
    let mut params = Params::from([
        ("name".into(), params::text(&member.name)),
        ("nameNormalized".into(), params::text(&normalise(&member.name))),
        ("server".into(), params::text(&member.server)),
        ("project".into(), params::text(&member.project)),
    ]);
    let groups = [
        ("annotations", &member.annotations),
        ("labels", &member.labels),
    ];
    if go {
        let present = groups.iter().filter(|(_, entries)| !entries.is_empty());
        let metadata = present.map(|(name, entries)| ((*name).into(), params::text_map(*entries)));
        params.insert("metadata".into(), params::map(metadata.collect()));
        if !member.values.is_empty() {
            params.insert("values".into(), params::text_map(&member.values));
        }
        return params;
    }
    for (name, entries) in groups {
        for (key, value) in entries {
            params.insert(format!("metadata.{name}.{key}").into(), params::text(value));
        }
    }
    for (key, value) in &member.values {
        params.insert(format!("values.{key}").into(), params::text(value));
    }
    params
}

fn local() -> Params {
    Params::from([
        ("name".into(), params::text(IN_CLUSTER)),
        ("nameNormalized".into(), params::text(IN_CLUSTER)),
        ("server".into(), params::text(IN_CLUSTER_SERVER)),
        ("project".into(), params::text("")),
    ])
}
