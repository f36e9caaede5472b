//! What was done to the fake cluster, for tests to count.

use muster_model::ObjectId;
use muster_model::effect::Effect;

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
