//! What identifies a kind and an object.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An API group and kind; the core group is the empty text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKind {
    /// API group, empty for core.
    pub group: String,
    /// Kind.
    pub kind: String,
}

impl GroupKind {
    /// Names a kind.
    pub fn new(group: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            kind: kind.into(),
        }
    }

    /// True for this group and kind.
    #[must_use]
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }
}

impl fmt::Display for GroupKind {
    /// `Deployment.apps`, `ConfigMap`: the form of ApplySet's `contains-group-kinds` (KEP-3659).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}.{}", self.kind, self.group)
        }
    }
}

/// A group, version and kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Gvk {
    /// API group, empty for core.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
}

impl Gvk {
    /// Reads `apiVersion` and `kind`.
    #[must_use]
    pub fn parse(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        }
    }

    /// `group/version`, or the version alone in the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Group and kind, without the version.
    #[must_use]
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::new(&*self.group, &*self.kind)
    }
}

/// What identifies an object in one cluster. The version is not part of it.
///
/// Shared: plans, claims, records and ledgers of one agent name the same objects, and a clone costs no memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "ObjectParts", into = "ObjectParts")]
pub struct ObjectId(Arc<ObjectParts>);

/// The parts of an [`ObjectId`], which derefs to them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectParts {
    /// API group, empty for core.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl std::ops::Deref for ObjectId {
    type Target = ObjectParts;
    fn deref(&self) -> &ObjectParts {
        &self.0
    }
}

impl From<ObjectParts> for ObjectId {
    fn from(parts: ObjectParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl From<ObjectId> for ObjectParts {
    fn from(id: ObjectId) -> Self {
        Arc::unwrap_or_clone(id.0)
    }
}

impl ObjectId {
    /// Names an object.
    pub fn new(
        group: impl Into<String>,
        kind: impl Into<String>,
        namespace: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        let parts = ObjectParts {
            group: group.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        parts.into()
    }

    /// Group and kind.
    #[must_use]
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::new(&*self.group, &*self.kind)
    }

    /// Reads what [`fmt::Display`] prints.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind_group, rest) = text.split_once('/')?;
        let (kind, group) = kind_group.split_once('.').unwrap_or((kind_group, ""));
        let (namespace, name) = rest.split_once('/').unwrap_or(("", rest));
        (!kind.is_empty() && !name.is_empty()).then(|| Self::new(group, kind, namespace, name))
    }
}

impl fmt::Display for ObjectId {
    /// `Deployment.apps/shop/web`, `Namespace/shop`: unambiguous, and short enough for tables.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if !self.namespace.is_empty() {
            write!(f, "/{}", self.namespace)?;
        }
        write!(f, "/{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_id_reads_back_what_it_prints() {
        for id in [
            ObjectId::new("apps", "Deployment", "shop", "web"),
            ObjectId::new("", "Namespace", "", "shop"),
        ] {
            assert_eq!(ObjectId::parse(&id.to_string()), Some(id));
        }
    }
}
