//! What every corpus shares: cases, outcomes, and the table at the end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Failed, Trial};

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Byte for byte what is expected, or the error that is expected.
    Exact,
    /// Equal as objects.
    Equal(String),
    /// A result that is not what is expected, without an error.
    Wrong(String),
    /// A clear error where a result is expected.
    Refused(String),
    /// A panic.
    Crashed(String),
}

/// One case: a name, and what to run.
pub struct Case {
    /// Unique within the corpus.
    pub name: String,
    /// Runs it.
    pub run: Box<dyn Fn() -> Outcome + Send + std::panic::RefUnwindSafe>,
}

/// The cases of one folder.
pub struct Corpus {
    /// The folder below the root of the conformance data.
    pub name: String,
    /// Its cases.
    pub cases: Vec<Case>,
}

/// All outcomes so far.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<Outcomes>>);

/// By corpus: each case and what became of it.
type Outcomes = BTreeMap<String, Vec<(String, Outcome)>>;

/// Where the conformance data lies, when it is there.
pub fn root() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance");
    let path = std::env::var_os("MUSTER_CONFORMANCE").map_or_else(|| default.into(), PathBuf::from);
    path.is_dir().then_some(path)
}

/// The folders of a folder, sorted by name.
pub fn folders(path: &std::path::Path) -> Vec<(String, PathBuf)> {
    let mut all: Vec<_> = std::fs::read_dir(path)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            path.is_dir().then(|| {
                (
                    path.file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned(),
                    path,
                )
            })
        })
        .collect();
    all.sort();
    all
}

impl Corpus {
    /// One trial per case; a case passes when it is exact.
    pub fn into_trials(self, board: &Board) -> Vec<Trial> {
        let corpus = self.name;
        self.cases
            .into_iter()
            .map(|case| {
                let (board, corpus) = (board.clone(), corpus.clone());
                Trial::test(format!("{corpus}::{}", case.name), move || {
                    let outcome = std::panic::catch_unwind(|| (case.run)())
                        .unwrap_or_else(|_| Outcome::Crashed("it panicked".to_owned()));
                    board.add(&corpus, &case.name, outcome.clone());
                    match outcome {
                        Outcome::Exact => Ok(()),
                        other => Err(Failed::from(format!("{other:?}"))),
                    }
                })
            })
            .collect()
    }
}

impl Board {
    fn add(&self, corpus: &str, case: &str, outcome: Outcome) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(corpus.to_owned())
            .or_default()
            .push((case.to_owned(), outcome));
    }

    /// Prints one line per corpus, and the cases that are not exact where asked.
    pub fn print(&self, names: bool) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        println!(
            "{:40} {:>6} {:>6} {:>6} {:>6} {:>8} {:>8}",
            "corpus", "cases", "exact", "equal", "wrong", "refused", "crashed"
        );
        for (corpus, cases) in all.iter() {
            let count = |of: fn(&Outcome) -> bool| cases.iter().filter(|(_, o)| of(o)).count();
            println!(
                "{corpus:40} {:>6} {:>6} {:>6} {:>6} {:>8} {:>8}",
                cases.len(),
                count(|o| matches!(o, Outcome::Exact)),
                count(|o| matches!(o, Outcome::Equal(_))),
                count(|o| matches!(o, Outcome::Wrong(_))),
                count(|o| matches!(o, Outcome::Refused(_))),
                count(|o| matches!(o, Outcome::Crashed(_))),
            );
            if names {
                let mut rest: Vec<_> = cases.iter().filter(|(_, o)| *o != Outcome::Exact).collect();
                rest.sort();
                for (case, outcome) in rest {
                    println!("  {case}: {outcome:?}");
                }
            }
        }
    }
}
