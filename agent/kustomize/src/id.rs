//! What kustomize identifies an object by while it builds: kind, name and namespace, borrowed or owned.

use std::borrow::Cow;
use std::fmt;

use muster_model::Node;

use crate::scopes;

/// What stands for the namespace of a cluster-scoped object among the previous identities.
pub(crate) const NO_NAMESPACE: &str = "_non_namespaceable_";

/// The namespace of a namespaced object that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// A group, version and kind; as a selector an empty part matches anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gvk<'a> {
    pub(crate) group: Cow<'a, str>,
    pub(crate) version: Cow<'a, str>,
    pub(crate) kind: Cow<'a, str>,
}

impl<'a> Gvk<'a> {
    /// Reads `apiVersion` and `kind` of an object.
    pub(crate) fn of(node: &'a Node) -> Self {
        let (group, version) = split_api_version(field_text(node, "apiVersion"));
        Self {
            group,
            version,
            kind: field_text(node, "kind"),
        }
    }

    /// True when every part that `selector` names is the same.
    pub(crate) fn is_selected(&self, selector: &Gvk<'_>) -> bool {
        let matches = |part: &str, wanted: &str| wanted.is_empty() || part == wanted;
        matches(&self.kind, &selector.kind)
            && matches(&self.group, &selector.group)
            && matches(&self.version, &selector.version)
    }

    /// True when it is known that the kind lives outside of namespaces.
    pub(crate) fn is_cluster_scoped(&self) -> bool {
        scopes::is_cluster_scoped(&self.group, &self.version, &self.kind)
    }

    /// `group/version`, or the version alone.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone().into_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The same, owning its texts.
    pub(crate) fn into_owned(self) -> Gvk<'static> {
        Gvk {
            group: Cow::Owned(self.group.into_owned()),
            version: Cow::Owned(self.version.into_owned()),
            kind: Cow::Owned(self.kind.into_owned()),
        }
    }

    /// The text kustomize's legacy order compares.
    pub(crate) fn sort_text(&self) -> String {
        let or = |text: &'_ str, other: &'static str| {
            if text.is_empty() {
                other.to_owned()
            } else {
                text.to_owned()
            }
        };
        format!(
            "{}_{}_{}",
            or(&self.group, "~G"),
            or(&self.version, "~V"),
            or(&self.kind, "~K")
        )
    }
}

impl fmt::Display for Gvk<'_> {
    /// `Deployment.v1.apps`, as kustomize prints a kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &'_ str, other: &'static str| {
            if text.is_empty() {
                other.to_owned()
            } else {
                text.to_owned()
            }
        };
        write!(
            f,
            "{}.{}.{}",
            or(&self.kind, "[noKind]"),
            or(&self.version, "[noVer]"),
            or(&self.group, "[noGrp]")
        )
    }
}

/// The identity of an object, now or at an earlier step of the build.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id<'a> {
    pub(crate) gvk: Gvk<'a>,
    pub(crate) name: Cow<'a, str>,
    pub(crate) namespace: Cow<'a, str>,
    pub(crate) cluster_scoped: bool,
}

impl<'a> Id<'a> {
    /// The identity an object has as it stands.
    pub(crate) fn of(node: &'a Node) -> Self {
        let gvk = Gvk::of(node);
        let cluster_scoped = gvk.is_cluster_scoped();
        Self {
            gvk,
            name: metadata_text(node, "name"),
            namespace: metadata_text(node, "namespace"),
            cluster_scoped,
        }
    }

    /// The namespace with defaults filled in.
    pub(crate) fn effective_namespace(&self) -> &str {
        if self.cluster_scoped {
            NO_NAMESPACE
        } else if self.namespace.is_empty() {
            DEFAULT_NAMESPACE
        } else {
            &self.namespace
        }
    }

    /// True for the same kind, name and effective namespace.
    pub(crate) fn same(&self, other: &Id<'_>) -> bool {
        self.name == other.name
            && self.gvk == other.gvk
            && self.effective_namespace() == other.effective_namespace()
    }

    /// True for the same kind and name in any namespace.
    pub(crate) fn same_but_namespace(&self, other: &Id<'_>) -> bool {
        self.name == other.name && self.gvk == other.gvk
    }

    /// True when every part that `selector` names is the same (no patterns).
    pub(crate) fn is_selected_by(&self, selector: &Id<'_>) -> bool {
        (selector.name.is_empty() || selector.name == self.name)
            && (selector.namespace.is_empty()
                || selector.effective_namespace() == self.effective_namespace())
            && self.gvk.is_selected(&selector.gvk)
    }

    /// What two objects of one render must not share.
    pub(crate) fn key(&self) -> String {
        format!(
            "{}\u{0}{}\u{0}{}\u{0}{}\u{0}{}",
            self.gvk.group,
            self.gvk.version,
            self.gvk.kind,
            self.effective_namespace(),
            self.name
        )
    }

    /// The same, owning its texts.
    pub(crate) fn into_owned(self) -> Id<'static> {
        Id {
            gvk: self.gvk.into_owned(),
            name: Cow::Owned(self.name.into_owned()),
            namespace: Cow::Owned(self.namespace.into_owned()),
            cluster_scoped: self.cluster_scoped,
        }
    }
}

impl fmt::Display for Id<'_> {
    /// `Deployment.v1.apps/web.shop`, as kustomize prints an identity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() {
            "[noName]"
        } else {
            &self.name
        };
        let namespace = if self.namespace.is_empty() {
            "[noNs]"
        } else {
            &self.namespace
        };
        write!(f, "{}/{name}.{namespace}", self.gvk)
    }
}

/// Group and version of an `apiVersion`.
pub(crate) fn split_api_version(text: Cow<'_, str>) -> (Cow<'_, str>, Cow<'_, str>) {
    match text {
        Cow::Borrowed(text) => match text.split_once('/') {
            Some((group, version)) => (group.into(), version.into()),
            None => ("".into(), text.into()),
        },
        Cow::Owned(text) => match text.split_once('/') {
            Some((group, version)) => (group.to_owned().into(), version.to_owned().into()),
            None => ("".into(), text.into()),
        },
    }
}

/// A scalar as it was written, empty for lists and mappings.
pub(crate) fn scalar_text(node: &Node) -> Cow<'_, str> {
    match &node.value {
        muster_model::Value::String(text) => {
            Cow::Borrowed(text.raw.as_deref().unwrap_or(&text.text))
        }
        _ => Cow::Owned(node.raw_scalar().unwrap_or_default()),
    }
}

/// The scalar under a key of the object itself; empty when there is none.
pub(crate) fn field_text<'a>(node: &'a Node, key: &str) -> Cow<'a, str> {
    node.get(key).map_or(Cow::Borrowed(""), scalar_text)
}

/// The scalar under a key of `metadata`; empty when there is none or it is null.
pub(crate) fn metadata_text<'a>(node: &'a Node, key: &str) -> Cow<'a, str> {
    node.get("metadata")
        .and_then(|m| m.get(key))
        .map_or(Cow::Borrowed(""), scalar_text)
}
