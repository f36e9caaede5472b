//! Random kustomizations, built by muster and by the real `kustomize build`, must give the same bytes.
//!
//! Needs the program of `tests/oracle/kustomize` in `MUSTER_KUSTOMIZE_ORACLE` (`make oracle` builds it); without it, says
//! so and passes. `MUSTER_TREES` says how many; `MUSTER_CASES` names a file with cases of one's own instead, one JSON
//! object a line as the oracle takes it. Findings are left in the directory `MUSTER_FINDINGS`.

mod compare;
mod finding;
mod generate;
mod shrink;

use std::ffi::OsString;

use generate::Case;

use crate::process::{Oracle, read_cases};
use crate::run::{self, Comparison, Verdict, setting};

/// Compares them all; false when anything differs.
pub fn run() -> bool {
    let Some(program) = std::env::var_os("MUSTER_KUSTOMIZE_ORACLE") else {
        println!("SKIPPED: MUSTER_KUSTOMIZE_ORACLE is not set; `make oracle` builds the program");
        return true;
    };
    let trees = Trees {
        seed: setting("MUSTER_SEED", 1),
        given: std::env::var_os("MUSTER_CASES").map(read_cases),
        random: setting("MUSTER_TREES", 1000),
        findings: std::env::var_os("MUSTER_FINDINGS"),
    };
    println!("seed {}: {} trees", trees.seed, trees.count());
    run::run(&trees, &program)
}

struct Trees {
    seed: u64,
    given: Option<Vec<Case>>,
    random: u64,
    findings: Option<OsString>,
}

impl Comparison for Trees {
    type Case = Case;
    const NOT_YET: &'static str = include_str!("not-yet.txt");

    fn count(&self) -> u64 {
        let given = self.given.as_ref();
        given.map_or(self.random, |cases| cases.len() as u64)
    }

    fn case(&self, number: u64) -> Case {
        match &self.given {
            Some(cases) => cases[number as usize].clone(),
            None => generate::case(self.seed, number),
        }
    }

    fn name(&self, number: u64) -> String {
        format!("{} {number}", self.seed)
    }

    fn compare(&self, oracle: &mut Oracle, case: &Case) -> Verdict {
        compare::compare(oracle, case)
    }

    fn shrink(&self, oracle: &mut Oracle, case: Case, verdict: &Verdict) -> Case {
        shrink::shrink(oracle, case, verdict)
    }

    fn show(&self, oracle: &mut Oracle, number: u64, case: &Case) -> String {
        finding::show(oracle, case, self.findings.as_deref(), number)
    }
}
