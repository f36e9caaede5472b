//! Which objects a patch, a replacement or another step is for.

use muster_model::Node;

use crate::failure::Step;
use crate::field_spec::read_gvk;
use crate::id::{Gvk, Id};
use crate::label_selector::LabelSelector;
use crate::pattern::Pattern;
use crate::record::{Place, Record, Unknown};
use crate::resource::Resource;

/// A selector as written; every part but the label selectors is a regular expression over the whole text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    pub(crate) id: Id<'static>,
    pub(crate) annotation_selector: String,
    pub(crate) label_selector: String,
}

/// A selector ready to match.
#[derive(Debug)]
pub(crate) struct Matcher {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    annotations: LabelSelector,
    labels: LabelSelector,
    /// False when only annotations and labels select.
    pub(crate) has_id: bool,
    /// True when annotations or labels select.
    pub(crate) has_labels: bool,
}

impl Selector {
    /// Reads a selector.
    pub(crate) fn read(node: &Node, place: Place, unknown: Unknown) -> Step<Self> {
        let known = [
            "group",
            "version",
            "kind",
            "name",
            "namespace",
            "annotationSelector",
            "labelSelector",
        ];
        let record = Record::read(node, place, &known, unknown)?;
        Ok(Self {
            id: Id {
                gvk: read_gvk(&record)?,
                name: record.text("name")?.into(),
                namespace: record.text("namespace")?.into(),
                cluster_scoped: false,
            },
            annotation_selector: record.text("annotationSelector")?,
            label_selector: record.text("labelSelector")?,
        })
    }

    /// Compiles the patterns.
    pub(crate) fn compile(&self) -> Step<Matcher> {
        Ok(Matcher {
            group: Pattern::whole(&self.id.gvk.group)?,
            version: Pattern::whole(&self.id.gvk.version)?,
            kind: Pattern::whole(&self.id.gvk.kind)?,
            name: Pattern::whole(&self.id.name)?,
            namespace: Pattern::whole(&self.id.namespace)?,
            annotations: LabelSelector::parse(&self.annotation_selector)?,
            labels: LabelSelector::parse(&self.label_selector)?,
            has_id: self.id != Id::default(),
            has_labels: !self.annotation_selector.is_empty() || !self.label_selector.is_empty(),
        })
    }
}

impl Matcher {
    /// Indexes of the objects that are selected, by original or present name and namespace.
    pub(crate) fn select(&self, resources: &[Resource]) -> Vec<usize> {
        resources
            .iter()
            .enumerate()
            .filter(|(_, r)| self.selects(r))
            .map(|(index, _)| index)
            .collect()
    }

    fn selects(&self, resource: &Resource) -> bool {
        let (now, original) = (resource.id(), resource.original_id());
        let either = |pattern: &Option<Pattern>, a: &str, b: &str| {
            pattern
                .as_ref()
                .is_none_or(|p| p.is_match(a) || p.is_match(b))
        };
        either(
            &self.namespace,
            original.effective_namespace(),
            now.effective_namespace(),
        ) && either(&self.name, &original.name, &now.name)
            && self.matches_gvk(&now.gvk)
            && self.matches_labels(resource)
    }

    /// True when kind, name and namespace of this one identity match.
    pub(crate) fn matches_id(&self, id: &Id<'_>) -> bool {
        let one = |pattern: &Option<Pattern>, text: &str| {
            pattern.as_ref().is_none_or(|p| p.is_match(text))
        };
        self.matches_gvk(&id.gvk)
            && one(&self.name, &id.name)
            && one(&self.namespace, &id.namespace)
    }

    /// True when annotations and labels match.
    pub(crate) fn matches_labels(&self, resource: &Resource) -> bool {
        self.annotations
            .matches(|key| resource.text_of("annotations", key))
            && self.labels.matches(|key| resource.text_of("labels", key))
    }

    fn matches_gvk(&self, gvk: &Gvk<'_>) -> bool {
        let one = |pattern: &Option<Pattern>, text: &str| {
            pattern.as_ref().is_none_or(|p| p.is_match(text))
        };
        one(&self.kind, &gvk.kind)
            && one(&self.group, &gvk.group)
            && one(&self.version, &gvk.version)
    }
}
