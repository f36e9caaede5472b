//! The layer on top: three clusters with real controllers, a real Git server and agents as they are shipped, taken
//! through the demonstration. Every step of it fails when what it expects does not come.

use std::time::Duration;

use muster_tests::demo::{self, Options, Report, Screen, Stop};
use muster_tests::testbed::Programs;

/// Far above what healing takes, far below the polls and intervals of others; the figure belongs to the benchmarks.
const HEALED: Duration = Duration::from_secs(10);

fn demonstrated(dir: &std::path::Path) -> Result<Report, demo::DemoError> {
    let mut screen = Screen::new();
    let options = Options::default();
    let mut playground = demo::start(&options, dir, &Stop::default(), &mut screen)?;
    let report = demo::run(&mut playground, &mut screen)?;
    playground.clean_up()?;
    Ok(report)
}

#[test]
fn a_fleet_follows_git_from_the_first_commit_to_an_approved_deletion() {
    if Programs::find_or_skip().is_none() {
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dir = tempfile::tempdir().expect("because the temporary directory is writable");
    let report = match demonstrated(dir.path()) {
        Ok(report) => report,
        Err(error) => panic!("{error:?}; logs in {}", dir.keep().display()),
    };
    assert!(
        report.healed_in < HEALED,
        "healed in {:?}",
        report.healed_in
    );
    assert!(
        !report.status_log.is_empty(),
        "the status branch has commits"
    );
}
