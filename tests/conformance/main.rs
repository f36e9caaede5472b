//! The conformance layer: real inputs of public projects, and what their own tools make of them.
//!
//! One trial per case, discovered from the folders under `MUSTER_CONFORMANCE`; one line per corpus at the end. With `V=1`
//! the names of the cases that are not byte for byte the same are printed.

mod corpus;
mod fleet;
mod health;
mod kustomize;
mod merge2;

use libtest_mimic::Arguments;

use corpus::Board;

fn main() {
    let arguments = Arguments::from_args();
    let Some(root) = corpus::root() else {
        println!("conformance: SKIPPED, no folder at MUSTER_CONFORMANCE or ../shared/conformance");
        return;
    };
    let board = Board::default();
    let mut trials = Vec::new();
<<<<<<< HEAD
    for corpus in [
        kustomize::corpora,
        merge2::corpora,
        fleet::corpora,
        health::corpora,
    ] {
=======
    for corpus in [kustomize::corpora, merge2::corpora] {
>>>>>>> kustomize
        trials.extend(
            corpus(&root)
                .into_iter()
                .flat_map(|c| c.into_trials(&board)),
        );
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        board.print(std::env::var_os("V").is_some());
    }
    // The runner's own summary comes last: the table above it is for people.
    conclusion.exit();
}
