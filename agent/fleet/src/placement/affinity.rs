//! Which clusters a policy means.

use std::collections::BTreeSet;

use muster_model::Node;

use crate::decode::{Decoder, child};
use crate::fleet::{Cluster, Fleet};
use crate::selector::{Selector, Subject};

/// A filter of clusters; an empty one takes all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ClusterAffinity {
    names: Vec<String>,
    exclude: Vec<String>,
    labels: Option<Selector>,
    fields: Vec<FieldRequirement>,
    /// The line it stands at, for warnings.
    line: u32,
    path: String,
}

/// A condition on a field of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldRequirement {
    field: ClusterField,
    is_in: bool,
    values: Vec<String>,
}

/// A field of a cluster that policies select and spread by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClusterField {
    Provider,
    Region,
    Zone,
}

impl ClusterField {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("provider", Self::Provider),
        ("region", Self::Region),
        ("zone", Self::Zone),
    ];

    /// The values a cluster has; zones may be several.
    pub(super) fn values(self, cluster: &Cluster) -> Vec<&str> {
        match self {
            Self::Provider => cluster.provider.as_deref().into_iter().collect(),
            Self::Region => cluster.region().into_iter().collect(),
            Self::Zone => cluster.zones(),
        }
    }
}

impl ClusterAffinity {
    /// Reads one; the caller ends the mapping where it has further fields.
    pub(super) fn read(decoder: &mut Decoder, node: &Node, path: &str) -> Self {
        let mut fields = decoder.fields(node, path);
        let affinity = Self::read_fields(decoder, &mut fields, node.span.line);
        decoder.finish(fields);
        affinity
    }

    /// Reads the fields of one from a mapping that holds more.
    pub(super) fn read_fields(
        decoder: &mut Decoder,
        fields: &mut crate::decode::Fields<'_>,
        line: u32,
    ) -> Self {
        let labels = fields.take("labelSelector").map(|node| {
            let path = fields.path_of("labelSelector");
            Selector::read(decoder, node, &path, Subject::Labels)
        });
        let requirements = match fields.take("fieldSelector") {
            Some(node) => read_field_selector(decoder, node, &fields.path_of("fieldSelector")),
            None => Vec::new(),
        };
        Self {
            names: decoder.texts(fields, "clusterNames"),
            exclude: decoder.texts(fields, "exclude"),
            labels,
            fields: requirements,
            line,
            path: fields.path().to_owned(),
        }
    }

    /// True when the cluster is meant.
    pub(super) fn matches(&self, cluster: &Cluster) -> bool {
        let named = |names: &[String]| names.iter().any(|name| is_called(cluster, name));
        let labels = |selector: &Selector| selector.matches_by(&|key| cluster.labels.get(key));
        !named(&self.exclude)
            && (self.names.is_empty() || named(&self.names))
            && self.labels.as_ref().is_none_or(labels)
            && self.fields.iter().all(|field| field.matches(cluster))
    }

    /// Why the cluster is not meant, in words; nothing when it is.
    pub(super) fn rejects(&self, cluster: &Cluster) -> Option<String> {
        if self.matches(cluster) {
            return None;
        }
        if self.exclude.iter().any(|name| is_called(cluster, name)) {
            return Some("it is excluded by its name".to_owned());
        }
        if !self.names.is_empty() && !self.names.iter().any(|name| is_called(cluster, name)) {
            return Some(format!("clusterNames are {}", self.names.join(", ")));
        }
        let labels = cluster.labels.to_map();
        let unmet = self.labels.as_ref().map(|selector| selector.unmet(&labels));
        if let Some(unmet) = unmet.as_deref().and_then(<[_]>::first) {
            return Some(unmet.words("label"));
        }
        let field = self.fields.iter().find(|field| !field.matches(cluster));
        field.map(|field| field.words(cluster))
    }

    /// The names that no cluster of the fleet has, with the line and the field they stand at.
    pub(super) fn unknown_names(&self, fleet: &Fleet) -> (BTreeSet<&str>, u32, &str) {
        let known = |name: &String| fleet.clusters.iter().any(|c| is_called(c, name));
        let unknown = self.names.iter().chain(&self.exclude);
        let unknown = unknown.filter(|name| !known(name)).map(String::as_str);
        (unknown.collect(), self.line, &self.path)
    }
}

fn is_called(cluster: &Cluster, name: &str) -> bool {
    cluster.name.as_str() == name || cluster.argo_name() == name
}

impl FieldRequirement {
    fn words(&self, cluster: &Cluster) -> String {
        let words = ClusterField::WORDS.iter();
        let name = words.clone().find(|(_, field)| *field == self.field);
        let name = name.map_or("field", |(name, _)| *name);
        let is = match self.field.values(cluster).as_slice() {
            [] => "is not declared".to_owned(),
            values => format!("is {}", values.join(", ")),
        };
        let asked = if self.is_in { "one of" } else { "none of" };
        format!(
            "its {name} {is}, and the policy asks for {asked} {}",
            self.values.join(", ")
        )
    }

    fn matches(&self, cluster: &Cluster) -> bool {
        let values = self.field.values(cluster);
        let listed = values.iter().any(|v| self.values.iter().any(|w| w == v));
        if self.is_in { listed } else { !listed }
    }
}

fn read_field_selector(decoder: &mut Decoder, node: &Node, path: &str) -> Vec<FieldRequirement> {
    let mut fields = decoder.fields(node, path);
    let mut requirements = Vec::new();
    for (path, node) in decoder.items(&mut fields, "matchExpressions") {
        let mut f = decoder.fields(node, &path);
        for required in ["key", "operator"] {
            if !f.has(required) {
                let at = child(&path, required);
                decoder.wrong(node.span.line, &at, format!("`{required}` is missing"));
            }
        }
        let field = decoder.word(&mut f, "key", ClusterField::WORDS);
        let is_in = decoder.word(&mut f, "operator", &[("In", true), ("NotIn", false)]);
        let values = decoder.texts(&mut f, "values");
        decoder.finish(f);
        if values.is_empty() {
            let at = child(&path, "values");
            decoder.wrong(node.span.line, &at, "`values` may not be empty");
        }
        if let (Some(field), Some(is_in)) = (field, is_in) {
            requirements.push(FieldRequirement {
                field,
                is_in,
                values,
            });
        }
    }
    decoder.finish(fields);
    requirements
}
