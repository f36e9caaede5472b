//! Karmada's OverridePolicy and ClusterOverridePolicy: what is different on some clusters.

mod read;

use std::collections::BTreeMap;

use muster_model::{Manifest, Map, Node, Value};

use super::affinity::ClusterAffinity;
use super::image::Image;
use super::patch::{self, Operator};
use super::selector::{Precision, ResourceSelector, precision};
use crate::fleet::Cluster;

/// What is different on some clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct OverridePolicy {
    pub(super) name: String,
    /// `None` for a ClusterOverridePolicy.
    pub(super) namespace: Option<String>,
    /// Empty: every object.
    selectors: Vec<ResourceSelector>,
    rules: Vec<(Option<ClusterAffinity>, Overriders)>,
}

/// Changes, in the order they are made.
#[derive(Debug, Clone, PartialEq, Default)]
struct Overriders {
    images: Vec<ImageOverrider>,
    commands: Vec<WordsOverrider>,
    args: Vec<WordsOverrider>,
    labels: Vec<(Operator, BTreeMap<String, String>)>,
    annotations: Vec<(Operator, BTreeMap<String, String>)>,
    plaintext: Vec<(Operator, String, Node)>,
}

#[derive(Debug, Clone, PartialEq)]
struct ImageOverrider {
    path: Option<String>,
    component: Component,
    operator: Operator,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Component {
    Registry,
    Repository,
    Tag,
}

/// Words added to, or removed from, a container's command or arguments.
#[derive(Debug, Clone, PartialEq)]
struct WordsOverrider {
    container: String,
    adds: bool,
    words: Vec<String>,
}

/// Applies every policy that means the object and the cluster: those of the whole fleet, then those of the object's
/// namespace; of either the less precise first, then by name, so that the more precise has the last word.
///
/// # Errors
/// What does not apply.
pub(super) fn apply(
    policies: &[OverridePolicy],
    object: &Manifest,
    cluster: &Cluster,
    body: &mut Node,
) -> Result<(), String> {
    for fleet_wide in [true, false] {
        let mut matching: Vec<(Option<Precision>, &OverridePolicy)> = policies
            .iter()
            .filter(|policy| match &policy.namespace {
                None => fleet_wide,
                Some(namespace) => !fleet_wide && *namespace == object.namespace(),
            })
            .filter_map(|policy| Some((policy.precision(object)?, policy)))
            .collect();
        matching.sort_by(|(a, one), (b, other)| a.cmp(b).then(one.name.cmp(&other.name)));
        for (_, policy) in matching {
            for (target, overriders) in &policy.rules {
                if target.as_ref().is_none_or(|target| target.matches(cluster)) {
                    overriders
                        .apply(body)
                        .map_err(|why| format!("override policy `{}`: {why}", policy.name))?;
                }
            }
        }
    }
    Ok(())
}

impl OverridePolicy {
    /// `Some(None)`: it means every object.
    fn precision(&self, object: &Manifest) -> Option<Option<Precision>> {
        if self.selectors.is_empty() {
            return Some(Some(Precision::Kind));
        }
        precision(&self.selectors, object).map(Some)
    }
}

impl Overriders {
    fn apply(&self, body: &mut Node) -> Result<(), String> {
        for image in &self.images {
            image.apply(body)?;
        }
        for (field, overriders) in [("command", &self.commands), ("args", &self.args)] {
            for overrider in overriders {
                overrider.apply(body, field);
            }
        }
        for (field, overriders) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            for (operator, entries) in overriders {
                apply_entries(body, field, *operator, entries);
            }
        }
        for (operator, pointer, value) in &self.plaintext {
            patch::apply(body, *operator, pointer, value.clone())
                .ok_or_else(|| format!("plaintext {operator:?} does not apply at {pointer}"))?;
        }
        Ok(())
    }
}

/// Where the containers of the kinds that Karmada looks into lie.
fn containers_of(body: &Node) -> Option<&'static str> {
    match body.str_at(&["kind"])? {
        "Pod" => Some("/spec/containers"),
        "ReplicaSet" | "Deployment" | "DaemonSet" | "StatefulSet" | "Job" => {
            Some("/spec/template/spec/containers")
        }
        _ => None,
    }
}

fn containers<'n>(body: &'n Node, pointer: &str) -> &'n [Node] {
    let list = patch::get(body, pointer).and_then(Node::as_list);
    list.unwrap_or_default()
}

impl ImageOverrider {
    fn apply(&self, body: &mut Node) -> Result<(), String> {
        let pointers = match (&self.path, containers_of(body)) {
            (Some(path), _) => vec![path.clone()],
            (None, Some(pointer)) => (0..containers(body, pointer).len())
                .map(|index| format!("{pointer}/{index}/image"))
                .collect(),
            (None, None) => Vec::new(),
        };
        for pointer in pointers {
            let now = patch::get(body, &pointer).and_then(Node::as_str);
            let now = now.ok_or_else(|| format!("there is no image at {pointer}"))?;
            let mut image =
                Image::parse(now).ok_or_else(|| format!("`{now}` at {pointer} is no image"))?;
            self.change(&mut image);
            let value = Node::string(image.to_string());
            patch::apply(body, Operator::Replace, &pointer, value);
        }
        Ok(())
    }

    fn change(&self, image: &mut Image) {
        let part = match self.component {
            Component::Registry => &mut image.registry,
            Component::Repository => &mut image.repository,
            Component::Tag => {
                let added = || format!("{}{}", image.version(), self.value);
                match self.operator {
                    Operator::Add => {
                        let version = added();
                        image.set_version(&version);
                    }
                    Operator::Replace => image.set_version(&self.value),
                    Operator::Remove => image.remove_version(),
                }
                return;
            }
        };
        match self.operator {
            Operator::Add => part.push_str(&self.value),
            Operator::Replace => part.clone_from(&self.value),
            Operator::Remove => part.clear(),
        }
    }
}

impl WordsOverrider {
    fn apply(&self, body: &mut Node, field: &str) {
        let Some(pointer) = containers_of(body) else {
            return;
        };
        let named = |node: &Node| node.str_at(&["name"]) == Some(&self.container);
        let matching: Vec<usize> = containers(body, pointer)
            .iter()
            .enumerate()
            .filter(|(_, container)| named(container))
            .map(|(index, _)| index)
            .collect();
        for index in matching {
            let at = format!("{pointer}/{index}/{field}");
            let now = patch::get(body, &at).and_then(Node::as_list);
            let mut words = now.unwrap_or_default().to_vec();
            if self.adds {
                words.extend(self.words.iter().map(|word| Node::string(word.as_str())));
            } else {
                words.retain(|word| {
                    !word
                        .as_str()
                        .is_some_and(|w| self.words.iter().any(|r| r == w))
                });
            }
            patch::apply(body, Operator::Add, &at, Node::list(words));
        }
    }
}

/// Adds, or changes and removes those that are there.
fn apply_entries(
    body: &mut Node,
    field: &str,
    operator: Operator,
    entries: &BTreeMap<String, String>,
) {
    let parent = format!("/metadata/{field}");
    let missing = patch::get(body, &parent).is_none_or(|node| !matches!(node.value, Value::Map(_)));
    if missing && operator == Operator::Add && !entries.is_empty() {
        patch::apply(body, Operator::Add, &parent, Node::map(Map::new()));
    }
    for (key, value) in entries {
        let at = format!("{parent}/{}", patch::escape(key));
        patch::apply(body, operator, &at, Node::string(value.as_str()));
    }
}
