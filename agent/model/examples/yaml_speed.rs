//! Measures the reader and the writers on files:
//! `cargo run --release -p muster-model --example yaml_speed -- all|read|write|json|digest|clone FILE…`.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a measurement reads files and a clock, and prints"
)]

use std::time::Instant;

use muster_model::{Budgets, Digest, json, yaml};

/// Prints megabytes per second of the best of the rounds that fit in two seconds.
fn measure(name: &str, bytes: usize, mut work: impl FnMut()) {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    if wanted != "all" && wanted != name {
        return;
    }
    let start = Instant::now();
    let mut best = f64::MAX;
    while start.elapsed().as_secs_f64() < 2.0 {
        let round = Instant::now();
        work();
        best = best.min(round.elapsed().as_secs_f64());
    }
    let speed = f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / best / 1e6;
    println!("{name:8} {speed:8.1} MB/s");
}

fn main() {
    let budgets = Budgets::default();
    let files: Vec<Vec<u8>> = std::env::args()
        .skip(2)
        .map(|path| std::fs::read(path).expect("a readable file"))
        .collect();
    let bytes: usize = files.iter().map(Vec::len).sum();
    let documents: Vec<_> = files
        .iter()
        .flat_map(|file| yaml::read(file, &budgets, 0).expect("YAML"))
        .collect();
    println!("{bytes} bytes, {} documents", documents.len());
    measure("read", bytes, || {
        for file in &files {
            std::hint::black_box(yaml::read(file, &budgets, 0).is_ok());
        }
    });
    let printed = yaml::write_documents(&documents).len();
    measure("write", printed, || {
        std::hint::black_box(yaml::write_documents(&documents));
    });
    let length = documents.iter().map(|d| json::to_canonical(d).len()).sum();
    measure("json", length, || {
        for document in &documents {
            std::hint::black_box(json::to_canonical(document));
        }
    });
    measure("digest", length, || {
        for document in &documents {
            std::hint::black_box(Digest::of(json::to_canonical(document).as_bytes()));
        }
    });
    measure("clone", bytes, || {
        std::hint::black_box(documents.clone());
    });
}
