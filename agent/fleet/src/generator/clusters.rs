//! The cluster generator: the members of the fleet.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::Value;
use muster_model::Node;

use super::Scene;
use super::sets::ParameterSets;
use crate::decode::Decoder;
use crate::failure::Failure;
use crate::fleet::{Cluster, Fleet};
use crate::params::{self, Params};
use crate::selector::{Selector, Subject};
use crate::template::normalise;
use crate::text_map::{TextMap, Texts};

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
    pub name: Arc<str>,
    /// Its server, or the value that stands for it.
    pub server: Arc<str>,
    /// The project it belongs to, empty for none.
    pub project: Arc<str>,
    /// Its labels, [`SECRET_TYPE`] included.
    pub labels: TextMap,
    /// Its annotations.
    pub annotations: TextMap,
    /// Values of the fleet file.
    pub values: TextMap,
}

/// The clusters generators choose from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members {
    clusters: Vec<Member>,
    implicit_local: bool,
    words: Words,
}

impl Members {
    /// The clusters of a fleet, in the order of the file.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        let (mut texts, secret_type) = (Texts::default(), Arc::from(SECRET_TYPE));
        let mut member = |cluster: &Cluster| Member {
            name: cluster.argo_name().into(),
            server: match &cluster.server {
                Some(server) => server.as_str().into(),
                None => sentinel(cluster.name.as_str()).into(),
            },
            project: texts.one(&cluster.project),
            labels: cluster
                .labels
                .with(Arc::clone(&secret_type), texts.one("cluster")),
            annotations: cluster.annotations.clone(),
            values: cluster.values.clone(),
        };
        Self::given(fleet.clusters.iter().map(&mut member).collect(), false)
    }

    /// These clusters; with `implicit_local`, the one Argo CD runs in counts although nobody registered it.
    #[must_use]
    pub fn given(clusters: Vec<Member>, implicit_local: bool) -> Self {
        Self {
            words: Words::of(&clusters),
            clusters,
            implicit_local,
        }
    }

    /// The numbers of the clusters that a selector chooses.
    fn matching(&self, selector: &Selector) -> Vec<Choice> {
        let matches = |member: &Member| selector.matches_by(&|key| member.labels.get(key));
        let members = self.clusters.iter().enumerate();
        let chosen = members.filter(|(_, member)| matches(member));
        let mut chosen: Vec<_> = chosen.map(|(number, _)| Choice::Cluster(number)).collect();
        let is_local = |choice: &Choice| match choice {
            Choice::Cluster(number) => &*self.clusters[*number].server == IN_CLUSTER_SERVER,
            Choice::Local => true,
        };
        if self.implicit_local && selector.is_empty() && !chosen.iter().any(is_local) {
            chosen.push(Choice::Local);
        }
        chosen
    }

    fn parameters(&self, choice: Choice, go: bool) -> Params {
        match choice {
            Choice::Cluster(number) => self.words.parameters(&self.clusters[number], go),
            Choice::Local => self.words.local(),
        }
    }
}

/// A cluster that is chosen.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// The one of that number.
    Cluster(usize),
    /// The one Argo CD runs in, which nobody registered.
    Local,
}

/// Chosen clusters, and the values that the generator gives each.
#[derive(Debug, Clone)]
pub(super) struct Chosen<'m> {
    members: &'m Members,
    go: bool,
    choices: Vec<Choice>,
    names: Vec<Arc<str>>,
    /// The values of each cluster, one behind the other.
    values: Vec<Arc<str>>,
}

impl Chosen<'_> {
    pub(super) fn len(&self) -> usize {
        self.choices.len()
    }

    pub(super) fn get(&self, number: usize) -> Option<Params> {
        let mut params = self.members.parameters(*self.choices.get(number)?, self.go);
        let values = self.values.iter().skip(number * self.names.len());
        let own = self.names.iter().zip(values);
        let own = own.map(|(name, value)| (name, Value::String(Arc::clone(value))));
        if self.names.is_empty() {
            return Some(params);
        }
        if self.go {
            let own = own.map(|(name, value)| (Arc::clone(name), value)).collect();
            let own = Params::from([("values".into(), params::map(own))]);
            params::merge_over(&mut params, &own);
        } else {
            params.extend(own.map(|(name, value)| (format!("values.{name}").into(), value)));
        }
        Some(params)
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
        !self.selector.is_empty() && members.matching(&self.selector).is_empty()
    }

    pub(super) fn generate<'m>(
        &self,
        scene: &mut Scene<'m, '_>,
    ) -> Result<ParameterSets<'m>, Failure> {
        let choices = scene.members.matching(&self.selector);
        let chosen = Chosen {
            members: scene.members,
            go: scene.language.is_go(),
            values: self.values(&choices, scene)?,
            choices,
            names: self
                .values
                .keys()
                .map(|name| name.as_str().into())
                .collect(),
        };
        let sets = ParameterSets::of_clusters(chosen);
        if self.flat_list {
            let all = params::list(sets.iter().map(params::map));
            return Ok(vec![Params::from([("clusters".into(), all)])].into());
        }
        Ok(sets)
    }

    /// The generator's own values for each cluster, one behind the other.
    fn values(
        &self,
        choices: &[Choice],
        scene: &mut Scene<'_, '_>,
    ) -> Result<Vec<Arc<str>>, Failure> {
        let mut texts = Texts::default();
        let mut values = Vec::with_capacity(self.values.len() * choices.len());
        for choice in choices.iter().filter(|_| !self.values.is_empty()) {
            let go = scene.language.is_go();
            let seen = params::map(scene.members.parameters(*choice, go));
            for value in self.values.values() {
                let text = scene.renderer.text(scene.language, value, &seen)?;
                values.push(texts.one(&text));
            }
        }
        Ok(values)
    }
}

/// The names of parameters, kept once.
#[derive(Debug, Clone, PartialEq, Default)]
struct Words {
    name: Arc<str>,
    name_normalized: Arc<str>,
    server: Arc<str>,
    project: Arc<str>,
    metadata: Arc<str>,
    labels: Arc<str>,
    annotations: Arc<str>,
    values: Arc<str>,
    /// `metadata.labels.<key>` and the like, as the older templates name them, by group and key.
    flat: [BTreeMap<Arc<str>, Arc<str>>; 3],
}

impl Words {
    fn of(clusters: &[Member]) -> Self {
        let flat = |prefix: &str, group: fn(&Member) -> &TextMap| {
            let mut known = BTreeMap::new();
            for (key, _) in clusters.iter().flat_map(|member| group(member).shared()) {
                if !known.contains_key(key) {
                    known.insert(Arc::clone(key), format!("{prefix}.{key}").into());
                }
            }
            known
        };
        Self {
            name: "name".into(),
            name_normalized: "nameNormalized".into(),
            server: "server".into(),
            project: "project".into(),
            metadata: "metadata".into(),
            labels: "labels".into(),
            annotations: "annotations".into(),
            values: "values".into(),
            flat: [
                flat("metadata.annotations", |member| &member.annotations),
                flat("metadata.labels", |member| &member.labels),
                flat("values", |member| &member.values),
            ],
        }
    }

    fn parameters(&self, member: &Member, go: bool) -> Params {
        let text = |text: &Arc<str>| Value::String(Arc::clone(text));
        let normalised = params::text(&normalise(&member.name));
        let mut params = Params::from([
            (Arc::clone(&self.name), text(&member.name)),
            (Arc::clone(&self.name_normalized), normalised),
            (Arc::clone(&self.server), text(&member.server)),
            (Arc::clone(&self.project), text(&member.project)),
        ]);
        let groups = [&member.annotations, &member.labels, &member.values];
        if !go {
            for (group, known) in groups.into_iter().zip(&self.flat) {
                let named = group.shared().filter_map(|(key, value)| {
                    let name = known.get(key)?;
                    Some((Arc::clone(name), text(value)))
                });
                params.extend(named);
            }
            return params;
        }
        let entry = |(key, value): &(Arc<str>, Arc<str>)| (Arc::clone(key), text(value));
        let whole = |group: &TextMap| params::map(group.shared().map(entry).collect());
        let [annotations, labels, values] = groups;
        let named = [(&self.annotations, annotations), (&self.labels, labels)];
        let named = named.into_iter().filter(|(_, group)| !group.is_empty());
        let metadata = named.map(|(name, group)| (Arc::clone(name), whole(group)));
        params.insert(Arc::clone(&self.metadata), params::map(metadata.collect()));
        if !values.is_empty() {
            params.insert(Arc::clone(&self.values), whole(values));
        }
        params
    }

    /// The parameters of the cluster Argo CD runs in.
    fn local(&self) -> Params {
        Params::from([
            (Arc::clone(&self.name), params::text(IN_CLUSTER)),
            (Arc::clone(&self.name_normalized), params::text(IN_CLUSTER)),
            (Arc::clone(&self.server), params::text(IN_CLUSTER_SERVER)),
            (Arc::clone(&self.project), params::text("")),
        ])
    }
}
