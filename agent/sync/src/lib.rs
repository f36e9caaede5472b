//! Desired and observed objects in, a plan out: coverage, order, prune, check, health.

pub mod health;
