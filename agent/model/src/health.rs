//! Health and sync states, with Argo CD's names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an object or an Application is doing. Ordered from best to worst, as Argo CD aggregates them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Health {
    /// It does what it should.
    Healthy,
    /// It is paused on purpose.
    Suspended,
    /// It is on its way.
    Progressing,
    /// It does not exist.
    Missing,
    /// It failed.
    Degraded,
    /// It cannot be known.
    Unknown,
}

/// Whether a cluster has what Git says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SyncState {
    /// Every object is as Git says.
    Synced,
    /// Some object is not.
    OutOfSync,
    /// It cannot be known.
    Unknown,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for SyncState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
