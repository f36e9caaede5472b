//! **muster**: a Git-native pull agent, one per cluster, and the questions a fleet asks, in one binary.
//!
//! This crate is the shell around pure crates: it gathers what they need to know, carries out what they decide, and
//! prints what they say. It decides nothing itself.
//!
//! ```text
//!                    ┌────────────────────────── agent (this crate) ──────────────────────────┐
//!   Git server ◀─────┤ source ── gather ──▶ World ── engine::decide ──▶ Decision ── act ──▶   ├─────▶ API server
//!   (hub repository, │   ▲  (resolve, fetch)          pure: target, render,   (bounded,       │  (server-side apply,
//!    sources)        │   │                            gate, plan, check        in order)      │   watch, ApplySet)
//!                    │   └── poll, timer, drift ◀──────────── owner task ◀── records ─────────┤◀─────
//!   Git server ◀─────┤ status store ◀── report ◀── ClusterStatus                              │
//!   (status refs)    └────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! | crate | owns | knows |
//! |---|---|---|
//! | [`muster_model`] | the vocabulary | nothing |
//! | [`muster_fleet`] | who runs what | model |
//! | [`muster_kustomize`] | a directory → objects | model |
//! | [`muster_sync`] | desired + observed → plan | model |
//! | [`muster_rollout`] | which commit may be taken | model |
//! | [`muster_status`] | what a cluster says of itself | model |
//! | [`muster_engine`] | `decide(&World, now) -> Decision` | all of the above |
//! | [`muster_git`] | the Git side, blocking, on one thread | model |
//! | [`muster_kube`] | the cluster side | model |
//! | `muster` | processes, tasks, ports, the command line | all of the above |

pub mod adapters;
pub mod admin;
pub mod args;
pub mod commands;
pub mod config;
pub mod logging;
pub mod metrics;
pub mod owner;
pub mod parallel;
pub mod ports;

use std::process::ExitCode;

use args::Args;

/// Runs the command that the arguments name.
#[must_use]
pub fn run(args: Args) -> ExitCode {
    commands::run(args)
}
