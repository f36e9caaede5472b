//! What kustomize writes down in annotations of the objects while it builds.
//!
//! Here most of it lies in fields of [`Resource`], out of the way. Steps that read or replace annotations as a whole would
//! see the difference: around them [`Resource::book`] writes it into the object, and [`Resource::unbook`] takes it back.

use muster_model::Node;

use crate::origin::Origin;
use crate::resource::{Behavior, Previous, Resource};

const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
/// Annotations that only kustomize's own steps read; they never appear in its output.
const DOMAIN: &str = "internal.config.kubernetes.io/";
const NAMES: [&str; 10] = [
    "previousKinds",
    "previousNames",
    "prefixes",
    "suffixes",
    "previousNamespaces",
    "allowNameChange",
    "allowKindChange",
    "refBy",
    "generatorBehavior",
    "needsHashSuffix",
];
/// More annotations that kustomize drops from its output.
const DROPPED: [&str; 12] = [
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
    ORIGIN,
    TRANSFORMATIONS,
    "internal.config.kubernetes.io/helm-generated",
    "kustomize.config.k8s.io/helm-generated",
];

impl Resource {
    /// True when kustomize would have annotations of its own on the object.
    pub(crate) fn has_bookkeeping(&self) -> bool {
        !self.previous.is_empty()
            || !self.prefixes.is_empty()
            || !self.suffixes.is_empty()
            || self.needs_hash
            || self.origin.is_some()
            || !self.transformations.is_empty()
            || self.behavior.is_some()
    }

    /// Reads what a source says in kustomize's own annotations, and leaves them there.
    pub(crate) fn read_bookkeeping(&mut self) {
        let is_own = |key: &str| key.starts_with(DOMAIN);
        if self.annotations().is_some_and(|all| all.keys().any(is_own)) {
            self.reread();
        }
    }

    /// Writes everything into annotations, as kustomize has it there all the time.
    pub(crate) fn book(&mut self) {
        let all = self.bookkeeping();
        if all.is_empty() {
            return;
        }
        let annotations = self.metadata_map("annotations");
        for (key, text) in all {
            annotations.insert(key, crate::scalars::quoted(&text));
        }
    }

    /// Reads the annotations back and takes them out of the object.
    pub(crate) fn unbook(&mut self) {
        self.reread();
        self.unbook_origin();
    }

    /// As [`Self::unbook`], but only origin and transformations may have changed: kustomize restores the rest itself.
    pub(crate) fn unbook_origin(&mut self) {
        let text = |key: &str| self.text_of("annotations", key).map(String::from);
        let (origin, transformations) = (text(ORIGIN), text(TRANSFORMATIONS));
        self.origin = origin.map(|text| Origin::read(&text));
        self.transformations = transformations.map_or_else(Vec::new, |t| Origin::read_list(&t));
        let names = NAMES.iter().map(|name| format!("{DOMAIN}{name}"));
        let all: Vec<String> = names
            .chain([ORIGIN.to_owned(), TRANSFORMATIONS.to_owned()])
            .collect();
        let Some(metadata) = self.metadata_if_there() else {
            return;
        };
        let Some(annotations) = metadata.get_mut("annotations").and_then(Node::as_map_mut) else {
            return;
        };
        let before = annotations.len();
        for key in &all {
            annotations.remove(key);
        }
        if annotations.is_empty() && before > 0 {
            metadata.remove("annotations");
        }
    }

    fn bookkeeping(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let mut add = |name: &str, texts: &mut dyn Iterator<Item = &str>| {
            // kustomize adds no empty text to a list.
            let texts: Vec<_> = texts.filter(|t| !t.is_empty()).collect();
            if !texts.is_empty() {
                all.push((format!("{DOMAIN}{name}"), texts.join(",")));
            }
        };
        let previous = &self.previous;
        add("previousNames", &mut previous.iter().map(|p| &*p.name));
        add(
            "previousNamespaces",
            &mut previous.iter().map(|p| &*p.namespace),
        );
        add("previousKinds", &mut previous.iter().map(|p| &*p.kind));
        add("prefixes", &mut self.prefixes.iter().map(|t| &**t));
        add("suffixes", &mut self.suffixes.iter().map(|t| &**t));
        let flags = [
            ("needsHashSuffix", self.needs_hash),
            ("allowNameChange", self.allow_name_change),
            ("allowKindChange", self.allow_kind_change),
        ];
        for (name, _) in flags.iter().filter(|(_, on)| *on) {
            add(name, &mut std::iter::once("enabled"));
        }
        let mut behavior = self.behavior.iter().map(|b| b.as_str());
        add("generatorBehavior", &mut behavior);
        let origin = self.origin.as_ref().map(Origin::to_yaml);
        all.extend(origin.map(|text| (ORIGIN.to_owned(), text)));
        if !self.transformations.is_empty() {
            let text = Origin::list_to_yaml(&self.transformations);
            all.push((TRANSFORMATIONS.to_owned(), text));
        }
        all
    }

    /// Reads what the annotations say now, origins apart.
    pub(crate) fn reread(&mut self) {
        let text = |name: &str| self.text_of("annotations", &format!("{DOMAIN}{name}"));
        let list = |name: &str| -> Vec<String> {
            text(name)
                .map(|t| t.split(',').map(str::to_owned).collect())
                .unwrap_or_default()
        };
        let enabled = |name: &str| text(name).is_some_and(|t| t == "enabled");
        let (names, namespaces, kinds) = (
            list("previousNames"),
            list("previousNamespaces"),
            list("previousKinds"),
        );
        let previous = if names.len() == namespaces.len() && names.len() == kinds.len() {
            let both = names.into_iter().zip(namespaces).zip(kinds);
            both.map(|((name, namespace), kind)| Previous {
                name,
                namespace,
                kind,
            })
            .collect()
        } else {
            Vec::new()
        };
        let (prefixes, suffixes) = (list("prefixes"), list("suffixes"));
        let flags = ["needsHashSuffix", "allowNameChange", "allowKindChange"].map(enabled);
        let behavior = text("generatorBehavior").map(|t| Behavior::parse(&t));
        (self.previous, self.prefixes, self.suffixes) = (previous, prefixes, suffixes);
        [
            self.needs_hash,
            self.allow_name_change,
            self.allow_kind_change,
        ] = flags;
        self.behavior = behavior;
    }

    /// Makes every annotation a text and drops kustomize's own, as its last step does.
    pub(crate) fn finish_annotations(&mut self, origin: bool, transformations: bool) {
        let mut texts: Vec<_> = self
            .texts("annotations")
            .into_iter()
            .filter(|(key, _)| {
                !DROPPED.contains(&&**key)
                    && !key.strip_prefix(DOMAIN).is_some_and(|k| NAMES.contains(&k))
            })
            .collect();
        if origin && let Some(origin) = &self.origin {
            texts.push((ORIGIN.to_owned(), origin.to_yaml()));
        }
        if transformations && !self.transformations.is_empty() {
            let text = Origin::list_to_yaml(&self.transformations);
            texts.push((TRANSFORMATIONS.to_owned(), text));
        }
        let present = self
            .node
            .get("metadata")
            .and_then(|m| m.get("annotations"))
            .is_some();
        if present || !texts.is_empty() {
            self.set_texts("annotations", texts);
        }
    }

    fn annotations(&self) -> Option<&muster_model::Map> {
        self.node.get("metadata")?.get("annotations")?.as_map()
    }

    fn metadata_if_there(&mut self) -> Option<&mut muster_model::Map> {
        self.node.as_map_mut()?.get_mut("metadata")?.as_map_mut()
    }
}
