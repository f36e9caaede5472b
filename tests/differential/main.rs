//! Random kustomizations, built by muster and by the real `kustomize build`, must give the same bytes; random
//! ApplicationSets, evaluated by muster and by Argo CD's own code, the same Applications ([`applicationset`]).
//!
//! Needs the program of `tests/oracle/kustomize` in `MUSTER_KUSTOMIZE_ORACLE` (`make oracle` builds it); without it, says
//! so and passes. `MUSTER_SEED` and `MUSTER_TREES` choose what is generated; `MUSTER_CASES` names a file with cases of
//! one's own instead, one JSON object a line as the oracle takes it. What differs is made as small as it gets, printed,
//! and left in the directory `MUSTER_FINDINGS`.

mod applicationset;
mod compare;
mod generate;
mod oracle;
mod shrink;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use compare::Verdict;
use generate::Case;
use oracle::Oracle;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let (kustomizations, sets) = (kustomizations(), applicationset::run());
    if kustomizations && sets {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Compares kustomizations; false when anything differs.
fn kustomizations() -> bool {
    let Some(program) = std::env::var_os("MUSTER_KUSTOMIZE_ORACLE") else {
        println!("SKIPPED: MUSTER_KUSTOMIZE_ORACLE is not set; `make oracle` builds the program");
        return true;
    };
    let (seed, trees) = (setting("MUSTER_SEED", 1), setting("MUSTER_TREES", 1000));
    let given = std::env::var_os("MUSTER_CASES").map(|file| oracle::read_cases(Path::new(&file)));
    let (count, source): (u64, Source) = match given {
        Some(cases) => (
            cases.len() as u64,
            Box::new(move |n| cases[n as usize].clone()),
        ),
        None => (trees, Box::new(move |number| generate::case(seed, number))),
    };
    println!("seed {seed}: {count} trees");
    let run = Run {
        seed,
        program,
        source,
        count,
        next: AtomicU64::new(0),
        counts: Mutex::new(BTreeMap::new()),
        findings: std::env::var_os("MUSTER_FINDINGS"),
        shrink: setting("MUSTER_SHRINK", 1) > 0,
    };
    std::thread::scope(|scope| {
        for _ in 0..setting("MUSTER_JOBS", 2) {
            scope.spawn(|| run.work());
        }
    });
    run.report()
}

type Source = Box<dyn Fn(u64) -> Case + Sync>;

/// Trees that are known to come out differently, `<seed> <number> <why>` a line: each is work to do, and the list only
/// shrinks.
const NOT_YET: &str = include_str!("not-yet.txt");

struct Run {
    seed: u64,
    program: OsString,
    source: Source,
    count: u64,
    next: AtomicU64,
    counts: Mutex<BTreeMap<Verdict, u64>>,
    findings: Option<OsString>,
    shrink: bool,
}

impl Run {
    fn work(&self) {
        let mut oracle = Oracle::start(&self.program);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                return;
            }
            let case = (self.source)(number);
            let mut verdict = compare::compare(&mut oracle, &case);
            if verdict.is_failure() && self.is_known(number) {
                verdict = Verdict::NotYet;
            }
            *self.lock().entry(verdict.clone()).or_default() += 1;
            if verdict.is_failure() {
                self.show(&mut oracle, number, case, &verdict);
            }
        }
    }

    fn is_known(&self, number: u64) -> bool {
        let wanted = format!("{} {number} ", self.seed);
        NOT_YET.lines().any(|line| line.starts_with(&wanted))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Verdict, u64>> {
        self.counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Makes the case small, prints it and leaves it for whoever mends it.
    fn show(&self, oracle: &mut Oracle, number: u64, case: Case, verdict: &Verdict) {
        let small = if self.shrink {
            shrink::shrink(oracle, case, verdict)
        } else {
            case
        };
        let (ours, theirs) = (compare::ours(&small), oracle.ask(&small));
        let mut text = format!("## {number}: {verdict}\n{:?}\n", small.args);
        for (path, content) in &small.files {
            text.push_str(&format!("--- {path}\n{content}"));
        }
        text.push_str(&format!(
            "--- kustomize: {}\n--- muster: {}\n",
            theirs.shown(),
            ours.shown()
        ));
        println!("{text}");
        if let Some(dir) = &self.findings {
            oracle::keep(
                &Path::new(dir).join(number.to_string()),
                &small,
                &theirs,
                &text,
            );
        }
    }

    fn report(&self) -> bool {
        let counts = self.lock();
        for (verdict, count) in &*counts {
            println!("{count:>8}  {verdict}");
        }
        !counts.keys().any(Verdict::is_failure)
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}
