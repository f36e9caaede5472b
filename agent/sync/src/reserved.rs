//! What no Application may set: the agent itself, its marks, and kinds that never come from Git (HAZARDS.md T-27, T-28).

use muster_model::kinds::is_denied;
use muster_model::{Manifest, Node, ObjectId, Problem, Reason, marks};

use crate::context::OwnObjects;

/// Refusals for a whole render: with one of them nothing of it is applied.
#[must_use]
pub fn check_reserved(objects: &[Manifest], own: &OwnObjects) -> Vec<Problem> {
    objects
        .iter()
        .filter_map(|manifest| reserved(manifest, own))
        .collect()
}

/// Why one object is refused, if it is.
#[must_use]
pub fn reserved(manifest: &Manifest, own: &OwnObjects) -> Option<Problem> {
    refusal(&manifest.id(), reserved_field(manifest.body()), own)
}

/// The same from what is kept of an object.
pub(crate) fn refusal(id: &ObjectId, field: Option<String>, own: &OwnObjects) -> Option<Problem> {
    if own.contains(id) {
        return Some(Problem::new(
            Reason::ReservedObject,
            format!("{id} is part of the agent itself"),
        ));
    }
    if is_denied(&id.group_kind()) {
        return Some(Problem::new(
            Reason::KindDenied,
            format!("{id} is of a kind that is never delivered from Git"),
        ));
    }
    field.map(|field| {
        Problem::new(
            Reason::ReservedObject,
            format!("{id} sets a mark that belongs to muster"),
        )
        .field(field)
    })
}

/// A label or annotation that is ours alone.
pub(crate) fn reserved_field(body: &Node) -> Option<String> {
    ["labels", "annotations"].into_iter().find_map(|section| {
        let map = body.at_path(&["metadata", section])?.as_map()?;
        let key = map.keys().find(|key| marks::is_reserved(key))?;
        Some(format!("metadata.{section}[{key}]"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::json;

    fn manifest(text: &str) -> Manifest {
        Manifest::new(json::from_slice(text.as_bytes()).expect("valid JSON")).expect("an object")
    }

    #[test]
    fn the_agent_its_namespace_its_marks_and_requests_are_refused() {
        let own = OwnObjects {
            namespace: "muster-system".to_owned(),
            objects: [muster_model::ObjectId::new(
                "apps",
                "Deployment",
                "muster-system",
                "muster",
            )]
            .into(),
        };
        let refused = |text: &str| {
            check_reserved(&[manifest(text)], &own)
                .first()
                .map(|problem| problem.reason)
        };
        let reserved = Some(Reason::ReservedObject);
        assert_eq!(
            refused(
                r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"muster","namespace":"muster-system"}}"#
            ),
            reserved
        );
        assert_eq!(
            refused(
                r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"muster-system"}}"#
            ),
            reserved
        );
        assert_eq!(
            refused(
                r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"applyset.kubernetes.io/part-of":"x"}}}"#
            ),
            reserved
        );
        assert_eq!(
            refused(
                r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","metadata":{"name":"a"}}"#
            ),
            Some(Reason::KindDenied)
        );
        assert_eq!(
            refused(r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#),
            None
        );
    }
}
