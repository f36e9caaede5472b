//! The object as it is sent.

use muster_model::effect::Body;
use muster_model::marks::{AppliedMark, marked};
use muster_model::{Manifest, Map, Node, ObjectId};

use crate::context::Memory;
use crate::desired::DesiredSet;
use crate::yields::remove;

/// The body of an apply: the rendered object with our marks, without the yielded fields. `None` for an object that the
/// Application neither renders nor makes.
#[must_use]
pub fn body(
    desired: &DesiredSet,
    memory: &Memory,
    object: &ObjectId,
    yielded: &[String],
) -> Option<Body> {
    let application = desired.application.clone();
    let Some(found) = desired.find(object) else {
        let node = made_namespace(desired, object)?;
        return Some(Body { application, node });
    };
    let mark = AppliedMark {
        object: object.clone(),
        application: application.clone(),
        digest: found.digest.clone(),
    };
    let mut node = marked(&found.manifest(), &memory.applyset, &mark);
    for pointer in yielded {
        remove(&mut node, pointer);
    }
    Some(Body { application, node })
}

/// The namespace of `CreateNamespace=true` with its managed metadata, without marks: it is never deleted.
fn made_namespace(desired: &DesiredSet, object: &ObjectId) -> Option<Node> {
    let name = desired.policy.create_namespace.as_deref()?;
    let wanted = object.is_of("", "Namespace") && object.name() == name;
    wanted.then_some(())?;
    let mut metadata = Map::from_iter([("name", Node::string(name))]);
    if let Some(managed) = &desired.policy.namespace_metadata {
        for (section, texts) in [
            ("labels", &managed.labels),
            ("annotations", &managed.annotations),
        ] {
            if !texts.is_empty() {
                let texts = texts
                    .iter()
                    .map(|(key, text)| (key.as_str(), Node::string(text.as_str())));
                metadata.insert(section, Node::map(texts.collect()));
            }
        }
    }
    let body = Map::from_iter([
        ("apiVersion", Node::string("v1")),
        ("kind", Node::string("Namespace")),
        ("metadata", Node::map(metadata)),
    ]);
    Manifest::new(Node::map(body)).ok().map(Manifest::into_body)
}
