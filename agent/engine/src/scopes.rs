//! Scopes that the commit itself teaches: CustomResourceDefinitions among the rendered objects.

use muster_model::kinds::{Scope, Scopes};
use muster_model::{GroupKind, Manifest};

/// Learns the scope of every kind that a rendered CustomResourceDefinition declares.
pub(crate) fn learn<'a>(objects: impl IntoIterator<Item = &'a Manifest>, scopes: &mut Scopes) {
    for object in objects {
        if !object.gvk().group_kind().is("apiextensions.k8s.io", "CustomResourceDefinition") {
            continue;
        }
        let text = |path: &[&str]| object.body().str_at(path);
        let (Some(group), Some(kind)) = (text(&["spec", "group"]), text(&["spec", "names", "kind"])) else { continue };
        match text(&["spec", "scope"]) {
            Some("Cluster") => scopes.learn(GroupKind::new(group, kind), Scope::Cluster),
            Some("Namespaced") => scopes.learn(GroupKind::new(group, kind), Scope::Namespaced),
            _ => {}
        }
    }
}
