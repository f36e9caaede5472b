//! Strict in-memory fakes of the three ports. They keep an API server's and a Git server's rules, record what was done
//! to them, fail on command, and watch the invariants of HAZARDS.md section 1 after every write.

pub mod field_set;
pub mod managed;
pub mod schema;
pub mod typed;
