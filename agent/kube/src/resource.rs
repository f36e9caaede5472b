//! How a kind is addressed: group, version, plural and scope make a path.

use std::fmt::Write as _;

use muster_model::kinds::Scope;
use muster_model::observed::Discovery;
use muster_model::{GroupKind, Gvk, ObjectId};

/// One kind at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) gvk: Gvk,
    pub(crate) plural: String,
    pub(crate) scope: Scope,
    versions: Vec<String>,
}

impl Resource {
    /// The kind at its preferred version, if discovery has it.
    pub(crate) fn of(kind: &GroupKind, discovery: &Discovery) -> Option<Self> {
        let served = discovery.kinds.get(kind)?;
        Some(Self {
            gvk: Gvk {
                group: kind.group.clone(),
                version: served.versions.first()?.clone(),
                kind: kind.kind.clone(),
            },
            plural: served.plural.clone(),
            scope: served.scope,
            versions: served.versions.clone(),
        })
    }

    /// The same kind at another version, if it is served.
    pub(crate) fn at_version(self, version: &str) -> Option<Self> {
        let served = self.versions.iter().any(|v| v == version);
        served.then(|| Self {
            gvk: Gvk {
                version: version.to_owned(),
                ..self.gvk.clone()
            },
            ..self
        })
    }

    /// A kind that every API server has.
    pub(crate) fn core(kind: &str, plural: &str, scope: Scope) -> Self {
        Self {
            gvk: Gvk::parse("v1", kind),
            plural: plural.to_owned(),
            scope,
            versions: vec!["v1".to_owned()],
        }
    }

    /// The collection: of one namespace, or with `None` of all.
    pub(crate) fn collection(&self, namespace: Option<&str>) -> String {
        let mut path = if self.gvk.group.is_empty() {
            format!("/api/{}", segment(&self.gvk.version))
        } else {
            format!(
                "/apis/{}/{}",
                segment(&self.gvk.group),
                segment(&self.gvk.version)
            )
        };
        if let (Scope::Namespaced, Some(namespace)) = (self.scope, namespace) {
            path.push_str("/namespaces/");
            path.push_str(&segment(namespace));
        }
        path.push('/');
        path.push_str(&segment(&self.plural));
        path
    }

    /// One object. A namespaced kind without a namespace is addressed in `default`, as kubectl would.
    pub(crate) fn object(&self, object: &ObjectId) -> String {
        let namespace = if object.namespace().is_empty() {
            "default"
        } else {
            object.namespace()
        };
        format!(
            "{}/{}",
            self.collection(Some(namespace)),
            segment(object.name())
        )
    }

    /// `deployments.apps`, as RBAC rules and kubectl name it.
    pub(crate) fn name(&self) -> String {
        if self.gvk.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.gvk.group)
        }
    }
}

/// Text as one segment of a path or one value of a query: everything but RFC 3986's unreserved characters and `:`
/// (RBAC names have it) is escaped. `.` and `..` alone would be another path; no object can be called so.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let all_dots = matches!(text, "." | "..");
    for byte in text.bytes() {
        match byte {
            b'.' if all_dots => out.push_str("%252E"),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                out.push(char::from(byte));
            }
            other => write!(out, "%{other:02X}").expect("because writing to a String cannot fail"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place_in_the_path() {
        let maps = Resource::core("ConfigMap", "configmaps", Scope::Namespaced);
        let path = |name| maps.object(&ObjectId::new("", "ConfigMap", "shop", name));
        assert_eq!(path("a"), "/api/v1/namespaces/shop/configmaps/a");
        assert_eq!(
            path("../x?y#z"),
            "/api/v1/namespaces/shop/configmaps/..%2Fx%3Fy%23z"
        );
        assert_eq!(path(".."), "/api/v1/namespaces/shop/configmaps/%252E%252E");
        assert_eq!(
            path("system:a"),
            "/api/v1/namespaces/shop/configmaps/system:a"
        );
    }

    #[test]
    fn cluster_scoped_kinds_have_no_namespace() {
        let kind = Resource::core("Namespace", "namespaces", Scope::Cluster);
        assert_eq!(
            kind.object(&ObjectId::new("", "Namespace", "", "shop")),
            "/api/v1/namespaces/shop"
        );
        assert_eq!(kind.collection(None), "/api/v1/namespaces");
    }
}
