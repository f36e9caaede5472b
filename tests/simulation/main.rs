//! Two hundred seeds of the simulator, and those that once broke something: every invariant of HAZARDS.md section 1 after every step, liveness after the
//! faults stop, and proof that the rare states were met.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use muster_tests::sim::{Options, Report, shrink, simulate, told};

/// The seeds that every run of the tests repeats.
const SEEDS: std::ops::Range<u64> = 1..201;

/// Seeds that once broke an invariant, one a line before what it was.
const FOUND: &str = include_str!("found.txt");

/// States that the seeds together must meet; a script that no longer leads there is no test of them.
const RARE: &[&str] = &[
    "agent ended StaleWriter",
    "approval committed",
    "approved deletion",
    "cause Adoption",
    "cause Drift",
    "cause Handover",
    "cause Update",
    "commit between two reads",
    "crash after an effect",
    "crash before an effect",
    "damaged Git store",
    "etcd restored",
    "failure 403",
    "failure 409",
    "failure 422",
    "failure 429",
    "failure 500",
    "failure timeout after commit",
    "failure timeout before",
    "former managers folded",
    "Git request hung",
    "killed",
    "reason AncestryUnknown",
    "reason ApiThrottled",
    "reason ApiUnreachable",
    "reason ApplyFailed",
    "reason ClaimedTwice",
    "reason Contended",
    "reason CopiedMark",
    "reason DuplicateObject",
    "reason EmptyRender",
    "reason Forbidden",
    "reason GitAuth",
    "reason GitObjectCorrupt",
    "reason GitRateLimited",
    "reason GitServerError",
    "reason GitUnreachable",
    "reason ImmutableField",
    "reason Invalid",
    "reason InvalidYaml",
    "reason KeptGeneration",
    "reason ManualSync",
    "reason MissingField",
    "reason Mutated",
    "reason NamespaceMissing",
    "reason NamespaceTerminating",
    "reason NeedsApproval",
    "reason NoLocalState",
    "reason NonFastForward",
    "reason NotGit",
    "reason NotOurs",
    "reason PathNotFound",
    "reason ProjectDenied",
    "reason PruneConfirm",
    "reason PruneDisabled",
    "reason QuotaExceeded",
    "reason ReservedObject",
    "reason RollbackDetected",
    "reason SelfHealOff",
    "reason SourceMissing",
    "reason StatusPushFailed",
    "reason StatusUnreachable",
    "reason Unassigned",
    "reason WaitingForCrd",
    "reason WaitingForWave",
    "reason WebhookDenied",
    "reason WebhookFailed",
    "recreated",
    "released",
    "stale read of an object",
    "stale read of the parent",
    "state Leaving",
    "state Left",
    "state lost",
    "state Suspended",
    "state Unassigned",
    "status answer lost",
    "status push overtaken",
    "status refs wiped",
    "stopped",
    "stopped, and taken over",
    "two agents",
    "volume lost",
    "watch event missed",
    "watch event repeated",
];

fn seeds() -> Vec<u64> {
    let found = FOUND.lines().filter(|line| !line.starts_with('#'));
    let found = found.map(|line| {
        let seed = line.split(' ').next().unwrap_or_default();
        seed.parse().expect("because a line begins with a seed")
    });
    SEEDS.chain(found).collect()
}

/// Runs every seed, on every processor.
fn run_all(seeds: &[u64]) -> BTreeMap<u64, Report> {
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(BTreeMap::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        return;
                    };
                    let report = simulate(&Options::of(seed));
                    let mut reports = reports.lock().expect("because no worker panics with it");
                    reports.insert(seed, report);
                }
            });
        }
    });
    reports.into_inner().expect("because no worker panicked")
}

#[test]
fn two_hundred_seeds_break_no_invariant_and_meet_every_rare_state() {
    let reports = run_all(&seeds());
    let mut reached = BTreeMap::<String, u64>::new();
    let mut broken = Vec::new();
    for (seed, report) in &reports {
        for (what, times) in &report.reached {
            *reached.entry(what.clone()).or_default() += times;
        }
        if report.violation.is_some() {
            broken.push((*seed, report));
        }
    }
    if let Some((seed, report)) = broken.first() {
        let options = Options::of(*seed);
        let seeds: Vec<u64> = broken.iter().map(|(seed, _)| *seed).collect();
        panic!(
            "{}\nseeds that break an invariant: {seeds:?}",
            told(&options, &shrink(&options, report))
        );
    }
    for (what, times) in &reached {
        println!("{times:>8} {what}");
    }
    let missed: Vec<&&str> = RARE
        .iter()
        .filter(|what| !reached.contains_key(**what))
        .collect();
    assert!(missed.is_empty(), "never met: {missed:?}");
}

#[test]
fn a_seed_is_one_run_byte_for_byte() {
    for seed in [3, 29, 45] {
        let options = Options {
            trace: true,
            ..Options::of(seed)
        };
        let (first, second) = (simulate(&options), simulate(&options));
        assert!(
            first.trace.len() > 100,
            "seed {seed} has {} events",
            first.trace.len()
        );
        assert_eq!(first, second, "seed {seed}");
    }
}
