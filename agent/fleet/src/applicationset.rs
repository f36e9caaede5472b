//! An ApplicationSet: generators, a template, and how its Applications change.

mod element;
mod strategy;

use std::collections::BTreeMap;

use muster_model::{Location, Map, Node, Reason};

use crate::application::{Definition, LIVE_METADATA, OnRemoval};
use crate::decode::{Decoder, Fields, Strings};
use crate::generator::{Depth, Generator};
use crate::template::{self, Language};

pub use element::Element;
pub use strategy::{DeletionOrder, MatchExpression, MatchOperator, MaxUpdate, Step, Strategy};

/// An ApplicationSet.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplicationSet {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The language of its templates.
    pub language: Language,
    /// Where parameters come from.
    pub generators: Vec<Generator>,
    /// `metadata` and `spec` of every Application.
    pub template: Node,
    /// A patch of each Application, itself a template.
    pub template_patch: Option<String>,
    /// What becomes of objects when an Application leaves the set.
    pub on_removal: OnRemoval,
    /// In which order Applications take new content.
    pub strategy: Strategy,
    /// Where it is defined.
    pub origin: Location,
}

impl ApplicationSet {
    /// Reads a whole document.
    pub(crate) fn read(decoder: &mut Decoder, node: &Node) -> Self {
        let mut fields = decoder.fields(node, "");
        fields.take("apiVersion");
        fields.take("kind");
        fields.take("status");
        let (name, labels, annotations) = read_metadata(decoder, &mut fields);
        let empty = Node::null();
        let spec = fields.take("spec").unwrap_or(&empty);
        if spec.is_null() {
            decoder.refuse(
                Reason::MissingField,
                fields.line(),
                "spec",
                "`spec` is missing",
            );
        }
        decoder.finish(fields);
        let mut f = decoder.fields(spec, "spec");
        let language = read_language(decoder, &mut f);
        let generators = read_generators(decoder, &mut f);
        let template = read_template(decoder, &mut f, language);
        let set = Self {
            name,
            labels,
            annotations,
            language,
            template_patch: read_patch(decoder, &mut f),
            on_removal: read_sync_policy(decoder, &mut f),
            strategy: strategy::read(decoder, &mut f),
            generators,
            template,
            origin: decoder.at(node),
        };
        check_differences(decoder, &mut f);
        for live in ["ignoreApplicationDifferences", "preservedFields"] {
            decoder.without_effect(
                &mut f,
                live,
                "Applications are not stored as objects, so nothing else can change them",
            );
        }
        // Deprecated: always on, as in Argo CD.
        f.take("applyNestedSelectors");
        decoder.finish(f);
        set.check_templates(decoder, spec);
        set
    }

    /// Parses every template once, so that a broken one is found before a cluster needs it.
    fn check_templates(&self, decoder: &mut Decoder, spec: &Node) {
        let mut found = Vec::new();
        for field in ["template", "templatePatch"] {
            found.extend(spec.get(field).map(|node| (field, node)));
        }
        let mut executed = Vec::new();
        templates_of(spec, &mut executed);
        found.extend(executed.into_iter().map(|node| ("generators", node)));
        for (field, node) in found {
            if let Err(error) = template::check(self.language, node) {
                let path = format!("spec.{field}");
                decoder.refuse(
                    Reason::TemplateFailed,
                    node.span.line,
                    &path,
                    error.to_string(),
                );
            }
        }
    }
}

/// What generators always execute: their values and templates. Elsewhere a text may merely look like a template.
fn templates_of<'n>(node: &'n Node, found: &mut Vec<&'n Node>) {
    let entries = node.get("generators").and_then(Node::as_list);
    for entry in entries.into_iter().flatten() {
        for kind in ["list", "clusters", "git", "matrix", "merge"] {
            let Some(node) = entry.get(kind) else {
                continue;
            };
            let own = ["values", "template"].into_iter();
            found.extend(own.filter_map(|field| node.get(field)));
            templates_of(node, found);
        }
    }
}

fn read_metadata(
    decoder: &mut Decoder,
    fields: &mut Fields<'_>,
) -> (String, BTreeMap<String, String>, BTreeMap<String, String>) {
    let empty = Node::null();
    let node = fields.take("metadata").unwrap_or(&empty);
    let mut metadata = decoder.fields(node, "metadata");
    let name = decoder.text_required(&mut metadata, "name");
    let labels = decoder.text_map(&mut metadata, "labels");
    let annotations = decoder.text_map(&mut metadata, "annotations");
    for ignored in ["namespace", "finalizers"].iter().chain(LIVE_METADATA) {
        metadata.take(ignored);
    }
    decoder.finish(metadata);
    (name, labels, annotations)
}

fn read_language(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Language {
    let go = decoder.bool(fields, "goTemplate");
    let options = decoder.texts(fields, "goTemplateOptions");
    Language::of(go, &options).unwrap_or_else(|why| {
        let line = fields.line_of("goTemplateOptions");
        let problem = decoder.wrong(line, "spec.goTemplateOptions", why);
        problem.remedy =
            Some("one of: missingkey=default, missingkey=zero, missingkey=error".to_owned());
        Language::Fast
    })
}

fn read_generators(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<Generator> {
    if !fields.has("generators") {
        let line = fields.line();
        decoder.refuse(
            Reason::MissingField,
            line,
            "spec.generators",
            "`generators` is missing",
        );
    }
    let items = decoder.items(fields, "generators");
    let mut generators = Vec::new();
    for (path, node) in items {
        let mut inner =
            Decoder::new(decoder.file(), Reason::InvalidField).strings(Strings::Templated);
        generators.push(Generator::read(&mut inner, node, &path, Depth::Top));
        decoder.adopt(inner);
    }
    generators
}

/// Checks `ignoreApplicationDifferences`, which says what others may change in a stored Application: there is none.
fn check_differences(decoder: &mut Decoder, fields: &mut Fields<'_>) {
    for (path, node) in decoder.items(fields, "ignoreApplicationDifferences") {
        let mut f = decoder.fields(node, &path);
        decoder.text(&mut f, "name");
        decoder.texts(&mut f, "jqPathExpressions");
        for pointer in decoder.texts(&mut f, "jsonPointers") {
            if !pointer.starts_with('/') {
                decoder.wrong(
                    node.span.line,
                    &format!("{path}.jsonPointers"),
                    format!("`{pointer}` is no JSON pointer: it starts with `/`"),
                );
            }
        }
        decoder.finish(f);
    }
}

/// Checks the template's fields as far as they are known before it is rendered.
fn read_template(decoder: &mut Decoder, fields: &mut Fields<'_>, language: Language) -> Node {
    let Some(node) = fields.take("template") else {
        let line = fields.line();
        decoder.refuse(
            Reason::MissingField,
            line,
            "spec.template",
            "`template` is missing",
        );
        return Node::map(Map::new());
    };
    let mut inner = Decoder::new(decoder.file(), Reason::InvalidField).strings(Strings::Templated);
    let inner_fields = inner.fields(node, "spec.template");
    let definition = Definition::read(&mut inner, node, inner_fields, "spec.template");
    decoder.adopt(inner);
    if !language.is_go() && definition.name.contains("{{.") {
        decoder.warn(
            Reason::TemplateFailed,
            node.span.line,
            "spec.template.metadata.name",
            "the name is written for Go templates, and goTemplate is not set: it stays as it is",
        );
    }
    node.clone()
}

fn read_patch(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Option<String> {
    decoder
        .text_opt(fields, "templatePatch")
        .filter(|patch| !patch.is_empty())
}

fn read_sync_policy(decoder: &mut Decoder, fields: &mut Fields<'_>) -> OnRemoval {
    let Some(node) = fields.take("syncPolicy") else {
        return OnRemoval::Delete;
    };
    let mut f = decoder.fields(node, "spec.syncPolicy");
    let preserve = decoder.bool(&mut f, "preserveResourcesOnDeletion");
    let changes = decoder.word(
        &mut f,
        "applicationsSync",
        &[
            ("sync", Changes::All),
            ("create-update", Changes::NoDelete),
            ("create-only", Changes::NoUpdate),
            ("create-delete", Changes::NoUpdate),
        ],
    );
    decoder.finish(f);
    if let Some(Changes::NoUpdate) = changes {
        let problem = decoder.refuse(
            Reason::NotSupported,
            node.span.line,
            "spec.syncPolicy.applicationsSync",
            "an Application is a function of the commit and cannot be kept from changing with it",
        );
        problem.remedy = Some(
            "use `sync` or `create-update`; pin what must not change in the template".to_owned(),
        );
    }
    match changes {
        Some(Changes::NoDelete) => OnRemoval::Preserve,
        _ if preserve => OnRemoval::Preserve,
        Some(Changes::All | Changes::NoUpdate) | None => OnRemoval::Delete,
    }
}

/// What `applicationsSync` lets happen to Applications.
#[derive(Clone, Copy)]
enum Changes {
    All,
    NoDelete,
    NoUpdate,
}

#[cfg(test)]
mod tests;
