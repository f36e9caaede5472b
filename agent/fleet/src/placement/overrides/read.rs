//! Reads override policies.

use std::collections::BTreeMap;

use muster_model::{Node, Reason};

use super::{Component, ImageOverrider, OverridePolicy, Overriders, WordsOverrider};
use crate::decode::{Decoder, Fields, child};
use crate::labels;
use crate::placement::affinity::ClusterAffinity;
use crate::placement::patch::Operator;
use crate::placement::policy::read_head;
use crate::placement::selector::ResourceSelector;

impl OverridePolicy {
    /// Reads a document.
    pub(in crate::placement) fn read(decoder: &mut Decoder, node: &Node, namespaced: bool) -> Self {
        let mut fields = decoder.fields(node, "");
        let (name, namespace) = read_head(decoder, &mut fields, namespaced);
        let empty = Node::null();
        let spec = fields.take("spec").unwrap_or(&empty);
        if spec.is_null() {
            let line = fields.line();
            decoder.refuse(Reason::MissingField, line, "spec", "`spec` is missing");
        }
        decoder.finish(fields);
        let mut f = decoder.fields(spec, "spec");
        let selectors = ResourceSelector::read_all(decoder, &mut f, namespace.as_deref());
        let mut rules = Vec::new();
        for (path, node) in decoder.items(&mut f, "overrideRules") {
            let mut rule = decoder.fields(node, &path);
            rules.push(read_rule(decoder, &mut rule));
            decoder.finish(rule);
        }
        // The older form: one rule, written into the policy itself.
        let (target, overriders) = read_rule(decoder, &mut f);
        if target.is_some() || overriders != Overriders::default() {
            if !rules.is_empty() {
                let (line, at) = (f.line(), f.path_of("overrideRules"));
                decoder.wrong(
                    line,
                    &at,
                    "overrideRules excludes targetCluster and overriders",
                );
            }
            rules.push((target, overriders));
        }
        decoder.finish(f);
        Self {
            name,
            namespace,
            selectors,
            rules,
        }
    }
}

fn read_rule(
    decoder: &mut Decoder,
    fields: &mut Fields<'_>,
) -> (Option<ClusterAffinity>, Overriders) {
    let target = fields.take("targetCluster").map(|node| {
        let path = fields.path_of("targetCluster");
        ClusterAffinity::read(decoder, node, &path)
    });
    let overriders = match fields.take("overriders") {
        Some(node) => Overriders::read(decoder, node, &fields.path_of("overriders")),
        None => Overriders::default(),
    };
    (target, overriders)
}

impl Overriders {
    fn read(decoder: &mut Decoder, node: &Node, path: &str) -> Self {
        let mut f = decoder.fields(node, path);
        let overriders = Self {
            images: read_each(decoder, &mut f, "imageOverrider", read_image),
            commands: read_each(decoder, &mut f, "commandOverrider", read_words),
            args: read_each(decoder, &mut f, "argsOverrider", read_words),
            labels: read_each(decoder, &mut f, "labelsOverrider", |d, n, p| {
                read_entries(d, n, p, true)
            }),
            annotations: read_each(decoder, &mut f, "annotationsOverrider", |d, n, p| {
                read_entries(d, n, p, false)
            }),
            plaintext: read_each(decoder, &mut f, "plaintext", read_plaintext),
        };
        decoder.unsupported(
            &mut f,
            "fieldOverrider",
            Reason::NotSupported,
            "keep the file apart for each cluster: a kustomize overlay, or one ConfigMap each",
        );
        decoder.finish(f);
        overriders
    }
}

fn read_each<T>(
    decoder: &mut Decoder,
    fields: &mut Fields<'_>,
    name: &'static str,
    read: impl Fn(&mut Decoder, &Node, &str) -> Option<T>,
) -> Vec<T> {
    let items = decoder.items(fields, name);
    items
        .into_iter()
        .filter_map(|(path, node)| read(decoder, node, &path))
        .collect()
}

fn read_operator(
    decoder: &mut Decoder,
    f: &mut Fields<'_>,
    words: &[(&str, Operator)],
) -> Option<Operator> {
    if !f.has("operator") {
        let (line, at) = (f.line(), f.path_of("operator"));
        decoder.refuse(Reason::MissingField, line, &at, "`operator` is missing");
    }
    decoder.word(f, "operator", words)
}

fn read_image(decoder: &mut Decoder, node: &Node, path: &str) -> Option<ImageOverrider> {
    let mut f = decoder.fields(node, path);
    let predicate = f.take("predicate").map(|node| {
        let mut inner = decoder.fields(node, &child(path, "predicate"));
        let pointer = decoder.text_required(&mut inner, "path");
        decoder.finish(inner);
        check_pointer(
            decoder,
            &pointer,
            node.span.line,
            &child(path, "predicate.path"),
        );
        pointer
    });
    if !f.has("component") {
        let at = f.path_of("component");
        decoder.wrong(node.span.line, &at, "`component` is missing");
    }
    let component = decoder.word(
        &mut f,
        "component",
        &[
            ("Registry", Component::Registry),
            ("Repository", Component::Repository),
            ("Tag", Component::Tag),
        ],
    );
    let operator = read_operator(decoder, &mut f, Operator::WORDS);
    let value = decoder.text(&mut f, "value");
    decoder.finish(f);
    if value.is_empty() && matches!(operator, Some(Operator::Add | Operator::Replace)) {
        let at = child(path, "value");
        decoder.wrong(node.span.line, &at, "`value` is missing");
    }
    Some(ImageOverrider {
        path: predicate,
        component: component?,
        operator: operator?,
        value,
    })
}

fn read_words(decoder: &mut Decoder, node: &Node, path: &str) -> Option<WordsOverrider> {
    let mut f = decoder.fields(node, path);
    let container = decoder.text_required(&mut f, "containerName");
    let words = [("add", Operator::Add), ("remove", Operator::Remove)];
    let operator = read_operator(decoder, &mut f, &words);
    let words = decoder.texts(&mut f, "value");
    decoder.finish(f);
    Some(WordsOverrider {
        container,
        adds: operator? == Operator::Add,
        words,
    })
}

fn read_entries(
    decoder: &mut Decoder,
    node: &Node,
    path: &str,
    are_labels: bool,
) -> Option<(Operator, BTreeMap<String, String>)> {
    let mut f = decoder.fields(node, path);
    let operator = read_operator(decoder, &mut f, Operator::WORDS);
    let entries = decoder.text_map(&mut f, "value");
    decoder.finish(f);
    for (key, value) in &entries {
        let of_value = are_labels.then(|| labels::value_error(value)).flatten();
        if let Some(why) = labels::key_error(key).or(of_value) {
            let at = child(&child(path, "value"), key);
            decoder.wrong(node.span.line, &at, why);
        }
    }
    Some((operator?, entries))
}

fn read_plaintext(
    decoder: &mut Decoder,
    node: &Node,
    path: &str,
) -> Option<(Operator, String, Node)> {
    let mut f = decoder.fields(node, path);
    let pointer = decoder.text_required(&mut f, "path");
    let operator = read_operator(decoder, &mut f, Operator::WORDS);
    let has_value = f.has("value");
    let value = f.take("value").cloned().unwrap_or_else(Node::null);
    decoder.finish(f);
    check_pointer(decoder, &pointer, node.span.line, &child(path, "path"));
    let at = child(path, "value");
    match operator? {
        Operator::Remove if has_value && !value.is_null() => {
            decoder.wrong(node.span.line, &at, "`remove` takes no value");
        }
        Operator::Add | Operator::Replace if !has_value => {
            decoder.wrong(node.span.line, &at, "`value` is missing");
        }
        Operator::Remove | Operator::Add | Operator::Replace => {}
    }
    Some((operator?, pointer, value))
}

fn check_pointer(decoder: &mut Decoder, pointer: &str, line: u32, path: &str) {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        decoder.wrong(
            line,
            path,
            format!("`{pointer}` is no JSON pointer: it starts with `/`"),
        );
    }
}
