//! Random ApplicationSets, evaluated by muster and by Argo CD's own code, must give the same parameters and Applications.
//!
//! Needs the program of `tests/oracle/argocd` in `MUSTER_ARGOCD_ORACLE` (`make oracle-argocd` builds it); without it, says
//! so and passes. `MUSTER_SEED` and `MUSTER_APPS` choose what is generated; `MUSTER_APP_CASES` names a file with cases of
//! one's own instead, one JSON object a line as the oracle takes it.

mod compare;
mod generate;
mod oracle;
mod shrink;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use compare::Verdict;
use generate::Case;
use oracle::Oracle;

use crate::setting;

/// Compares them all; false when anything differs.
pub fn run() -> bool {
    let Some(program) = std::env::var_os("MUSTER_ARGOCD_ORACLE") else {
        println!(
            "SKIPPED: MUSTER_ARGOCD_ORACLE is not set; `make oracle-argocd` builds the program"
        );
        return true;
    };
    let (seed, sets) = (setting("MUSTER_SEED", 1), setting("MUSTER_APPS", 1000));
    let cases = match std::env::var_os("MUSTER_APP_CASES") {
        Some(file) => Cases::Given(oracle::read_cases(Path::new(&file))),
        None => Cases::Random {
            seed,
            fixed: generate::nasty::cases(),
            count: sets,
        },
    };
    println!("seed {seed}: {} ApplicationSets", cases.count());
    let run = Run {
        program,
        cases,
        next: AtomicU64::new(0),
        table: Mutex::default(),
        shrink: setting("MUSTER_SHRINK", 1) > 0,
    };
    std::thread::scope(|scope| {
        for _ in 0..setting("MUSTER_JOBS", 2) {
            scope.spawn(|| run.work());
        }
    });
    run.report()
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

impl Cases {
    fn count(&self) -> u64 {
        match self {
            Self::Given(cases) => cases.len() as u64,
            Self::Random { fixed, count, .. } => fixed.len() as u64 + count,
        }
    }

    /// True for what `not-yet.txt` lists: a case written by hand in every run, another only with its seed.
    fn is_known(&self, number: u64) -> bool {
        let wanted = format!("{} ", self.name(number));
        NOT_YET.lines().any(|line| line.starts_with(&wanted))
    }

    /// The number as `not-yet.txt` has it.
    fn name(&self, number: u64) -> String {
        match self {
            Self::Given(_) => number.to_string(),
            Self::Random { seed, fixed, .. } => match number.checked_sub(fixed.len() as u64) {
                Some(number) => format!("{seed} {number}"),
                None => format!("nasty {number}"),
            },
        }
    }

    fn get(&self, number: u64) -> Case {
        match self {
            Self::Given(cases) => cases[number as usize].clone(),
            Self::Random { seed, fixed, .. } => match fixed.get(number as usize) {
                Some(case) => case.clone(),
                None => generate::case(*seed, number - fixed.len() as u64),
            },
        }
    }
}

/// Sets that are known to come out differently, `<seed> <number> <why>` a line: each is work to do, and the list only
/// shrinks.
const NOT_YET: &str = include_str!("not-yet.txt");

/// What was seen, for people to judge whether the comparison is worth anything.
#[derive(Default)]
struct Table {
    verdicts: BTreeMap<Verdict, u64>,
    parameter_sets: u64,
    applications: u64,
}

struct Run {
    program: OsString,
    cases: Cases,
    next: AtomicU64,
    table: Mutex<Table>,
    shrink: bool,
}

impl Run {
    fn work(&self) {
        let mut oracle = Oracle::start(&self.program);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.cases.count() {
                return;
            }
            let case = self.cases.get(number);
            let mut compared = compare::compare(&mut oracle, &case);
            if compared.verdict.is_failure() && self.cases.is_known(number) {
                compared.verdict = Verdict::NotYet;
            }
            self.count(&compared);
            if compared.verdict.is_failure() {
                self.show(&mut oracle, number, case, &compared.verdict);
            }
        }
    }

    fn count(&self, compared: &compare::Compared) {
        let mut table = self.lock();
        *table.verdicts.entry(compared.verdict.clone()).or_default() += 1;
        table.parameter_sets += compared.parameter_sets;
        table.applications += compared.applications;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Makes the case small and prints it for whoever mends it.
    fn show(&self, oracle: &mut Oracle, number: u64, case: Case, verdict: &Verdict) {
        let small = if self.shrink {
            shrink::shrink(oracle, case, verdict)
        } else {
            case
        };
        let details = compare::compare(oracle, &small).details;
        println!(
            "## {}: {verdict}\n{}\n{details}",
            self.cases.name(number),
            small.shown()
        );
    }

    fn report(&self) -> bool {
        let table = self.lock();
        for (verdict, count) in &table.verdicts {
            println!("{count:>8}  {verdict}");
        }
        println!(
            "{:>8}  sets of parameters and {} Applications compared",
            table.parameter_sets, table.applications
        );
        !table.verdicts.keys().any(Verdict::is_failure)
    }
}
