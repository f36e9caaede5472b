//! Desired and observed objects in, a plan out: coverage, order, prune, check, health.

mod by_id;
mod context;
pub mod coverage;
mod desired;
pub mod health;
mod mutated;
mod options;
pub mod order;
mod plan;
mod prepare;
mod record;

pub use context::{
    Baseline, Claims, ClusterDeletions, Context, Deletions, Failure, Ledger, Memory, OwnObjects,
};
pub use coverage::{Coverage, covers};
pub use desired::{
    DesiredObject, DesiredSet, Evidence, IgnoreDifference, Policy, deletions_digest,
};
pub use mutated::mutated;
pub use options::{ObjectOptions, Permission, SYNC_OPTIONS, SYNC_WAVE};
pub use plan::{ObjectReport, ObjectState, Plan, Step, StepKind};
pub use record::{MANAGER_PREFIX, reduce, reduce_response, scale_target};
