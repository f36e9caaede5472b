//! Namespaces of rendered objects, as Argo CD fills them in.

use std::collections::BTreeSet;

use muster_model::kinds::{Scope, Scopes};
use muster_model::{GroupKind, Manifest, Node, Problem, Reason};

use crate::fleet::Fleet;

/// The scopes a fleet file declares, on top of the built-in ones.
#[must_use]
pub fn scopes_of(fleet: &Fleet) -> Scopes {
    let mut scopes = Scopes::builtin();
    for (kind, scope) in &fleet.kinds {
        scopes.learn(kind.clone(), *scope);
    }
    scopes
}

/// Learns scopes from the CustomResourceDefinitions among the objects.
pub fn learn_scopes<'o>(scopes: &mut Scopes, objects: impl IntoIterator<Item = &'o Manifest>) {
    for object in objects {
        let kind = object.gvk().group_kind();
        if !kind.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            continue;
        }
        let text = |path: &[&str]| object.body().str_at(path);
        let defined = text(&["spec", "group"]).zip(text(&["spec", "names", "kind"]));
        let scope = match text(&["spec", "scope"]) {
            Some("Cluster") => Scope::Cluster,
            Some("Namespaced") => Scope::Namespaced,
            _ => continue,
        };
        if let Some((group, kind)) = defined {
            scopes.learn(GroupKind::new(group, kind), scope);
        }
    }
}

/// Gives namespaced objects without a namespace the destination's, and takes it from cluster-scoped ones.
///
/// CustomResourceDefinitions among the objects say how their kinds are scoped.
///
/// # Errors
/// Every object whose scope nobody knows, that is left without a namespace, or that then exists twice.
pub fn normalise_namespaces(
    objects: Vec<Manifest>,
    destination_namespace: &str,
    scopes: &Scopes,
) -> Result<Vec<Manifest>, Vec<Problem>> {
    let mut scopes = scopes.clone();
    learn_scopes(&mut scopes, &objects);
    let mut normalised = Vec::with_capacity(objects.len());
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for object in objects {
        match normalise(object, destination_namespace, &scopes) {
            Ok(object) => {
                if !seen.insert(object.id()) {
                    problems.push(Problem::new(
                        Reason::DuplicateObject,
                        format!("{} is rendered twice", object.id()),
                    ));
                }
                normalised.push(object);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(normalised)
    } else {
        Err(problems)
    }
}

fn normalise(object: Manifest, destination: &str, scopes: &Scopes) -> Result<Manifest, Problem> {
    let kind = object.gvk().group_kind();
    let id = object.id();
    match scopes.of(&kind) {
        None => Err(Problem::new(
            Reason::ScopeUnknown,
            format!("it is not known whether {kind} is namespaced ({id})"),
        )),
        Some(Scope::Cluster) if has_namespace(&object) => Ok(object.in_namespace("")),
        Some(Scope::Namespaced) if object.namespace().is_empty() => {
            if destination.is_empty() {
                return Err(Problem::new(
                    Reason::InvalidObject,
                    format!(
                        "{id} names no namespace, and neither does the Application's destination"
                    ),
                ));
            }
            Ok(object.in_namespace(destination))
        }
        Some(Scope::Cluster | Scope::Namespaced) => Ok(object),
    }
}

fn has_namespace(object: &Manifest) -> bool {
    object
        .body()
        .at_path(&["metadata", "namespace"])
        .is_some_and(|namespace| *namespace != Node::null())
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::{Budgets, yaml};

    fn object(text: &str) -> Manifest {
        let node = yaml::read(text.as_bytes(), &Budgets::default(), 0)
            .expect("YAML")
            .remove(0);
        Manifest::new(node).expect("an object")
    }

    #[test]
    fn namespaces_are_filled_in_and_taken_away() {
        let objects = vec![
            object("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"),
            object("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: own}}"),
            object("{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: x}}"),
            object("{apiVersion: example.com/v1, kind: Widget, metadata: {name: w, namespace: x}}"),
            object(
                "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.example.com}, spec: {group: example.com, names: {kind: Widget}, scope: Cluster}}",
            ),
        ];
        let normalised = normalise_namespaces(objects, "shop", &Scopes::builtin()).expect("known");
        let namespaces: Vec<&str> = normalised.iter().map(Manifest::namespace).collect();
        assert_eq!(namespaces, ["shop", "own", "", "", ""]);
    }

    #[test]
    fn unknown_scopes_missing_namespaces_and_doubles_are_refused() {
        let reasons = |objects: Vec<Manifest>, namespace: &str| {
            let problems =
                normalise_namespaces(objects, namespace, &Scopes::builtin()).expect_err("refused");
            problems.iter().map(|p| p.reason).collect::<Vec<_>>()
        };
        let widget = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}";
        assert_eq!(
            reasons(vec![object(widget)], "shop"),
            [Reason::ScopeUnknown]
        );
        let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";
        assert_eq!(reasons(vec![object(map)], ""), [Reason::InvalidObject]);
        let same = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}}";
        assert_eq!(
            reasons(vec![object(map), object(same)], "shop"),
            [Reason::DuplicateObject]
        );
    }
}
