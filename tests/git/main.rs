//! The Git side against real servers on loopback: `git http-backend`, plain and TLS, with faults where Git has none.

mod carrying;
mod fetching;
mod polling;
mod pushing;
mod refusals;
mod repairing;
mod world;
