//! From commits to what one cluster should have, and from what it has to what is to be done: in one place.
//!
//! Owns the order of the steps (target, render, check, claim, plan, report). Must not gather or act: what it lacks it
//! names, and the shell fetches it and asks again.
//!
//! ```text
//!   Commits ──desire──▶ Desired ─┐
//!       ▲        │               ├─settle─▶ Desired in force ──decide(Observed, now)──▶ Plan ──▶ report
//!       └─ Need ─┘    previous ──┘
//! ```

pub mod addresses;
pub mod commits;
pub mod desire;
pub mod each;
pub mod explain;
pub mod fleet_plan;
pub mod graph;
pub mod known_targets;
pub mod line_diff;
pub mod lines;
mod placing;
mod policy;
mod quarantine;
mod render;
mod renders;
pub mod report;
pub mod settle;
mod source;
pub mod survey;
mod traced;
mod unbuilt;
pub mod verdict;

pub use commits::{Commits, Snapshot, SourceRef, SourceState};
pub use desire::{Desired, DesiredApplication, Need, Recall, Request, desire};
pub use fleet_plan::{FleetPlan, fleet_plan};
pub use renders::Renders;
pub use settle::settle;
pub use survey::{Survey, survey};
pub use verdict::Verdict;
