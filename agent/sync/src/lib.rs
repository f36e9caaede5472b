//! Desired and observed objects in, a plan out: coverage, order, prune, check, health.
//!
//! Owns the decision what a pass does to one Application, and the linter that refuses a plan which breaks an invariant.
//! Must not carry anything out, and must not touch a clock, the environment, a file or the network.
//!
//! ```text
//!   live object ──reduce──▶ Record ─┐
//!   manifest ──DesiredObject::new───┼─▶ plan ──▶ Plan ──check──▶ carried out by the shell ──▶ Outcome ─┐
//!   claims, memory, approvals, now ─┘    ▲                                                             │
//!                                        └──────────── folded into Observed and Memory ────────────────┘
//! ```

pub mod audit;
mod body;
pub mod brake;
mod by_id;
mod check;
mod context;
pub mod coverage;
mod desired;
pub mod fights;
mod former;
pub mod generations;
pub mod health;
mod mutated;
mod namespace;
mod options;
pub mod order;
mod ownership;
mod plan;
mod prepare;
mod record;
pub mod report;
mod reserved;
pub mod retry;
mod yields;

pub use audit::Audits;
pub use body::body;
pub use check::{Invariant, Subject, Violation, check};
pub use context::{
    Baseline, Claims, ClusterDeletions, Context, Deletions, Failure, Ledger, Memory, OwnObjects,
};
pub use coverage::{Coverage, covers};
pub use desired::{
    DesiredObject, DesiredSet, Evidence, IgnoreDifference, Policy, deletions_between,
    deletions_digest,
};
pub use mutated::mutated;
pub use options::{ObjectOptions, Permission, SYNC_OPTIONS, SYNC_WAVE};
pub use ownership::{Ownership, own_entry, ownership};
pub use plan::{
    Fate, ObjectReport, ObjectState, Plan, Removal, Step, StepKind, baseline, copied_marks,
    leaving, narrow, plan, plan_removal,
};
pub use record::{MANAGER_PREFIX, reduce, reduce_response, scale_target};
pub use reserved::{check_reserved, reserved};
pub use retry::Retry;
