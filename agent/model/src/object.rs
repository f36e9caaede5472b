//! What identifies a kind and an object.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use triomphe::ThinArc;

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

/// What identifies an object in one cluster. The version is not part of it. Ordered by group, kind, namespace, name.
///
/// Shared, and one piece of memory: plans, claims, records and ledgers of one agent name the same objects in ordered
/// maps, where finding one compares dozens of ids, and where each lies is what that costs.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "ObjectParts", into = "ObjectParts")]
pub struct ObjectId(ThinArc<Ends, u8>);

/// Where group, kind and namespace end in the text of an [`ObjectId`]: `group\0kind\0namespace\0name`. No part has a
/// byte that is less than the one between them, so texts are ordered as their parts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Ends {
    group: usize,
    kind: usize,
    namespace: usize,
}

/// How an [`ObjectId`] is written.
#[derive(Serialize, Deserialize)]
struct ObjectParts {
    group: String,
    kind: String,
    namespace: String,
    name: String,
}

impl From<ObjectParts> for ObjectId {
    fn from(parts: ObjectParts) -> Self {
        Self::new(&parts.group, &parts.kind, &parts.namespace, &parts.name)
    }
}

impl From<ObjectId> for ObjectParts {
    fn from(id: ObjectId) -> Self {
        Self {
            group: id.group().to_owned(),
            kind: id.kind().to_owned(),
            namespace: id.namespace().to_owned(),
            name: id.name().to_owned(),
        }
    }
}

impl PartialEq for ObjectId {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr() == other.0.ptr()
            || self.0.slice == other.0.slice && self.ends() == other.ends()
    }
}

impl Eq for ObjectId {}

impl PartialOrd for ObjectId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ObjectId {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.0.ptr() == other.0.ptr() {
            return Ordering::Equal;
        }
        let texts = self.0.slice.cmp(&other.0.slice);
        // A name that holds the byte between parts is refused later; until then it is another id.
        texts.then_with(|| self.ends().cmp(other.ends()))
    }
}

impl Hash for ObjectId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.slice.hash(state);
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl ObjectId {
    /// Names an object.
    pub fn new(
        group: impl AsRef<str>,
        kind: impl AsRef<str>,
        namespace: impl AsRef<str>,
        name: impl AsRef<str>,
    ) -> Self {
        let (group, kind) = (group.as_ref(), kind.as_ref());
        let (namespace, name) = (namespace.as_ref(), name.as_ref());
        let kind_end = group.len() + 1 + kind.len();
        let ends = Ends {
            group: group.len(),
            kind: kind_end,
            namespace: kind_end + 1 + namespace.len(),
        };
        let text = [group, kind, namespace, name].join("\0");
        Self(ThinArc::from_header_and_slice(ends, text.as_bytes()))
    }

    /// API group, empty for core.
    #[must_use]
    pub fn group(&self) -> &str {
        self.part(0, self.ends().group)
    }

    /// Kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.part(self.ends().group + 1, self.ends().kind)
    }

    /// Namespace; empty for cluster-scoped kinds.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.part(self.ends().kind + 1, self.ends().namespace)
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.part(self.ends().namespace + 1, self.0.slice.len())
    }

    /// True for this group and kind.
    #[must_use]
    pub fn is_of(&self, group: &str, kind: &str) -> bool {
        self.kind() == kind && self.group() == group
    }

    fn ends(&self) -> &Ends {
        &self.0.header.header
    }

    fn part(&self, from: usize, to: usize) -> &str {
        let bytes = self.0.slice.get(from..to).unwrap_or_default();
        // What was put in was text.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Group and kind.
    #[must_use]
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::new(self.group(), self.kind())
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
        f.write_str(self.kind())?;
        if !self.group().is_empty() {
            write!(f, ".{}", self.group())?;
        }
        if !self.namespace().is_empty() {
            write!(f, "/{}", self.namespace())?;
        }
        write!(f, "/{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of the parts, one after the other, whatever their lengths.
    #[test]
    fn object_ids_are_ordered_by_their_parts() {
        let parts = ["", "a", "a-b", "a.b", "ab", "b"];
        let mut all = Vec::new();
        for group in parts {
            for kind in parts {
                for namespace in parts {
                    all.extend(parts.map(|name| (group, kind, namespace, name)));
                }
            }
        }
        for one in &all {
            let id = ObjectId::new(one.0, one.1, one.2, one.3);
            assert_eq!(
                (id.group(), id.kind(), id.namespace(), id.name()),
                *one,
                "the parts come back"
            );
            for other in all.iter().step_by(7) {
                let other_id = ObjectId::new(other.0, other.1, other.2, other.3);
                assert_eq!(id.cmp(&other_id), one.cmp(other), "{id} and {other_id}");
            }
        }
    }

    #[test]
    fn parts_with_the_byte_between_them_are_kept_apart() {
        let one = ObjectId::new("", "ConfigMap", "a\0b", "c");
        let other = ObjectId::new("", "ConfigMap", "a", "b\0c");
        assert_ne!(one, other);
        assert_eq!((one.namespace(), other.namespace()), ("a\0b", "a"));
    }

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
