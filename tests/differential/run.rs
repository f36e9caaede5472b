//! A comparison from its beginning to its end: every case on every worker, what differs made small, a table.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::process::Oracle;

/// How two answers compare, from the best to the worst.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The same.
    Same,
    /// Neither takes the case, or some of it.
    BothRefuse,
    /// A refusal that the documentation names.
    Documented(&'static str),
    /// Different, and written down in `not-yet.txt`.
    NotYet,
    /// The other fails, or loses something, where it should not.
    Broken(&'static str),
    /// Both take it, and this comes out differently.
    Differs(&'static str),
    /// Only the other takes it.
    OnlyOther,
    /// Only muster takes it.
    OnlyMuster,
    /// muster panicked.
    Panicked,
}

impl Verdict {
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Same
            | Self::BothRefuse
            | Self::Documented(_)
            | Self::NotYet
            | Self::Broken(_) => false,
            Self::Differs(_) | Self::OnlyOther | Self::OnlyMuster | Self::Panicked => true,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("the same"),
            Self::BothRefuse => f.write_str("refused by both"),
            Self::Documented(why) => write!(f, "refused by muster on purpose: {why}"),
            Self::NotYet => f.write_str("different, known and still to be mended (not-yet.txt)"),
            Self::Broken(why) => write!(f, "taken by muster, where the other fails: {why}"),
            Self::Differs(what) => write!(f, "DIFFERENT {what}"),
            Self::OnlyOther => f.write_str("REFUSED by muster alone"),
            Self::OnlyMuster => f.write_str("TAKEN by muster alone"),
            Self::Panicked => f.write_str("PANIC in muster"),
        }
    }
}

/// What is compared with what.
pub trait Comparison: Sync {
    /// What both are given.
    type Case;
    /// What is known to come out differently, `<name> <why>` a line: each is work to do, and the list only shrinks.
    const NOT_YET: &'static str;

    /// How many cases there are.
    fn count(&self) -> u64;

    fn case(&self, number: u64) -> Self::Case;

    /// The case as `not-yet.txt` names it.
    fn name(&self, number: u64) -> String;

    /// Gives the case to both.
    fn compare(&self, oracle: &mut Oracle, case: &Self::Case) -> Verdict;

    /// The smallest case found with the same verdict.
    fn shrink(&self, oracle: &mut Oracle, case: Self::Case, verdict: &Verdict) -> Self::Case;

    /// Both answers, for whoever mends it; what is to be kept of it is kept.
    fn show(&self, oracle: &mut Oracle, number: u64, case: &Self::Case) -> String;
}

/// Compares every case; false when anything differs.
pub fn run<C: Comparison>(comparison: &C, program: &OsStr) -> bool {
    let run = Run {
        comparison,
        program,
        next: AtomicU64::new(0),
        counts: Mutex::default(),
        shrinks: setting("MUSTER_SHRINK", 1) > 0,
    };
    std::thread::scope(|scope| {
        for _ in 0..setting("MUSTER_JOBS", 2) {
            scope.spawn(|| run.work());
        }
    });
    run.report()
}

struct Run<'c, C> {
    comparison: &'c C,
    program: &'c OsStr,
    next: AtomicU64,
    counts: Mutex<BTreeMap<Verdict, u64>>,
    shrinks: bool,
}

impl<C: Comparison> Run<'_, C> {
    fn work(&self) {
        let mut oracle = Oracle::start(self.program);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.comparison.count() {
                return;
            }
            let case = self.comparison.case(number);
            let mut verdict = self.comparison.compare(&mut oracle, &case);
            if verdict.is_failure() && self.is_known(number) {
                verdict = Verdict::NotYet;
            }
            *self.counts().entry(verdict.clone()).or_default() += 1;
            if verdict.is_failure() {
                self.show(&mut oracle, number, case, &verdict);
            }
        }
    }

    fn is_known(&self, number: u64) -> bool {
        let wanted = format!("{} ", self.comparison.name(number));
        C::NOT_YET.lines().any(|line| line.starts_with(&wanted))
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, BTreeMap<Verdict, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the case small and prints it.
    fn show(&self, oracle: &mut Oracle, number: u64, case: C::Case, verdict: &Verdict) {
        let small = if self.shrinks {
            self.comparison.shrink(oracle, case, verdict)
        } else {
            case
        };
        let shown = self.comparison.show(oracle, number, &small);
        println!("## {}: {verdict}\n{shown}", self.comparison.name(number));
    }

    fn report(&self) -> bool {
        let counts = self.counts();
        for (verdict, count) in &*counts {
            println!("{count:>8}  {verdict}");
        }
        !counts.keys().any(Verdict::is_failure)
    }
}

/// A number that the environment sets.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}
