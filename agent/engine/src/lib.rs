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

pub mod changes;
pub mod commits;
pub mod desire;
mod placing;
mod policy;
mod quarantine;
mod render;
pub mod report;
pub mod settle;
mod source;
mod unbuilt;

pub use changes::{Changes, changes};
pub use commits::{Commits, Snapshot, SourceRef, SourceState};
pub use desire::{Desired, DesiredApplication, Need, Recall, Request, desire};
pub use render::Renders;
pub use settle::settle;
