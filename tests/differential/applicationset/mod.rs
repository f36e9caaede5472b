//! Random ApplicationSets, evaluated by muster and by Argo CD's own code, must give the same parameters and Applications.
//!
//! Needs the program of `tests/oracle/argocd` in `MUSTER_ARGOCD_ORACLE` (`make oracle-argocd` builds it); without it, says
//! so and passes. `MUSTER_SEED` and `MUSTER_APPS` choose what is generated; `MUSTER_APP_CASES` names a file with cases of
//! one's own instead, one JSON object a line as the oracle takes it.

mod answer;
mod compare;
mod generate;
mod shrink;

use std::sync::atomic::{AtomicU64, Ordering};

use generate::Case;

use crate::process::{Oracle, read_cases};
use crate::run::{self, Comparison, Verdict, setting};

/// Compares them all; false when anything differs.
pub fn run() -> bool {
    let Some(program) = std::env::var_os("MUSTER_ARGOCD_ORACLE") else {
        println!(
            "SKIPPED: MUSTER_ARGOCD_ORACLE is not set; `make oracle-argocd` builds the program"
        );
        return true;
    };
    let seed = setting("MUSTER_SEED", 1);
    let sets = Sets {
        cases: match std::env::var_os("MUSTER_APP_CASES") {
            Some(file) => Cases::Given(read_cases(file)),
            None => Cases::Random {
                seed,
                fixed: generate::nasty::cases(),
                count: setting("MUSTER_APPS", 1000),
            },
        },
        parameter_sets: AtomicU64::new(0),
        applications: AtomicU64::new(0),
    };
    println!("seed {seed}: {} ApplicationSets", sets.count());
    let all_the_same = run::run(&sets, &program);
    println!(
        "{:>8}  sets of parameters and {} Applications compared",
        sets.parameter_sets.into_inner(),
        sets.applications.into_inner()
    );
    all_the_same
}

/// The sets, and what was seen of them, for people to judge whether the comparison is worth anything.
struct Sets {
    cases: Cases,
    parameter_sets: AtomicU64,
    applications: AtomicU64,
}

enum Cases {
    Given(Vec<Case>),
    Random {
        seed: u64,
        /// Those written by hand, which come first.
        fixed: Vec<Case>,
        count: u64,
    },
}

impl Comparison for Sets {
    type Case = Case;
    const NOT_YET: &'static str = include_str!("not-yet.txt");

    fn count(&self) -> u64 {
        match &self.cases {
            Cases::Given(cases) => cases.len() as u64,
            Cases::Random { fixed, count, .. } => fixed.len() as u64 + count,
        }
    }

    fn case(&self, number: u64) -> Case {
        match &self.cases {
            Cases::Given(cases) => cases[number as usize].clone(),
            Cases::Random { seed, fixed, .. } => match fixed.get(number as usize) {
                Some(case) => case.clone(),
                None => generate::case(*seed, number - fixed.len() as u64),
            },
        }
    }

    /// A case written by hand has its name in every run, another only with its seed.
    fn name(&self, number: u64) -> String {
        match &self.cases {
            Cases::Given(_) => number.to_string(),
            Cases::Random { seed, fixed, .. } => match number.checked_sub(fixed.len() as u64) {
                Some(number) => format!("{seed} {number}"),
                None => format!("nasty {number}"),
            },
        }
    }

    fn compare(&self, oracle: &mut Oracle, case: &Case) -> Verdict {
        let compared = compare::compare(oracle, case);
        let add = |counter: &AtomicU64, more| counter.fetch_add(more, Ordering::Relaxed);
        add(&self.parameter_sets, compared.parameter_sets);
        add(&self.applications, compared.applications);
        compared.verdict
    }

    fn shrink(&self, oracle: &mut Oracle, case: Case, verdict: &Verdict) -> Case {
        shrink::shrink(oracle, case, verdict)
    }

    fn show(&self, oracle: &mut Oracle, _number: u64, case: &Case) -> String {
        let details = compare::compare(oracle, case).details;
        format!("{}\n{details}", case.shown())
    }
}
