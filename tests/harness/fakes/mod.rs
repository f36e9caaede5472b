//! Strict in-memory fakes of the three ports. They keep an API server's and a Git server's rules, record what was done
//! to them, fail on command, and watch the invariants of HAZARDS.md section 1 after every write.
//!
//! ```text
//!   test ──edit, delete, scale──▶ ApiServer ◀── controllers     agent ── FakeCluster ──▶ ApiServer ──▶ watches, invariants
//!   test ──commit, push, error──▶ repositories                  agent ── FakeSource ───▶ repositories
//!   test ──refuse, read─────────▶ refs                          agent ── FakeStatus ───▶ refs
//!                                  Faults: which effect fails, at which the agent dies
//! ```

pub mod admission;
mod agent;
pub mod api_server;
pub mod cluster;
mod controllers;
pub mod faults;
pub mod field_set;
pub mod hand;
pub mod invariants;
pub mod journal;
pub mod managed;
pub mod random;
mod requests;
pub mod schema;
pub mod served;
pub mod source;
pub mod status_store;
pub mod structural;
pub mod typed;
mod watches;
pub mod weather;
pub mod write;

pub use agent::{CLUSTER, CONCURRENCY, NAMESPACE, POLL, SHOP_PROJECT, agent, config, runtime};
pub use cluster::{Backup, FakeCluster, Identity, Inspector, Sent, Sight};
pub use faults::{Failure, Faults, Side, Target};
pub use hand::id_of;
pub use invariants::assert_invariants;
pub use journal::{Journal, Violation};
pub use random::Random;
pub use source::{FakeSource, Reading, Volume};
pub use status_store::FakeStatus;
pub use weather::Weather;
pub use write::{Write, WriteResult};
