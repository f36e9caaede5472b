//! The cluster generator: the members of the fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use muster_model::Node;

use super::{Scene, append_values_over};
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
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members {
    clusters: Vec<Member>,
    implicit_local: bool,
    /// The parameters of each cluster, without and with Go templates: made once, for all ApplicationSets.
    parameters: [OnceLock<Vec<Params>>; 2],
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
        Self::given(fleet.clusters.iter().map(member).collect(), false)
    }

    /// These clusters; with `implicit_local`, the one Argo CD runs in counts although nobody registered it.
    #[must_use]
    pub fn given(clusters: Vec<Member>, implicit_local: bool) -> Self {
        Self {
            clusters,
            implicit_local,
            parameters: Default::default(),
        }
    }

    fn parameters(&self, go: bool) -> &[Params] {
        self.parameters[usize::from(go)].get_or_init(|| {
            let mut texts = Texts::default();
            let members = self.clusters.iter();
            let of = |member: &Member| parameters(member, go, &mut texts);
            members.map(of).collect()
        })
    }
}

/// What stands between [`IN_CLUSTER_SERVER`] and the cluster's name in the value that is unique to the cluster.
const SENTINEL_MARK: &str = "#muster-cluster=";

/// The `{{server}}` of a cluster without a server of its own.
#[must_use]
pub(crate) fn sentinel(cluster: &str) -> String {
    format!("{IN_CLUSTER_SERVER}{SENTINEL_MARK}{cluster}")
}

/// The cluster that a server stands for, when it is such a value.
#[must_use]
pub(crate) fn sentinel_cluster(server: &str) -> Option<&str> {
    server
        .strip_prefix(IN_CLUSTER_SERVER)?
        .strip_prefix(SENTINEL_MARK)
}

/// A text with every sentinel shown as [`IN_CLUSTER_SERVER`].
#[must_use]
pub(crate) fn show_text(text: &str) -> Option<String> {
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
    pub(super) line: u32,
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
            line: node.span.line,
        };
        decoder.finish(fields);
        clusters
    }

    /// True when the selector asks for something that no cluster of the fleet has.
    pub(super) fn is_idle(&self, members: &Members) -> bool {
        let matches = |member: &Member| self.selector.matches(&member.labels);
        !self.selector.is_empty() && !members.clusters.iter().any(matches)
    }

    pub(super) fn generate(&self, scene: &mut Scene<'_>) -> Result<Vec<Params>, Failure> {
        let mut out = Vec::new();
        let mut has_local = false;
        let members = scene.members;
        let known = members.parameters(scene.language.is_go());
        for (member, params) in members.clusters.iter().zip(known) {
            if !self.selector.matches(&member.labels) {
                continue;
            }
            has_local |= member.server == IN_CLUSTER_SERVER;
            let mut params = params.clone();
            append_values_over(&self.values, &mut params, scene)?;
            out.push(params);
        }
        if members.implicit_local && self.selector.is_empty() && !has_local {
            let mut params = local();
            append_values_over(&self.values, &mut params, scene)?;
            out.push(params);
        }
        if self.flat_list {
            let all = params::list(out.into_iter().map(params::map));
            return Ok(vec![Params::from([("clusters".into(), all)])]);
        }
        Ok(out)
    }
}

fn parameters(member: &Member, go: bool, texts: &mut Texts) -> Params {
    let normalised = normalise(&member.name);
    let own = [
        ("name", &member.name),
        ("nameNormalized", &normalised),
        ("server", &member.server),
        ("project", &member.project),
    ];
    let mut params: Params = own
        .into_iter()
        .map(|(key, value)| (texts.one(key), texts.value(value)))
        .collect();
    let groups = [
        ("annotations", &member.annotations),
        ("labels", &member.labels),
    ];
    if go {
        let mut metadata = Params::new();
        for (name, entries) in groups.into_iter().filter(|(_, e)| !e.is_empty()) {
            metadata.insert(texts.one(name), texts.map(entries));
        }
        params.insert(texts.one("metadata"), params::map(metadata));
        if !member.values.is_empty() {
            params.insert(texts.one("values"), texts.map(&member.values));
        }
        return params;
    }
    for (name, entries) in groups {
        for (key, value) in entries {
            let key = texts.one(&format!("metadata.{name}.{key}"));
            params.insert(key, texts.value(value));
        }
    }
    for (key, value) in &member.values {
        params.insert(texts.one(&format!("values.{key}")), texts.value(value));
    }
    params
}

/// Texts that are there once, however many clusters have them.
#[derive(Default)]
struct Texts(BTreeSet<Arc<str>>);

impl Texts {
    fn one(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }

    fn value(&mut self, text: &str) -> gotmpl::Value {
        gotmpl::Value::String(self.one(text))
    }

    fn map(&mut self, entries: &BTreeMap<String, String>) -> gotmpl::Value {
        let mut map = Params::new();
        for (key, value) in entries {
            map.insert(self.one(key), self.value(value));
        }
        params::map(map)
    }
}

fn local() -> Params {
    Params::from([
        ("name".into(), params::text(IN_CLUSTER)),
        ("nameNormalized".into(), params::text(IN_CLUSTER)),
        ("server".into(), params::text(IN_CLUSTER_SERVER)),
        ("project".into(), params::text("")),
    ])
}
