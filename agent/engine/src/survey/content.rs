//! What one distinct source renders to, as it is compared: ids and digests, without the objects themselves.

use muster_fleet::namespaces::normalise_namespaces;
use muster_model::kinds::{Scope, Scopes};
use muster_model::{Digest, GroupKind, Manifest, ObjectId, Problem};
use muster_sync::{DesiredObject, OwnObjects, Permission};
use serde::{Deserialize, Serialize};

/// Every object of a complete render, in the order of the ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Of all ids and digests: equal digests are equal content.
    pub digest: Digest,
    /// The objects.
    pub objects: Vec<ContentObject>,
}

/// One object, as it is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContentObject {
    /// What identifies it.
    pub id: ObjectId,
    /// Digest of it; keyed for Secrets.
    pub digest: String,
    /// `Prune=`.
    pub prune: Permission,
    /// `Delete=`.
    pub delete: Permission,
}

/// What the content of a render depends on beside the files: where objects go that name no namespace, and the scopes of
/// kinds that neither Kubernetes nor the render itself declares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Setting {
    pub(super) namespace: String,
    pub(super) scopes: Vec<(GroupKind, Scope)>,
}

impl Setting {
    fn scopes(&self) -> Scopes {
        let mut scopes = Scopes::builtin();
        for (kind, scope) in &self.scopes {
            scopes.learn(kind.clone(), *scope);
        }
        scopes
    }
}

/// Normalised objects, made ready to be planned: reserved objects refused, options read, sorted by id. The same step for
/// an agent and for a survey.
///
/// # Errors
/// Everything that is wrong with the objects.
pub(crate) fn ready(
    objects: Vec<Manifest>,
    own: &OwnObjects,
    key: &[u8],
) -> Result<Vec<DesiredObject>, Vec<Problem>> {
    let mut problems = muster_sync::check_reserved(&objects, own);
    let mut ready = Vec::with_capacity(objects.len());
    for object in objects {
        match DesiredObject::new(object, key) {
            Ok(object) => ready.push(object),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    ready.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(ready)
}

/// The objects with their bodies, in a setting.
pub(super) fn bodies(
    objects: Vec<Manifest>,
    setting: &Setting,
    key: &[u8],
) -> Result<Vec<DesiredObject>, Vec<Problem>> {
    let objects = normalise_namespaces(objects, &setting.namespace, &setting.scopes())?;
    ready(objects, &OwnObjects::default(), key)
}

impl Content {
    pub(super) fn of(objects: &[DesiredObject]) -> Self {
        let objects: Vec<ContentObject> = objects
            .iter()
            .map(|object| ContentObject {
                id: object.id.clone(),
                digest: object.digest.clone(),
                prune: object.options.prune,
                delete: object.options.delete,
            })
            .collect();
        let texts: Vec<String> = objects
            .iter()
            .map(|object| format!("{} {}", object.id, object.digest))
            .collect();
        Self {
            digest: Digest::of_parts(texts.iter().map(String::as_bytes)),
            objects,
        }
    }

    /// The object with this identity.
    #[must_use]
    pub fn find(&self, id: &ObjectId) -> Option<&ContentObject> {
        self.objects
            .binary_search_by(|object| object.id.cmp(id))
            .ok()
            .and_then(|index| self.objects.get(index))
    }
}
