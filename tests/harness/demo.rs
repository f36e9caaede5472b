//! The demonstration: three real control planes, a Git server and three agents, taken through a fleet's day.
//!
//! ```text
//!   run ── Playground ── Testbed: cluster hub, east, west      ◀── Live: what an operator sees and does by hand
//!    │         │────── GitServer ◀── HubRepository: commits    ◀── what a platform engineer does
//!    │         └────── Agents: `muster agent`, one each
//!    └── steps, each said and timed on the Screen, each an expectation that fails the run
//! ```
//!
//! `make demo` shows it, the end-to-end layer runs it; nothing here knows which.

mod agents;
mod error;
mod fleet;
mod hub;
mod live;
mod playground;
mod screen;
mod steps;
mod stop;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::DemoError;
pub use playground::{NAMES, Playground};
pub use screen::{Screen, seconds};
pub use stop::Stop;

/// What may be chosen.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Existing clusters to use as hub, east and west, in place of the testbed's.
    pub kubeconfigs: Option<[PathBuf; 3]>,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Report {
    /// Each step's title and time.
    pub steps: Vec<(String, Duration)>,
    /// From a field changed by hand until it was as in Git again.
    pub healed_in: Duration,
    /// From a push until the new image was in the cluster.
    pub arrived_in: Duration,
    /// The commits of the status branch.
    pub status_log: Vec<String>,
}

/// Starts everything that the steps need; `dir` takes data and logs.
///
/// # Errors
/// When something does not start.
pub fn start(
    options: &Options,
    dir: &Path,
    stop: &Stop,
    screen: &mut Screen,
) -> Result<Playground, DemoError> {
    let (title, about, expected) = match options.kubeconfigs {
        None => (
            "three clusters start: hub (dev), east (staging), west (prod)",
            "one etcd; for each an API server, its controllers, a scheduler, a node that plays pods; a Git server",
            Duration::from_secs(10),
        ),
        Some(_) => (
            "your three clusters are hub (dev), east (staging), west (prod)",
            "the namespaces shop and muster-system and the PriorityClass shop-data are made there",
            Duration::from_secs(1),
        ),
    };
    screen.step(title, about, expected, |_| {
        Playground::start(options, dir, stop.clone())
    })
}

/// Runs every step on a playground.
///
/// # Errors
/// When something is not as expected in time, or the user stops it.
pub fn run(playground: &mut Playground, screen: &mut Screen) -> Result<Report, DemoError> {
    steps::everything_is_healthy(playground, screen)?;
    let healed_in = steps::drift_is_healed(playground, screen)?;
    let arrived_in = steps::an_image_arrives(playground, screen)?;
    steps::a_cluster_changes_its_overlay(playground, screen)?;
    let approval = steps::the_brake_holds(playground, screen)?;
    steps::an_approval_lets_it_go(playground, screen, &approval)?;
    let status_log = steps::the_fleet_is_shown(playground, screen)?;
    Ok(Report {
        steps: screen.times().to_vec(),
        healed_in,
        arrived_in,
        status_log,
    })
}
