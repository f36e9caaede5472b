//! Runs the conformance cases of this crate alone.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "a test binary reads its cases from files and says what it skipped"
)]

#[path = "../../../tests/conformance/fleet/mod.rs"]
mod fleet;

use std::process::ExitCode;

use libtest_mimic::{Arguments, run};

fn main() -> ExitCode {
    let trials = fleet::trials();
    if trials.is_empty() {
        println!(
            "SKIPPED: no conformance data in {}",
            fleet::root().display()
        );
        return ExitCode::SUCCESS;
    }
    run(&Arguments::from_args(), trials).exit_code()
}
