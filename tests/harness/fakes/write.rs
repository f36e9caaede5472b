//! What was done to the fake cluster, for tests to count.

use muster_model::ObjectId;
use muster_model::effect::{Effect, Outcome};

/// One request that was meant to change something.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// What was asked.
    pub effect: Effect,
    /// What it came to.
    pub result: WriteResult,
}

/// What a write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteResult {
    /// The store changed.
    Changed,
    /// The request was accepted and changed nothing.
    Unchanged,
    /// It was refused, with this HTTP status code (0: no answer, nothing done).
    Refused(u16),
}

impl Write {
    /// The object that was written.
    #[must_use]
    pub fn object(&self) -> Option<&ObjectId> {
        match &self.effect {
            Effect::Probe { .. } | Effect::Audit { .. } => None,
            Effect::Apply { object, .. }
            | Effect::Delete { object, .. }
            | Effect::Release { object, .. }
            | Effect::Adopt { object, .. } => Some(object),
        }
    }

    /// True for a delete.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        matches!(self.effect, Effect::Delete { .. })
    }
}

/// An effect in a few words.
#[must_use]
pub fn brief(effect: &Effect) -> String {
    match effect {
        Effect::Probe { objects } => format!("probe of {}", objects.len()),
        Effect::Apply { object, cause, .. } => format!("apply {object} ({cause:?})"),
        Effect::Delete { object, uid, .. } => format!("delete {object} ({uid})"),
        Effect::Release { object, .. } => format!("release {object}"),
        Effect::Adopt { object, .. } => format!("adopt {object}"),
        Effect::Audit { object, .. } => format!("audit {object}"),
    }
}

/// An answer in a few words.
#[must_use]
pub fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Applied(record) => format!("applied at {}", record.resource_version),
        Outcome::Gone => "gone".to_owned(),
        Outcome::Deleting => "deleting".to_owned(),
        Outcome::Patched(record) => format!("patched at {}", record.resource_version),
        Outcome::Probed { found, absent } => format!("{} there, {} not", found.len(), absent.len()),
        Outcome::Audited { drifted, mutated } => {
            format!("{} drifted, {} mutated", drifted.len(), mutated.len())
        }
        Outcome::Conflict => "conflict".to_owned(),
        Outcome::Failed { reason, code, .. } => format!("{reason} ({code})"),
    }
}
