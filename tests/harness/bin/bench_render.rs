//! `make bench-render`: whole `muster render` processes beside `kustomize build` 5.8.1, and 1,000 overlays in one process.
//!
//!     bench-render MUSTER KUSTOMIZE [RUNS]
//!
//! The trees are those of the conformance folder (`MUSTER_CONFORMANCE`, default `../shared/conformance`). Runs alternate,
//! after one of each that warms the file cache. Peak memory is what GNU time reports. Every output is compared.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_kustomize::{Cache, Options, build};
use muster_model::{MemoryTree, RepoPath};
use serde::Deserialize;

#[derive(Deserialize)]
struct Manifest {
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    build_path: String,
}

/// What one program took for one target, over all runs.
#[derive(Default)]
struct Figures {
    times: Vec<Duration>,
    memory: Vec<u64>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, muster, kustomize, rest @ ..] = arguments.as_slice() else {
        eprintln!("bench-render MUSTER KUSTOMIZE [RUNS]");
        return ExitCode::from(2);
    };
    let runs = rest.first().and_then(|r| r.parse().ok()).unwrap_or(5);
    let mut good = true;
    match trees() {
        Some(trees) => {
            println!(
                "{:72} {:>26} {:>26} {:>7} {:>15} {:>7}",
                "target (seconds: min / median / max)",
                "kustomize",
                "muster",
                "faster",
                "peak memory MB",
                "less"
            );
            for tree in trees {
                good &= measure(&tree, Path::new(muster), Path::new(kustomize), runs);
            }
        }
        None => println!(
            "bench-render: SKIPPED, no trees at MUSTER_CONFORMANCE or ../shared/conformance"
        ),
    }
    overlays();
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The folders with a manifest.
fn trees() -> Option<Vec<PathBuf>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    let root = std::env::var_os("MUSTER_CONFORMANCE").map_or(beside, PathBuf::from);
    let mut all: Vec<_> = std::fs::read_dir(root.join("kustomize/trees"))
        .ok()?
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.join("manifest.json").is_file())
        .collect();
    all.sort();
    Some(all)
}

/// Measures every target of a tree; false when an output differs or kustomize is faster.
fn measure(tree: &Path, muster: &Path, kustomize: &Path, runs: usize) -> bool {
    let text =
        std::fs::read_to_string(tree.join("manifest.json")).expect("the manifest can be read");
    let manifest: Manifest = serde_json::from_str(&text).expect("the manifest is as documented");
    let input = tree.join("input");
    let mut good = true;
    let (mut faster, mut less) = (Vec::new(), Vec::new());
    for target in &manifest.targets {
        let dir = input.join(&target.build_path);
        let theirs = [kustomize.as_os_str(), "build".as_ref(), dir.as_os_str()];
        let ours = [
            muster.as_os_str(),
            "render".as_ref(),
            "--root".as_ref(),
            input.as_os_str(),
            dir.as_os_str(),
        ];
        let same = run(&theirs).0 == run(&ours).0;
        let (mut k, mut m) = (Figures::default(), Figures::default());
        for _ in 0..runs {
            k.add(run(&theirs).1);
            m.add(run(&ours).1);
        }
        let (times, peak) = (k.median() / m.median(), k.peak() / m.peak());
        faster.push(times);
        less.push(peak);
        let name = format!(
            "{}/{}",
            tree.file_name().unwrap_or_default().to_string_lossy(),
            target.build_path
        );
        let memory = format!("{:.1} / {:.1}", k.peak(), m.peak());
        println!(
            "{name:72} {:>26} {:>26} {times:>6.1}x {memory:>15} {peak:>6.1}x{}",
            k.shown(),
            m.shown(),
            if same { "" } else { "  DIFFERENT" }
        );
        good &= same && times >= 1.0;
    }
    println!(
        "  {}: {} times faster, {} times less memory (min / median / max)\n",
        tree.display(),
        spread(&mut faster),
        spread(&mut less)
    );
    good
}

/// Runs a program under GNU time: its output, how long it took, its peak memory in KiB.
fn run(command: &[&std::ffi::OsStr]) -> (Vec<u8>, (Duration, u64)) {
    let started = Instant::now();
    let output = Command::new("/usr/bin/time")
        .args(["-q", "-f", "%M"])
        .args(command)
        .output()
        .expect("GNU time runs (Debian: apt-get install time)");
    let took = started.elapsed();
    let errors = String::from_utf8_lossy(&output.stderr);
    let peak = errors
        .lines()
        .last()
        .and_then(|l| l.trim().parse().ok())
        .unwrap_or(0);
    (output.stdout, (took, peak))
}

impl Figures {
    fn add(&mut self, (time, memory): (Duration, u64)) {
        self.times.push(time);
        self.memory.push(memory);
        self.times.sort_unstable();
    }

    fn median(&self) -> f64 {
        self.times[self.times.len() / 2].as_secs_f64()
    }

    /// The largest peak, in MB.
    #[expect(
        clippy::cast_precision_loss,
        reason = "memory sizes are far below the limit"
    )]
    fn peak(&self) -> f64 {
        self.memory.iter().max().map_or(0.0, |m| *m as f64 / 1024.0)
    }

    fn shown(&self) -> String {
        let at = |i: usize| self.times[i].as_secs_f64();
        format!(
            "{:.3} / {:.3} / {:.3}",
            at(0),
            self.median(),
            at(self.times.len() - 1)
        )
    }
}

fn spread(all: &mut [f64]) -> String {
    all.sort_unstable_by(f64::total_cmp);
    match (all.first(), all.get(all.len() / 2), all.last()) {
        (Some(least), Some(middle), Some(most)) => format!("{least:.1} / {middle:.1} / {most:.1}"),
        _ => "no targets".to_owned(),
    }
}

/// 1,000 overlays of one base of ten objects and 8 KB, built in one process on one core.
fn overlays() {
    const COUNT: usize = 1000;
    let mut tree = MemoryTree::new();
    let mut put = |path: &str, text: &str| {
        tree.insert(RepoPath::new(path).expect("a plain path"), text.as_bytes());
    };
    let objects = base();
    put("base/objects.yaml", &objects);
    put("base/kustomization.yaml", "resources: [objects.yaml]\n");
    for number in 0..COUNT {
        let text = format!(
            "resources: [../../base]\nnamePrefix: c{number}-\nnamespace: n{number}\nlabels:\n- pairs: {{cluster: c{number}}}\nimages:\n- {{name: nginx, newTag: '1.{number}'}}\npatches:\n- target: {{kind: Deployment, name: app-0}}\n  patch: |-\n    - {{op: replace, path: /spec/replicas, value: {number}}}\n"
        );
        put(&format!("overlays/{number}/kustomization.yaml"), &text);
    }
    let cache = Arc::new(Cache::new());
    let options = Options {
        cache: Some(Arc::clone(&cache)),
        ..Options::default()
    };
    let started = Instant::now();
    let mut bytes = 0;
    for number in 0..COUNT {
        let dir = RepoPath::new(&format!("overlays/{number}")).expect("a plain path");
        let built = build(&tree, &dir, &options).unwrap_or_else(|e| panic!("{e}"));
        bytes += built.to_yaml().len();
    }
    let took = started.elapsed();
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let rate = COUNT as f64 / took.as_secs_f64();
    println!(
        "{COUNT} overlays of one base (10 objects, {} bytes): {took:.2?}, {rate:.0} overlays/s, {bytes} bytes printed; {} files parsed, each once",
        objects.len(),
        cache.len()
    );
}

/// Ten objects in about 8 KB.
fn base() -> String {
    let mut out = String::new();
    for number in 0..5 {
        let environment: String = (0..20)
            .map(|i| format!("        - name: VARIABLE_{i}\n          value: value-{number}-{i}\n"))
            .collect();
        out.push_str(&format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{number}\n  labels: {{app: app-{number}}}\nspec:\n  replicas: 1\n  selector:\n    matchLabels: {{app: app-{number}}}\n  template:\n    metadata:\n      labels: {{app: app-{number}}}\n    spec:\n      containers:\n      - name: main\n        image: nginx:1.0\n        env:\n{environment}---\napiVersion: v1\nkind: Service\nmetadata:\n  name: app-{number}\nspec:\n  selector: {{app: app-{number}}}\n  ports:\n  - name: http\n    port: 80\n---\n"
        ));
    }
    out
}
