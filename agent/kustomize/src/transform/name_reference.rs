//! References by name follow the names that changed, over all objects.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use muster_model::{Node, Problem, Reason, Value};

use crate::config::BackReference;
use crate::failure::{Step, failed};
use crate::field_spec::{Create, FieldSpec};
use crate::id::{Gvk, Id, NO_NAMESPACE, scalar_text};
use crate::resmap::ResMap;
use crate::resource::{Previous, Resource};
use crate::scalars::{plain, set_untyped};

/// What is needed of an object that may be referred to.
#[derive(Debug)]
struct Candidate {
    id: Id<'static>,
    previous: Vec<Previous>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// All objects whose name or namespace changed, by their earlier names.
#[derive(Debug)]
struct Candidates {
    all: Vec<Candidate>,
    by_previous_name: BTreeMap<String, Vec<usize>>,
}

/// The object that refers.
struct Referrer<'r> {
    candidates: &'r Candidates,
    place: usize,
    id: &'r Id<'static>,
    binding_namespaces: &'r BTreeSet<String>,
    role_ref: Option<Gvk<'static>>,
}

/// Rewrites every field that refers to an object by an earlier name.
pub(crate) fn transform(map: &mut ResMap, references: &[BackReference]) -> Step<()> {
    let mut candidates = Candidates::of(map.list());
    let by_kind = index(references);
    for place in 0..map.list().len() {
        let resource = &mut map.list_mut()[place];
        let original = resource.original_id().into_owned();
        let specs = specs_of(&by_kind, &original.gvk);
        let binding_namespaces = binding_namespaces(resource)?;
        for (target, spec) in specs {
            let id = resource.id().into_owned();
            let role_ref = spec
                .path
                .ends_with("roleRef/name")
                .then(|| role_ref(&resource.node))
                .flatten();
            let referrer = Referrer {
                candidates: &candidates,
                place,
                id: &id,
                binding_namespaces: &binding_namespaces,
                role_ref,
            };
            spec.visit(&mut resource.node, Create::No, &mut |node| {
                referrer.set(node, target)
            })
            .map_err(|stop| super::prefix::on(stop, resource.file.as_deref()))?;
        }
        candidates.all[place].id = resource.id().into_owned();
    }
    Ok(())
}

type Specs<'c> = Vec<(&'c Gvk<'static>, &'c FieldSpec)>;

fn index(references: &[BackReference]) -> BTreeMap<&str, Vec<(usize, &Gvk<'static>, &FieldSpec)>> {
    let mut by_kind: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    let all = references
        .iter()
        .flat_map(|r| r.referrers.iter().map(|s| (&r.target, s)));
    for (order, (target, spec)) in all.enumerate() {
        by_kind
            .entry(&spec.gvk.kind)
            .or_default()
            .push((order, target, spec));
    }
    by_kind
}

fn specs_of<'c>(
    by_kind: &BTreeMap<&str, Vec<(usize, &'c Gvk<'static>, &'c FieldSpec)>>,
    gvk: &Gvk<'_>,
) -> Specs<'c> {
    let mut specs: Vec<_> = [&*gvk.kind, ""]
        .into_iter()
        .filter_map(|kind| by_kind.get(kind))
        .flatten()
        .filter(|(_, _, spec)| gvk.is_selected(&spec.gvk))
        .collect();
    specs.sort_by_key(|(order, _, _)| *order);
    specs.dedup_by_key(|(order, _, _)| *order);
    specs
        .into_iter()
        .map(|(_, target, spec)| (*target, *spec))
        .collect()
}

/// Namespaces of the service accounts a RoleBinding names.
fn binding_namespaces(resource: &Resource) -> Step<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    if resource.kind() != "RoleBinding" {
        return Ok(all);
    }
    for subject in resource
        .node
        .get("subjects")
        .and_then(Node::as_list)
        .unwrap_or_default()
    {
        if subject.get("kind").and_then(Node::as_str) == Some("ServiceAccount")
            && let Some(namespace) = subject.get("namespace")
        {
            let Some(text) = namespace.as_str() else {
                let message = format!("namespace of a subject is blank in {}", resource.id());
                let mut problem =
                    Problem::new(Reason::InvalidField, message).field("subjects.namespace");
                problem.at = resource.location();
                return Err(problem.into());
            };
            all.insert(text.to_owned());
        }
    }
    Ok(all)
}

fn role_ref(node: &Node) -> Option<Gvk<'static>> {
    let role = node.get("roleRef")?;
    Some(Gvk {
        group: scalar_text(role.get("apiGroup")?).into_owned().into(),
        version: "".into(),
        kind: scalar_text(role.get("kind")?).into_owned().into(),
    })
}

impl Candidates {
    fn of(resources: &[Resource]) -> Self {
        let all: Vec<Candidate> = resources
            .iter()
            .map(|r| Candidate {
                id: r.id().into_owned(),
                previous: r.previous.clone(),
                prefixes: r.prefixes.clone(),
                suffixes: r.suffixes.clone(),
            })
            .collect();
        let mut by_previous_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, candidate) in all.iter().enumerate() {
            for previous in &candidate.previous {
                let places = by_previous_name.entry(previous.name.clone()).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
        }
        Self {
            all,
            by_previous_name,
        }
    }
}

impl Candidate {
    /// True when an earlier identity is of the kind.
    fn was(&self, gvk: &Gvk<'_>) -> bool {
        self.previous.iter().any(|p| {
            let now = &self.id.gvk;
            Gvk {
                kind: Cow::Borrowed(&*p.kind),
                group: Cow::Borrowed(&*now.group),
                version: Cow::Borrowed(&*now.version),
            }
            .is_selected(gvk)
        })
    }

    fn original_namespace(&self) -> &str {
        self.previous.first().map_or_else(
            || self.id.effective_namespace(),
            |p| {
                if p.namespace.is_empty() {
                    "default"
                } else {
                    &p.namespace
                }
            },
        )
    }
}

/// What makes several candidates count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alike {
    /// The same name.
    Name,
    /// The same name and namespace.
    NameAndNamespace,
}

impl Referrer<'_> {
    fn set(&self, node: &mut Node, target: &Gvk<'_>) -> Step<()> {
        match &mut node.value {
            Value::Null => Ok(()),
            Value::Map(_) => self.set_mapping(node, target),
            Value::List(items) => items.iter_mut().try_for_each(|item| match &item.value {
                Value::Map(_) => self.set_mapping(item, target),
                Value::List(_) => {
                    Err(failed("a reference is a name or a mapping with one, not a list").into())
                }
                Value::Null => Ok(()),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    self.set_scalar(item, target)
                }
            }),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => self.set_scalar(node, target),
        }
    }

    fn set_scalar(&self, node: &mut Node, target: &Gvk<'_>) -> Step<()> {
        let old = scalar_text(node).into_owned();
        if let Some(found) = self.select(&old, target, |_| true, Alike::Name)?
            && found.id.name != old
        {
            set_untyped(node, &found.id.name);
        }
        Ok(())
    }

    fn set_mapping(&self, node: &mut Node, target: &Gvk<'_>) -> Step<()> {
        let Some(name) = node.get("name") else {
            return Err(failed("path config error; no 'name' field in node").into());
        };
        let old = scalar_text(name).into_owned();
        if !self.candidates.by_previous_name.contains_key(&old) {
            return Ok(());
        }
        let namespace = node.get("namespace").map(|n| scalar_text(n).into_owned());
        let originally = namespace.as_deref().is_some_and(|ns| {
            ns != NO_NAMESPACE && self.reachable().any(|c| c.original_namespace() == ns)
        });
        let in_namespace = |candidate: &Candidate| match &namespace {
            None => true,
            Some(namespace) if namespace == NO_NAMESPACE => false,
            Some(namespace) if originally => candidate.original_namespace() == namespace,
            Some(namespace) => candidate.id.effective_namespace() == namespace,
        };
        let Some(found) = self.select(&old, target, in_namespace, Alike::NameAndNamespace)? else {
            return Ok(());
        };
        if found.id.name == old && found.id.namespace.is_empty() {
            return Ok(());
        }
        if let Some(map) = node.as_map_mut() {
            for (key, value) in [("name", &found.id.name), ("namespace", &found.id.namespace)] {
                match map.get_mut(key) {
                    _ if value.is_empty() => {}
                    Some(there) => set_untyped(there, value),
                    None => drop(map.insert(key, quoted_if_needed(value))),
                }
            }
        }
        Ok(())
    }

    /// The one object meant by an earlier name; none when no object is.
    fn select(
        &self,
        old: &str,
        target: &Gvk<'_>,
        in_namespace: impl Fn(&Candidate) -> bool,
        alike: Alike,
    ) -> Step<Option<&Candidate>> {
        let Some(places) = self.candidates.by_previous_name.get(old) else {
            return Ok(None);
        };
        let all = &self.candidates.all;
        let mut found: Vec<&Candidate> = places
            .iter()
            .map(|p| &all[*p])
            .filter(|c| {
                self.reaches(c)
                    && in_namespace(c)
                    && c.was(target)
                    && self.role_ref.as_ref().is_none_or(|role| c.was(role))
                    && self.shares_namespace(c)
            })
            .collect();
        if found.len() > 1 {
            let me = &all[self.place];
            found.retain(|c| same_affixes(c, me, true));
            if found.len() > 1 {
                found.retain(|c| same_affixes(c, me, false));
            }
        }
        let Some(first) = found.first() else {
            return Ok(None);
        };
        let same = found.iter().all(|c| {
            c.id.name == first.id.name
                && match alike {
                    Alike::Name => true,
                    Alike::NameAndNamespace => c.id.namespace == first.id.namespace,
                }
        });
        if same {
            return Ok(Some(first));
        }
        let ids: Vec<_> = found.iter().map(|c| c.id.to_string()).collect();
        Err(failed(format!(
            "found multiple possible referrals: {} (from {})",
            ids.join(", "),
            self.id
        ))
        .into())
    }

    fn reachable(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.all.iter().filter(|c| self.reaches(c))
    }

    /// True when this object can refer to the other at all.
    fn reaches(&self, other: &Candidate) -> bool {
        self.id.cluster_scoped
            || other.id.cluster_scoped
            || other.id.effective_namespace() == self.id.effective_namespace()
            || self.binding_namespaces.contains(&*other.id.namespace)
    }

    fn shares_namespace(&self, other: &Candidate) -> bool {
        self.id.cluster_scoped
            || other.id.cluster_scoped
            || other.id.gvk.kind == "ServiceAccount"
            || other.id.effective_namespace() == self.id.effective_namespace()
    }
}

/// A new field keeps being a text.
fn quoted_if_needed(text: &str) -> Node {
    let node = plain(text);
    if node.as_str().is_some() {
        node
    } else {
        Node::string(text)
    }
}

/// True when the shorter list of affixes ends the longer one, for prefixes and suffixes.
fn same_affixes(one: &Candidate, two: &Candidate, allow_empty: bool) -> bool {
    let ends = |a: &[String], b: &[String]| {
        if allow_empty && (a.is_empty() || b.is_empty()) {
            return true;
        }
        let shorter = a.len().min(b.len());
        if shorter == 0 {
            return a.len() == b.len();
        }
        a[a.len() - shorter..] == b[b.len() - shorter..]
    };
    ends(&one.prefixes, &two.prefixes) && ends(&one.suffixes, &two.suffixes)
}
