//! One rendered object: valid enough to have an identity.

use crate::digest::Digest;
use crate::node::Node;
use crate::object::{Gvk, ObjectId};
use crate::{Problem, Reason, json};

/// An object with apiVersion, kind and name, as rendered. The namespace may still be empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    gvk: Gvk,
    body: Node,
}

impl Manifest {
    /// Checks that the node is an object with an identity.
    ///
    /// # Errors
    /// [`Reason::InvalidObject`] when apiVersion, kind or name is missing or not a text, or generateName is used.
    pub fn new(body: Node) -> Result<Self, Problem> {
        let invalid = |message: String, field: &str| {
            Err(Problem::new(Reason::InvalidObject, message).field(field))
        };
        let Some(api_version) = body.str_at(&["apiVersion"]).filter(|v| !v.is_empty()) else {
            return invalid("object has no apiVersion".to_owned(), "apiVersion");
        };
        let Some(kind) = body.str_at(&["kind"]).filter(|k| !k.is_empty()) else {
            return invalid("object has no kind".to_owned(), "kind");
        };
        let gvk = Gvk::parse(api_version, kind);
        if body.str_at(&["metadata", "name"]).is_none_or(str::is_empty) {
            let generated = body.at_path(&["metadata", "generateName"]).is_some();
            let why = if generated {
                "uses generateName, which server-side apply cannot"
            } else {
                "has no metadata.name"
            };
            return invalid(format!("{} {why}", gvk.kind), "metadata.name");
        }
        Ok(Self { gvk, body })
    }

    /// Group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> &Gvk {
        &self.gvk
    }

    /// The whole object.
    #[must_use]
    pub fn body(&self) -> &Node {
        &self.body
    }

    /// The whole object, by value.
    #[must_use]
    pub fn into_body(self) -> Node {
        self.body
    }

    /// Its identity, with the namespace as written.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        ObjectId::new(
            &*self.gvk.group,
            &*self.gvk.kind,
            self.namespace(),
            self.name(),
        )
    }

    /// `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.body.str_at(&["metadata", "name"]).unwrap_or_default()
    }

    /// `metadata.namespace`, empty when there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.body
            .str_at(&["metadata", "namespace"])
            .unwrap_or_default()
    }

    /// The value of an annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.body.str_at(&["metadata", "annotations", key])
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.body.str_at(&["metadata", "labels", key])
    }

    /// The same object in another namespace; empty takes the field away.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        if let Some(metadata) = self
            .body
            .as_map_mut()
            .and_then(|m| m.get_mut("metadata"))
            .and_then(Node::as_map_mut)
        {
            if namespace.is_empty() {
                metadata.remove("namespace");
            } else {
                metadata.insert("namespace", Node::string(namespace));
            }
        }
        self
    }

    /// The digest of the object's canonical JSON.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(json::to_canonical(&self.body).as_bytes())
    }
}
