//! Whose a live object is. A label is not ownership: controllers copy labels (DESIGN.md section 5, HAZARDS.md T-73).

use muster_model::marks::{self, AppliedMark};
use muster_model::observed::{ManagedEntry, Record};
use muster_model::{Node, ObjectId, json};

use crate::context::Memory;
use crate::coverage;

/// Whose a live object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// Ours by every test.
    Ours(AppliedMark),
    /// It names itself as ours, but its label or its managed fields were taken away: healed while Git wants it, never
    /// deleted.
    Stripped,
    /// A controller copied our marks to an object of its own.
    Copied,
    /// Another tool or a controller claims it; which.
    Foreign {
        /// The tools, or the controller.
        by: String,
        /// True when a controller owns it: it cannot be adopted.
        controlled: bool,
    },
    /// Nobody claims it.
    Unclaimed,
}

/// Decides whose an object is. `desired` is what Git says of it, if anything.
#[must_use]
pub fn ownership(
    id: &ObjectId,
    record: &Record,
    desired: Option<&Node>,
    memory: &Memory,
) -> Ownership {
    let fields = own_fields(record, &memory.manager);
    ownership_by(id, record, desired, memory, fields.as_ref())
}

/// The same, when our `fieldsV1` was read already.
pub(crate) fn ownership_by(
    id: &ObjectId,
    record: &Record,
    desired: Option<&Node>,
    memory: &Memory,
    fields: Option<&Node>,
) -> Ownership {
    let owns_mark = fields.is_some_and(owns_mark);
    let labelled = record.part_of.as_deref() == Some(memory.applyset.as_str());
    let names_itself = record.applied.as_ref().filter(|mark| mark.object == *id);
    if let Some(controller) = foreign_controller(record, desired) {
        return if labelled || record.applied.is_some() {
            Ownership::Copied
        } else {
            Ownership::Foreign {
                by: controller.to_owned(),
                controlled: true,
            }
        };
    }
    match names_itself {
        Some(mark) if labelled && owns_mark => Ownership::Ours(mark.clone()),
        Some(_) if labelled || owns_mark => Ownership::Stripped,
        _ if labelled => Ownership::Copied,
        _ => foreign_claims(record).map_or(Ownership::Unclaimed, |by| Ownership::Foreign {
            by,
            controlled: false,
        }),
    }
}

/// The entry of our field manager's applies.
#[must_use]
pub fn own_entry<'a>(record: &'a Record, manager: &str) -> Option<&'a ManagedEntry> {
    record.managers.iter().find(|entry| {
        entry.manager == manager && entry.operation == "Apply" && entry.subresource.is_empty()
    })
}

/// Our `fieldsV1`, read.
#[must_use]
pub(crate) fn own_fields(record: &Record, manager: &str) -> Option<Node> {
    fields_of(own_entry(record, manager)?)
}

/// An entry's `fieldsV1`, read; `None` when it was not kept.
#[must_use]
pub(crate) fn fields_of(entry: &ManagedEntry) -> Option<Node> {
    json::from_slice(entry.fields.as_deref()?.as_bytes()).ok()
}

/// Other managers that own one of these fields of the desired object; failing that, every other one that writes the
/// object itself.
#[must_use]
pub(crate) fn other_managers(
    record: &Record,
    desired: &Node,
    pointers: &[String],
    manager: &str,
) -> Vec<String> {
    let others = || {
        record.managers.iter().filter(|entry| {
            entry.subresource != "status"
                && !(entry.manager == manager && entry.operation == "Apply")
        })
    };
    let mut names: Vec<String> = others()
        .filter(|entry| {
            fields_of(entry).is_some_and(|fields| {
                pointers
                    .iter()
                    .any(|pointer| coverage::owns(&fields, desired, pointer))
            })
        })
        .map(|entry| entry.manager.clone())
        .collect();
    if names.is_empty() {
        names = others().map(|entry| entry.manager.clone()).collect();
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn owns_mark(fields: &Node) -> bool {
    fields
        .at_path(&[
            "f:metadata",
            "f:annotations",
            &format!("f:{}", marks::APPLIED),
        ])
        .is_some()
}

/// The controller that owns the object, unless Git itself renders that owner reference.
fn foreign_controller<'a>(record: &'a Record, desired: Option<&Node>) -> Option<&'a str> {
    let controller = record.controller.as_deref()?;
    let rendered = desired
        .and_then(|body| body.at_path(&["metadata", "ownerReferences"]))
        .and_then(Node::as_list)
        .unwrap_or_default()
        .iter()
        .any(|owner| {
            let text = |key| owner.str_at(&[key]).unwrap_or_default();
            let named = format!("{}/{} {}", text("kind"), text("name"), text("uid"));
            owner.get("controller").and_then(Node::as_bool) == Some(true) && named == controller
        });
    (!rendered).then_some(controller)
}

/// Other tools' claims, in words.
fn foreign_claims(record: &Record) -> Option<String> {
    let mut claims: Vec<&str> = record.claims.iter().map(String::as_str).collect();
    if record.part_of.is_some() {
        claims.push("another ApplySet");
    }
    (!claims.is_empty()).then(|| claims.join(", "))
}
