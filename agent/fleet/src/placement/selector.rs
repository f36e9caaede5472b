//! Which objects a policy means, and how precisely.

use muster_model::{Manifest, Node};

use crate::decode::{Decoder, Fields, child};
use crate::selector::{Selector, Subject};

/// One entry of `resourceSelectors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResourceSelector {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    labels: Option<Selector>,
}

/// How precisely a selector means an object; the more precise policy wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precision {
    /// By kind.
    Kind,
    /// By label.
    Label,
    /// By name.
    Name,
}

impl ResourceSelector {
    /// Reads `resourceSelectors`. A policy of a namespace selects in that namespace alone.
    pub(super) fn read_all(
        decoder: &mut Decoder,
        fields: &mut Fields<'_>,
        policy_namespace: Option<&str>,
    ) -> Vec<Self> {
        let mut selectors = Vec::new();
        for (path, node) in decoder.items(fields, "resourceSelectors") {
            selectors.push(Self::read(decoder, node, &path, policy_namespace));
        }
        selectors
    }

    fn read(decoder: &mut Decoder, node: &Node, path: &str, own: Option<&str>) -> Self {
        let mut f = decoder.fields(node, path);
        let mut selector = Self {
            api_version: decoder.text_required(&mut f, "apiVersion"),
            kind: decoder.text_required(&mut f, "kind"),
            namespace: decoder.text(&mut f, "namespace"),
            name: decoder.text(&mut f, "name"),
            labels: f.take("labelSelector").map(|node| {
                let path = child(path, "labelSelector");
                Selector::read(decoder, node, &path, Subject::Labels)
            }),
        };
        decoder.finish(f);
        if let Some(own) = own {
            if selector.namespace.is_empty() {
                own.clone_into(&mut selector.namespace);
            } else if selector.namespace != own {
                let at = child(path, "namespace");
                let problem = decoder.wrong(
                    node.span.line,
                    &at,
                    format!(
                        "the policy lies in namespace `{own}` and selects in `{}`",
                        selector.namespace
                    ),
                );
                problem.remedy =
                    Some("put the policy into that namespace, or use the Cluster… kind".to_owned());
            }
        }
        selector
    }

    /// How precisely the object is meant; `None` when it is not.
    pub(super) fn precision(&self, object: &Manifest) -> Option<Precision> {
        let is_kind = object.gvk().api_version() == self.api_version
            && object.gvk().kind.as_str() == self.kind
            && (self.namespace.is_empty() || object.namespace() == self.namespace);
        if !is_kind {
            return None;
        }
        if !self.name.is_empty() {
            return (self.name == object.name()).then_some(Precision::Name);
        }
        match &self.labels {
            None => Some(Precision::Kind),
            Some(selector) => selector
                .matches(&labels_of(object))
                .then_some(Precision::Label),
        }
    }
}

/// The greatest precision of any selector.
pub(super) fn precision(selectors: &[ResourceSelector], object: &Manifest) -> Option<Precision> {
    selectors.iter().filter_map(|s| s.precision(object)).max()
}

fn labels_of(object: &Manifest) -> std::collections::BTreeMap<String, String> {
    let labels = object.body().at_path(&["metadata", "labels"]);
    let labels = labels.and_then(Node::as_map).into_iter();
    labels
        .flat_map(|map| map.iter())
        .filter_map(|(key, value)| Some((key.to_owned(), value.as_str()?.to_owned())))
        .collect()
}

impl std::fmt::Display for ResourceSelector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.api_version, self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, " {}", self.namespace)?;
        }
        if self.name.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.name)
        }
    }
}
