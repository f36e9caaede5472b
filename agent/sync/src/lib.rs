//! Desired and observed objects in, a plan out: coverage, order, prune, check, health.

pub mod health;
mod mutated;
mod options;
pub mod order;
mod record;

pub use mutated::mutated;
pub use options::{ObjectOptions, Permission, SYNC_OPTIONS, SYNC_WAVE};
pub use record::{MANAGER_PREFIX, reduce, reduce_response, scale_target};
