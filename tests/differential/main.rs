//! What muster does beside the real thing, on random input: kustomizations beside `kustomize build`, which must give the
//! same bytes, and ApplicationSets beside Argo CD's own code, which must give the same Applications.
//!
//! `MUSTER_SEED` chooses what is generated, `MUSTER_JOBS` how many processes work. What differs is made as small as it
//! gets (`MUSTER_SHRINK=0`: not) and printed.

mod applicationset;
mod kustomization;
mod process;
mod random;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let all_the_same = [kustomization::run(), applicationset::run()];
    if all_the_same.contains(&false) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
